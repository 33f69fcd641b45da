"""A galaxy found in its cubes: calibrated spectra, redshift, velocities and apertures."""

from dataclasses import dataclass, replace

import xarray as xr

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.geometry import PlacedApertures
from kurvs_pipeline.kinematics.frame import GalaxyFrame
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_pipeline.smearing.correction import DiskSmearing
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.spectra.cubes import CalibratedCubes


@dataclass(frozen=True, eq=False)
class LocatedGalaxy:
    """All that line fits need to know of a galaxy.

    Parameters
    ----------
    cubes : CalibratedCubes
        With the noise that they have, and without sky and continuum.
    frame : GalaxyFrame
        Centre, velocities and the galaxy's own redshift.
    apertures : PlacedApertures
        The integrated ellipse and the annuli, on the galaxy's spaxels.
    """

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
            Mock or real; ``/truth`` is never read.
        scheme : BinningScheme
            The annuli; the background lies outside the last one.
        velocity_kms : array, shape (n_y, n_x), optional
            Velocities measured elsewhere, relative to the redshift given; NaN where there are
            none. By default they are measured in the cube.
        centre_by : str
            ``halpha`` or ``continuum``: what the galaxy is found by where headers do not say.

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
        """What is known of the galaxy, with its own redshift."""
        return self.frame.metadata

    @property
    def radius_kpc(self) -> Array:
        """Where each annulus is placed in the gradient, shape (n_annuli,)."""
        return self.apertures.annuli.middle_arcsec * kpc_per_arcsec(self.metadata.redshift)

    def smearing(self, seeing: SeeingKnowledge | None = None) -> DiskSmearing:
        """Return what the seeing does to the annuli.

        Parameters
        ----------
        seeing : SeeingKnowledge, optional
            With its errors, where more is known than the observation states.
        """
        x, y = self.frame.x_arcsec.to_numpy(), self.frame.y_arcsec.to_numpy()
        return DiskSmearing(self.metadata, x, y, self.apertures.annuli.weights, seeing=seeing)

    def with_scheme(self, scheme: BinningScheme) -> "LocatedGalaxy":
        """Place the annuli of another scheme; noise, centre and velocities stay.

        Parameters
        ----------
        scheme : BinningScheme
            The annuli.

        Returns
        -------
        LocatedGalaxy

        Raises
        ------
        CoverageError
            If an annulus lies outside the data.
        """
        return replace(self, apertures=_placed(self.cubes, self.frame, scheme))

    @property
    def in_halpha_band(self) -> "LocatedGalaxy":
        """The same with the band of H-alpha alone, which is all that [N II]/H-alpha needs."""
        name, band = next(iter(self.cubes.bands.items()))
        return replace(self, cubes=replace(self.cubes, bands={name: band}))


def _placed(cubes: CalibratedCubes, frame: GalaxyFrame, scheme: BinningScheme) -> PlacedApertures:
    return PlacedApertures.of(
        frame.metadata, scheme, x=frame.x_arcsec, y=frame.y_arcsec,
        valid_spaxels=cubes.halpha.valid_spaxels,
    )  # fmt: skip
