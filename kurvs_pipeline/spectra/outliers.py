"""Single voxels that no light explains, such as hot pixels and what is left of cosmic rays."""

import numpy as np

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.robust import MAD_TO_SIGMA

OUTLIER_SIGMAS = 10.0
"""Distance from the channels beside it; noise alone goes so far in none of 1e20 voxels."""

LARGEST_SHARE = 0.3
"""Of this distance, what neighbours of a hot voxel can have. Light reaches further: behind the
seeing a spaxel has half of its neighbour's, behind the line spread a channel two thirds."""


def lone_outliers(flux: Array, sigma: Array | None, valid: BoolArray) -> BoolArray:
    """Return the voxels that differ from all that surround them, shape (n_channels, n_y, n_x).

    ``sigma`` is the standard deviation of the noise; without one it is taken from the scatter of
    each channel.
    """
    found = np.zeros(valid.shape, dtype=bool)
    if len(flux) < 5:
        return found
    above = flux[1:-1] - 0.5 * (flux[:-2] + flux[2:])
    noise = _scatter(above, valid[1:-1]) if sigma is None else sigma[1:-1]
    with np.errstate(invalid="ignore"):
        far = valid[1:-1] & (np.abs(above) > OUTLIER_SIGMAS * noise)
    for place in np.argwhere(far):
        channel, row, column = place[0] + 1, place[1], place[2]
        found[channel, row, column] = _stands_alone(flux, valid, (channel, row, column))
    return found


def _scatter(above: Array, valid: BoolArray) -> Array:
    """Return the robust scatter of each channel, shape (n_channels, 1, 1)."""
    size = np.where(valid, np.abs(above), np.nan).reshape(len(above), -1)
    counted = np.isfinite(size).any(axis=1)
    scatter = np.full(len(above), np.nan)
    scatter[counted] = MAD_TO_SIGMA * np.nanmedian(size[counted], axis=1)
    return scatter[:, None, None]


def _stands_alone(flux: Array, valid: BoolArray, at: tuple[int, int, int]) -> bool:
    """Return whether a voxel differs from its level, and those beside it do not."""
    channel, row, column = at
    beside = [i for i in (channel - 2, channel - 1, channel + 1, channel + 2) if 0 <= i < len(flux)]

    def distance(y: int, x: int) -> float:
        """Return how far a spaxel's voxel is from the spaxel's level about this channel."""
        return float(flux[channel, y, x] - np.median(flux[beside, y, x]))

    own = distance(row, column)
    level = float(np.median(flux[beside, row, column]))
    if np.abs(flux[[channel - 1, channel + 1], row, column] - level).max() > LARGEST_SHARE * abs(
        own
    ):
        return False
    n_y, n_x = valid.shape[1:]
    around = [
        distance(y, x)
        for y, x in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
        if 0 <= y < n_y and 0 <= x < n_x and valid[channel, y, x]
    ]
    return not around or float(np.abs(around).max()) < LARGEST_SHARE * abs(own)
