"""Noise that neighbouring spaxels and channels share, as reconstruction leaves it.

White noise is drawn on the native spaxels, filtered by two taps along each axis, and
interpolated linearly to the spaxels of the cube. The filter's autocorrelation is the stated
one and ends at one neighbour: in a real KMOS cube the correlation two spaxels apart is
0.00 +- 0.05. Interpolation adds its own covariance on top. Each voxel is then divided by its
expected standard deviation, so that only the covariance differs from that of white noise.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array, Cube
from kurvs_sim.instrument.spaxels import NATIVE_SPAXEL_ARCSEC, SpaxelGrid, require_spaxel
from kurvs_sim.validation import require

LARGEST_TWO_TAP_CORRELATION = 0.5

_WIDE = 128
_MIDDLE = slice(32, 96)
"""Spaxels far from the edges of a wide field: they have all their neighbours."""


@takes_quantities
@dataclass(frozen=True)
class NoiseCovariance:
    """What neighbours share of the noise.

    Parameters
    ----------
    correlation_x, correlation_y : float
        Correlation of neighbouring native spaxels, in [0, 0.5]. The defaults are measured on a cube
        of the KMOS pipeline (programme 092.B-0538), what the whole field shares included;
        without that, 0.26 and 0.07 are left.
    correlation_channels : float
        Correlation of neighbouring channels, in [0, 0.5]; from the same cube.
    native_spaxel_arcsec : float
        Side of a spaxel before resampling.

    Raises
    ------
    MetadataError
        If a value is impossible.
    """

    correlation_x: float = 0.42
    correlation_y: float = 0.27
    correlation_channels: float = 0.07
    native_spaxel_arcsec: float = NATIVE_SPAXEL_ARCSEC

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        for name in ("correlation_x", "correlation_y", "correlation_channels"):
            require(name, getattr(self, name),
                    within=0.0 <= getattr(self, name) <= LARGEST_TWO_TAP_CORRELATION,
                    expected=f"a number in [0, {LARGEST_TWO_TAP_CORRELATION}]")  # fmt: skip
        require_spaxel(native_spaxel_arcsec=self.native_spaxel_arcsec)

    def draw(self, random: np.random.Generator, n_channels: int, grid: SpaxelGrid) -> Cube:
        """Draw noise of unit variance.

        Parameters
        ----------
        random : numpy.random.Generator
            Source of random numbers.
        n_channels : int
            Channels of the cube.
        grid : SpaxelGrid
            Spaxels, whose size sets how many neighbours share noise.

        Returns
        -------
        float32 array, shape (n_channels, n_y, n_x)
        """
        mixing_y, mixing_x = self._mixing(grid)
        shape = (n_channels + 1, mixing_y.shape[1], mixing_x.shape[1])
        white = random.standard_normal(shape, dtype=np.float32)
        first, second = _two_taps(self.correlation_channels)
        filtered = np.float32(first) * white[1:] + np.float32(second) * white[:-1]
        along_x = filtered @ mixing_x.T.astype(np.float32)
        return np.asarray(np.matmul(mixing_y.astype(np.float32), along_x))

    def _correlation_matrices(self, grid: SpaxelGrid) -> tuple[Array, Array]:
        """Return the correlations along y and x, whose product is that of two spaxels."""
        mixing_y, mixing_x = self._mixing(grid)
        return mixing_y @ mixing_y.T, mixing_x @ mixing_x.T

    def coadded_variance_factor(self, weights: Array, grid: SpaxelGrid) -> float:
        """Return how much the covariance adds to the variance of a weighted sum of spaxels.

        Parameters
        ----------
        weights : array, shape (n_y, n_x)
            Weights of the spaxels, which are equally noisy.
        grid : SpaxelGrid
            The spaxels of the cube.
        """
        along_y, along_x = self._correlation_matrices(grid)
        return float(np.vdot(weights, along_y @ weights @ along_x) / np.vdot(weights, weights))

    def total_variance_factor(self, grid: SpaxelGrid) -> float:
        """Return how much the covariance adds to the variance of a sum over many voxels.

        Reconstruction moves noise between voxels but makes none: a voxel's variance is that
        of independent ones over this factor.

        Parameters
        ----------
        grid : SpaxelGrid
            The spaxels of the cube.
        """
        wide = SpaxelGrid(n_x=_WIDE, n_y=_WIDE, spaxel_arcsec=grid.spaxel_arcsec)
        along_y, along_x = self._correlation_matrices(wide)
        spaxels = (
            along_y[_MIDDLE].sum() * along_x[_MIDDLE].sum() / (_MIDDLE.stop - _MIDDLE.start) ** 2
        )
        return float(spaxels * (1.0 + 2.0 * self.correlation_channels))

    def _mixing(self, grid: SpaxelGrid) -> tuple[Array, Array]:
        """Weights of the white native numbers in each spaxel, along y and along x."""
        ratio = grid.spaxel_arcsec / self.native_spaxel_arcsec
        return (
            resampling_matrix(grid.n_y, ratio, self.correlation_y),
            resampling_matrix(grid.n_x, ratio, self.correlation_x),
        )


def _two_taps(correlation: float) -> tuple[float, float]:
    """Return a filter of unit power whose neighbours correlate as asked.

    Taps a, b with a^2 + b^2 = 1 and a b = correlation.
    """
    angle = 0.5 * math.asin(2.0 * correlation)
    return math.cos(angle), math.sin(angle)


@lru_cache(maxsize=8)
def resampling_matrix(n_spaxels: int, spaxel_per_native: float, correlation: float) -> Array:
    """Return filter and linear interpolation along one axis as one matrix, (n_spaxels, n_numbers).

    It multiplies independent numbers; rows have unit power, so that variance is kept. One native
    spaxel beyond each end, and one more for the filter, keep the edges like the middle.

    Parameters
    ----------
    spaxel_per_native : float
        Side of these spaxels over that of a native spaxel.
    correlation : float
        Correlation of neighbouring native spaxels, in [0, 0.5].
    """
    # The small allowance keeps 28 x 0.1 / 0.2 from becoming fifteen.
    n_native = math.ceil(n_spaxels * spaxel_per_native - 1e-9)
    centres = spaxel_per_native * (np.arange(n_spaxels) - 0.5 * (n_spaxels - 1))
    position = centres + 0.5 * (n_native + 1)
    # Spaxels that coincide with native ones must not depend on rounding.
    position = np.round(position, 9)
    left = np.minimum(position.astype(int), n_native)
    fraction = position - left
    rows = np.arange(n_spaxels)
    interpolation = np.zeros((n_spaxels, n_native + 2))
    interpolation[rows, left] = 1.0 - fraction
    interpolation[rows, left + 1] += fraction
    first, second = _two_taps(correlation)
    n_filtered = n_native + 2
    taps = first * np.eye(n_filtered, n_filtered + 1, 1) + second * np.eye(
        n_filtered, n_filtered + 1
    )
    mixing = interpolation @ taps
    mixing /= np.linalg.norm(mixing, axis=1, keepdims=True)
    mixing.setflags(write=False)
    return np.asarray(mixing)
