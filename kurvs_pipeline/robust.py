"""Statistics that tolerate outliers: masked medians, and scatter as a standard deviation."""

import numpy as np

from kurvs_pipeline.arrays import Array, BoolArray

MAD_TO_SIGMA = 1.4826
"""Standard deviation of Gaussian noise over its median absolute deviation."""

ONE_SIGMA_PERCENTILES = (15.865, 84.135)
"""Ends of the central 68 per cent: one standard deviation either side of a Gaussian's mean."""


def masked_median(
    values: Array, valid: BoolArray, *, axis: int | tuple[int, ...], keepdims: bool = False
) -> Array:
    """Return the median of valid values along axes; NaN, without a warning, where there are none.

    Values that are not finite are left out. ``keepdims`` keeps these axes with length 1.
    """
    usable = valid & np.isfinite(values)
    counts = np.count_nonzero(usable, axis=axis, keepdims=True)
    # nanmedian is slow on a cube and warns on an empty slice: sort once instead.
    axes = (axis,) if isinstance(axis, int) else axis
    moved = np.moveaxis(np.where(usable, values, np.inf), axes, range(-len(axes), 0))
    flat = np.sort(moved.reshape(*moved.shape[: moved.ndim - len(axes)], -1), axis=-1)
    number = counts.reshape(flat.shape[:-1])
    low = np.maximum((number - 1) // 2, 0)[..., None]
    high = np.minimum(number // 2, flat.shape[-1] - 1)[..., None]
    pair = np.concatenate(
        [np.take_along_axis(flat, low, -1), np.take_along_axis(flat, high, -1)], axis=-1
    )
    median = np.where(number > 0, np.where(np.isfinite(pair), pair, 0.0).mean(axis=-1), np.nan)
    return np.asarray(median.reshape(counts.shape) if keepdims else median)
