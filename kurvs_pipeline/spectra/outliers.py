"""Single voxels that no light explains, such as hot pixels and what is left of cosmic rays."""

import numpy as np
from scipy import ndimage

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.robust import MAD_TO_SIGMA

OUTLIER_SIGMAS = 10.0
"""Distance from the channels beside it; noise alone goes so far in none of 1e20 voxels."""

LARGEST_SHARE = 0.3
"""Of this distance, what neighbours of a hot voxel can have. Light reaches further: behind the
seeing a spaxel has half of its neighbour's, behind the line spread a channel two thirds."""


FAINTEST_SHARE = 0.05
"""Of this distance, less than what any seeing leaves in the next spaxels: it decides alone."""

LONGEST_EQUAL = 8
"""Channels of one spaxel that hold the same value: in whole numbers of noise, once in 1e6."""

LARGEST_SHARE_EQUAL = 0.8
"""Of neighbouring channels that are equal; more are so in a continuum without noise."""


def lone_outliers(flux: Array, sigma: Array | None, valid: BoolArray) -> BoolArray:
    """Return the voxels that differ from all that surround them, shape (n_channels, n_y, n_x).

    ``sigma`` is the standard deviation of the noise; without one it is taken from the scatter of
    each channel.
    """
    found = np.zeros(valid.shape, dtype=bool)
    if len(flux) < 5:
        return found
    # The first and the last channel have neighbours on one side alone.
    above = flux - np.concatenate([flux[1:2], 0.5 * (flux[:-2] + flux[2:]), flux[-2:-1]])
    if sigma is None:
        noise = _scatter(above, valid)
    else:
        # A quiet channel beside a sky line differs from it by the noise of the sky line.
        own = sigma**2
        beside = np.concatenate([own[1:2], 0.25 * (own[:-2] + own[2:]), own[-2:-1]])
        noise = np.sqrt(own + beside)
    with np.errstate(invalid="ignore"):
        far = valid & (np.abs(above) > OUTLIER_SIGMAS * noise)
    for channel, row, column in np.argwhere(far).tolist():
        found[channel, row, column] = _stands_alone(flux, valid, (channel, row, column))
    return found


def stuck_channels(flux: Array, valid: BoolArray) -> BoolArray:
    """Return the voxels of a spaxel that hold one value, not 0, in many channels on end.

    Noise does not: such a stretch was filled in. A cube that is equal almost everywhere has no
    noise, and nothing is found.
    """
    used = valid[1:] & valid[:-1] & (flux[1:] != 0.0)
    same = used & (flux[1:] == flux[:-1])
    found = np.zeros(valid.shape, dtype=bool)
    if not LONGEST_EQUAL <= same.sum() <= LARGEST_SHARE_EQUAL * used.sum():
        return found
    run = ndimage.binary_opening(same, np.ones((LONGEST_EQUAL, 1, 1)))
    found[1:] |= run
    found[:-1] |= run
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

    own = abs(distance(row, column))
    level = float(np.median(flux[beside, row, column]))
    n_y, n_x = valid.shape[1:]
    around = sorted(
        abs(distance(y, x))
        for y, x in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
        if 0 <= y < n_y and 0 <= x < n_x and valid[channel, y, x]
    )
    # One neighbour may be hot itself; light would reach the others.
    reached = around[-2] if len(around) > 2 else around[-1] if around else 0.0
    if reached < FAINTEST_SHARE * own:
        return True
    next_to = np.abs(flux[[i for i in beside if abs(i - channel) == 1], row, column] - level)
    return reached < LARGEST_SHARE * own and float(next_to.max()) < LARGEST_SHARE * own
