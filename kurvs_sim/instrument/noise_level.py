"""How noisy voxels are: from a signal-to-noise ratio asked for, or from the exposures."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.bands import Band
from kurvs_sim.instrument.exposures import EXPOSURE_SECONDS, ExposureModel
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.instrument.spaxels import NoiseModel, SpaxelGrid


class NoiseLevel(Protocol):
    """Where the variance of the noise comes from."""

    def n_exposures(self, band: Band) -> float:
        """Return how many exposures of a band were stacked.

        Parameters
        ----------
        band : Band
            IZ, YJ or H.
        """
        ...

    def variance(
        self, light: NDArray[np.float32], band: Band, grid: SpaxelGrid
    ) -> NDArray[np.floating[Any]]:
        """Return the variance of every voxel.

        Parameters
        ----------
        light : float32 array, shape (n_channels, n_y, n_x)
            Light of the galaxy, 1e-16 erg/s/cm2/um per spaxel.
        band : Band
            The channels.
        grid : SpaxelGrid
            The spaxels.

        Returns
        -------
        array, of a shape that broadcasts to (n_channels, n_y, n_x)
            Square of 1e-16 erg/s/cm2/um.
        """
        ...


@dataclass(frozen=True)
class ScaledNoise:
    """Relative noise with a scale that was found from a signal-to-noise ratio."""

    noise: NoiseModel
    scale: float

    def n_exposures(self, band: Band) -> float:
        """Return the time on target in exposures of 600 s (:class:`NoiseLevel`)."""
        return self.noise.exposure_seconds(band) / EXPOSURE_SECONDS

    def variance(
        self,
        light: NDArray[np.float32],  # noqa: ARG002 - the galaxy's photons are left out
        band: Band,
        grid: SpaxelGrid,  # noqa: ARG002 - the scale is that of this grid
    ) -> NDArray[np.floating[Any]]:
        """Return the variance of every channel, shape (n_channels, 1, 1) (:class:`NoiseLevel`)."""
        return np.asarray(self.scale * self.noise.relative_variance(band))[:, None, None]


@takes_quantities
@dataclass(frozen=True)
class StackNoise:
    """Noise of the photons and electrons of a stack.

    Parameters
    ----------
    exposures : ExposureModel
        Stack whose photons and electrons are counted.
    covariance : NoiseCovariance, optional
        Covariance of neighbours: a voxel's variance is then smaller, so that large sums keep
        theirs.
    """

    exposures: ExposureModel
    covariance: NoiseCovariance | None = None

    def n_exposures(self, band: Band) -> float:
        """Return how many exposures of a band were stacked (:class:`NoiseLevel`)."""
        return self.exposures.exposures(band).n_exposures

    def variance(
        self, light: NDArray[np.float32], band: Band, grid: SpaxelGrid
    ) -> NDArray[np.floating[Any]]:
        """Return the variance of every voxel, of the cube's shape (:class:`NoiseLevel`)."""
        variance = self.exposures.variance(light, band, grid)
        if self.covariance is not None:
            variance /= np.float32(self.covariance.total_variance_factor(grid))
        return variance
