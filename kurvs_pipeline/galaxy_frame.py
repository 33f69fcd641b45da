"""Second stage: where the galaxy is, how its gas moves and what its own redshift is."""

import logging
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.calibrated_cubes import CalibratedCubes
from kurvs_pipeline.geometry import spaxel_size_arcsec
from kurvs_pipeline.kinematics import KinematicMaps, kinematic_maps, with_velocities
from kurvs_pipeline.line_fluxes import systemic_velocity
from kurvs_pipeline.observation import ObservationMetadata

Array = NDArray[np.float64]

logger = logging.getLogger(__name__)

TYPICAL_SEEING_ARCSEC = 0.6
"""Scale on which the velocity map is smoothed where the seeing is unknown."""


@dataclass(frozen=True)
class GalaxyFrame:
    """Position, motion and redshift of a galaxy.

    Parameters
    ----------
    metadata : ObservationMetadata
        With the redshift that velocities are relative to.
    maps : KinematicMaps
        Of H-alpha, velocities filled to every spaxel.
    x_arcsec, y_arcsec : DataArray
        Spaxel centres from the galaxy's centre, to the West and to the North.
    redshift_err : float
        NaN where the redshift is the one given.
    """

    metadata: ObservationMetadata
    maps: KinematicMaps
    x_arcsec: xr.DataArray
    y_arcsec: xr.DataArray
    redshift_err: float = float("nan")

    @classmethod
    def of(cls, cubes: CalibratedCubes, velocity_kms: Array | None = None) -> "GalaxyFrame":
        """Measure maps of H-alpha, and find the galaxy where headers do not say.

        Parameters
        ----------
        cubes : CalibratedCubes
            Of the galaxy.
        velocity_kms : array, shape (n_y, n_x), optional
            Velocities measured elsewhere, see
            :func:`~kurvs_pipeline.kinematics.with_velocities`.

        Raises
        ------
        MetadataError
            If the velocities do not fit the cube.
        """
        x, y, seeing = cubes.x_arcsec, cubes.y_arcsec, cubes.metadata.seeing_fwhm_arcsec
        maps = kinematic_maps(
            cubes.halpha,
            cubes.metadata.redshift,
            kernel_arcsec=seeing if np.isfinite(seeing) else TYPICAL_SEEING_ARCSEC,
            spaxel_arcsec=spaxel_size_arcsec(x),
        )
        if cubes.metadata.target_position == "unknown":
            centre_x, centre_y = maps.centroid(x.to_numpy(), y.to_numpy())
            logger.info("centre from the H-alpha centroid: (%.2f, %.2f) arcsec", centre_x, centre_y)
            x, y = x - centre_x, y - centre_y
        if velocity_kms is not None:
            maps = with_velocities(maps, velocity_kms)
        return cls(cubes.metadata, maps, x, y)

    def about_systemic(self, cubes: CalibratedCubes, weight: Array) -> "GalaxyFrame":
        """Move redshift and velocities to those of the whole galaxy, if its lines are detected.

        Parameters
        ----------
        cubes : CalibratedCubes
            Of the galaxy.
        weight : array, shape (n_y, n_x)
            Of the integrated aperture.
        """
        velocity, error = systemic_velocity(cubes.halpha, self.metadata.redshift, weight)
        if not np.isfinite(velocity):
            return self
        factor = 1.0 + velocity / SPEED_OF_LIGHT_KMS
        redshift = (1.0 + self.metadata.redshift) * factor - 1.0
        return replace(
            self,
            metadata=replace(self.metadata, redshift=redshift),
            maps=replace(self.maps, velocity_kms=(self.maps.velocity_kms - velocity) / factor),
            redshift_err=error / SPEED_OF_LIGHT_KMS * (1.0 + redshift),
        )
