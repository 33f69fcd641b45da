"""A galaxy located in its cubes: calibrated cubes, redshift, velocities and apertures."""

from dataclasses import dataclass, replace

import xarray as xr

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.geometry import PlacedApertures
from kurvs_pipeline.kinematics.frame import GalaxyFrame
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_pipeline.representation import short_repr
from kurvs_pipeline.smearing.correction import DiskSmearing
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.spectra.cubes import CalibratedCubes


@dataclass(frozen=True, eq=False)
class LocatedGalaxy:
    """A galaxy whose place, redshift and velocities are known, with apertures on its spaxels.

    Parameters
    ----------
    cubes : CalibratedCubes
        Cubes with calibrated noise, without sky residuals and continuum.
    frame : GalaxyFrame
        Centre, velocities and the galaxy's own redshift.
    apertures : PlacedApertures
        The integrated ellipse and the annuli, on the galaxy's spaxels.
    """

    __repr__ = short_repr

    cubes: CalibratedCubes
    frame: GalaxyFrame
    apertures: PlacedApertures

    @classmethod
    def of(
        cls,
        observation: xr.DataTree,
        scheme: BinningScheme,
        *,
        velocity_kms: Array | None = None,
        centre_by: str = "halpha",
    ) -> "LocatedGalaxy":
        """Calibrate the cubes, find the galaxy in them, and place its apertures.

        Parameters
        ----------
        observation : DataTree
            Mock or real data; ``/truth`` is never read.
        scheme : BinningScheme
            Division into annuli; the background is measured outside the last one.
        velocity_kms : array, shape (n_y, n_x), optional
            Velocities from elsewhere, relative to the redshift given; NaN where there are none. By
            default they are measured in the cube.
        centre_by : str
            ``halpha`` or ``continuum``: light that the centre is measured from where headers do not
            state it.

        Raises
        ------
        MetadataError
            If the redshift or the geometry is unknown, bands have different flux units, or the
            velocities do not fit the cube.
        CoverageError
            If H-alpha or an annulus lies outside the data.
        """
        cubes = CalibratedCubes.of(observation, scheme)
        frame = GalaxyFrame.of(cubes, velocity_kms, centre_by=centre_by)
        apertures = _placed(cubes, frame, scheme)
        frame = frame.about_systemic(cubes, apertures.integrated_weights)
        return cls(cubes, frame, apertures)

    @property
    def metadata(self) -> ObservationMetadata:
        """Metadata with the galaxy's own redshift."""
        return self.frame.metadata

    @property
    def radius_kpc(self) -> Array:
        """Radius of each annulus in the gradient, shape (n_annuli,)."""
        return self.apertures.annuli.middle_arcsec * kpc_per_arcsec(self.metadata.redshift)

    def smearing(self, seeing: SeeingKnowledge | None = None) -> DiskSmearing:
        """Return the beam smearing of the annuli.

        Parameters
        ----------
        seeing : SeeingKnowledge, optional
            Seeing with its errors, where more is known than the observation states.
        """
        x, y = self.frame.x_arcsec.to_numpy(), self.frame.y_arcsec.to_numpy()
        return DiskSmearing(self.metadata, x, y, self.apertures.annuli.weights, seeing=seeing)

    def with_scheme(self, scheme: BinningScheme) -> "LocatedGalaxy":
        """Return the galaxy with the annuli of another scheme; noise, centre and velocities stay.

        Parameters
        ----------
        scheme : BinningScheme
            Division into annuli.

        Raises
        ------
        CoverageError
            If an annulus lies outside the data.
        """
        return replace(self, apertures=_placed(self.cubes, self.frame, scheme))

    @property
    def in_halpha_band(self) -> "LocatedGalaxy":
        """The galaxy with the band of H-alpha alone, which is all that [N II]/H-alpha needs."""
        name, band = next(iter(self.cubes.bands.items()))
        return replace(self, cubes=replace(self.cubes, bands={name: band}))


def _placed(cubes: CalibratedCubes, frame: GalaxyFrame, scheme: BinningScheme) -> PlacedApertures:
    return PlacedApertures.of(
        frame.metadata, scheme, x=frame.x_arcsec, y=frame.y_arcsec,
        valid_spaxels=cubes.halpha.valid_spaxels,
    )  # fmt: skip
