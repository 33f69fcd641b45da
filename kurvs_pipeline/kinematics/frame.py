"""The frame of a galaxy: its centre, its velocities and its own redshift."""

import logging
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.geometry import spaxel_size_arcsec
from kurvs_pipeline.kinematics.centre import continuum_centre
from kurvs_pipeline.kinematics.redshift import IntegratedSpectrum
from kurvs_pipeline.kinematics.velocity_map import (
    KinematicMaps,
    contradiction,
    kinematic_maps,
    with_velocities,
)
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_pipeline.representation import short_repr
from kurvs_pipeline.spectra.cubes import CalibratedCubes

logger = logging.getLogger(__name__)

DOUBTFUL_VELOCITIES = "doubtful_velocities"
"""Flag of lines of a galaxy whose velocity map contradicts its cube."""

TYPICAL_SEEING_ARCSEC = 0.6
"""Scale on which the velocity map is smoothed where the seeing is unknown."""

CENTRE_BY = ("halpha", "continuum")
"""Light that a galaxy's centre is measured from where headers do not state it."""


@dataclass(frozen=True, eq=False)
class GalaxyFrame:
    """Centre, velocities and redshift of a galaxy.

    Parameters
    ----------
    metadata : ObservationMetadata
        Metadata with the redshift that velocities are relative to.
    maps : KinematicMaps
        Maps of H-alpha, velocities filled to every spaxel.
    x_arcsec, y_arcsec : DataArray
        Spaxel centres from the galaxy's centre, to the West and to the North.
    redshift_err : float
        Standard error of the redshift; NaN where it is the one given.
    assumptions : tuple of str
        Assumptions of the cubes, and how the centre was found.
    doubtful_redshift : bool
        Whether a line is brighter than any can be beside H-alpha at this redshift.
    contradicted_velocities : bool
        Whether velocities from elsewhere are not those of the cube.
    """

    __repr__ = short_repr

    metadata: ObservationMetadata
    maps: KinematicMaps
    x_arcsec: xr.DataArray
    y_arcsec: xr.DataArray
    redshift_err: float = float("nan")
    assumptions: tuple[str, ...] = ()
    doubtful_redshift: bool = False
    contradicted_velocities: bool = False

    @classmethod
    def of(
        cls,
        cubes: CalibratedCubes,
        velocity_kms: Array | None = None,
        *,
        centre_by: str = "halpha",
    ) -> "GalaxyFrame":
        """Measure maps of H-alpha, and find the centre where headers do not state it.

        Parameters
        ----------
        cubes : CalibratedCubes
            Calibrated cubes of the galaxy.
        velocity_kms : array, shape (n_y, n_x), optional
            Velocities from elsewhere, see
            :func:`~kurvs_pipeline.kinematics.velocity_map.with_velocities`.
        centre_by : str
            ``halpha``, the centroid of H-alpha; or ``continuum``, the peak of the stellar light
            where it is bright enough.

        Raises
        ------
        MetadataError
            If the velocities do not fit the cube.
        """
        x, y, assumptions = cubes.x_arcsec, cubes.y_arcsec, cubes.assumptions
        maps = kinematic_maps(
            cubes.halpha,
            cubes.metadata.redshift,
            kernel_arcsec=_seeing_arcsec(cubes.metadata),
            spaxel_arcsec=spaxel_size_arcsec(x),
        )
        if cubes.metadata.target_position == "unknown":
            (centre_x, centre_y), how = _centre(cubes, maps, centre_by)
            note = f"centre from {how}: x = {centre_x:+.2f}, y = {centre_y:+.2f} arcsec"
            x, y, assumptions = x - centre_x, y - centre_y, (*assumptions, note)
        said = ""
        if velocity_kms is not None:
            given = with_velocities(maps, velocity_kms)
            said, maps = contradiction(maps, velocity_kms), given
        if said:
            assumptions = (*assumptions, f"doubtful: {said}; check its sign, axes and unit")
            logger.warning("%s", said)
        return cls(
            cubes.metadata, maps, x, y, assumptions=assumptions, contradicted_velocities=bool(said)
        )

    def about_systemic(self, cubes: CalibratedCubes, weight: Array) -> "GalaxyFrame":
        """Return the frame with redshift and velocities relative to the whole galaxy's lines.

        Without detected lines it stays as it is. A line brighter than any can be beside H-alpha
        puts the redshift in doubt instead.

        Parameters
        ----------
        cubes : CalibratedCubes
            Calibrated cubes of the galaxy.
        weight : array, shape (n_y, n_x)
            Fraction of each spaxel in the integrated aperture.
        """
        stated = self.metadata.redshift
        whole = IntegratedSpectrum.of(cubes.halpha, stated, weight)
        doubt = whole.doubt()
        if doubt:
            logger.warning("%s", doubt)
            return replace(self, assumptions=(*self.assumptions, doubt), doubtful_redshift=True)
        velocity, error = whole.systemic_velocity
        if not np.isfinite(velocity):
            return self
        factor = 1.0 + velocity / SPEED_OF_LIGHT_KMS
        redshift = (1.0 + stated) * factor - 1.0
        return replace(
            self,
            metadata=replace(self.metadata, redshift=redshift),
            maps=replace(self.maps, velocity_kms=(self.maps.velocity_kms - velocity) / factor),
            redshift_err=error / SPEED_OF_LIGHT_KMS * (1.0 + redshift),
        )


def require_centre_by(centre_by: str) -> None:
    """Refuse ways to find the centre of a galaxy that are none of ``CENTRE_BY``."""
    if centre_by not in CENTRE_BY:
        raise ConfigurationError(f"--centre-by is '{centre_by}'; expected {' or '.join(CENTRE_BY)}")


def _seeing_arcsec(metadata: ObservationMetadata) -> float:
    seeing = metadata.seeing_fwhm_arcsec
    return seeing if np.isfinite(seeing) else TYPICAL_SEEING_ARCSEC


def _centre(
    cubes: CalibratedCubes, maps: KinematicMaps, centre_by: str
) -> tuple[tuple[float, float], str]:
    """Return the centre in arcsec, and how it was found."""
    require_centre_by(centre_by)
    axes = cubes.x_arcsec.to_numpy(), cubes.y_arcsec.to_numpy()
    if centre_by == "halpha":
        return maps.centroid(*axes), "the H-alpha centroid"
    seeing_arcsec = _seeing_arcsec(cubes.metadata)
    found = continuum_centre(cubes.halpha, *axes, seeing_arcsec=seeing_arcsec)
    if found is None:
        return maps.centroid(*axes), "the H-alpha centroid, as the continuum is too faint"
    return found, "the brightest continuum"
