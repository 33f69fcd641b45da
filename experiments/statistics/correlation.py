"""Pearson's coefficient of correlation."""

import numpy as np

from kurvs_pipeline.arrays import Array, BoolArray

FEWEST_PAIRS = 3
"""Two points always correlate."""


def pearson(first: Array, second: Array) -> Array:
    """Return Pearson's r along the last axis, of the pairs that are finite.

    Returns
    -------
    array, shape (...)
        NaN for fewer than three pairs, and where one of the two is constant.
    """
    both = np.isfinite(first) & np.isfinite(second)
    n_pairs = both.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = (np.where(both, values - _mean(values, both), 0.0) for values in (first, second))
        r = (a * b).sum(axis=-1) / np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))
    known = (n_pairs >= FEWEST_PAIRS) & _varies(first, both) & _varies(second, both)
    return np.asarray(np.where(known, r, np.nan))


def _mean(values: Array, both: BoolArray) -> Array:
    total = np.where(both, values, 0.0).sum(axis=-1, keepdims=True)
    return np.asarray(total / both.sum(axis=-1, keepdims=True))


def _varies(values: Array, both: BoolArray) -> BoolArray:
    """Whether values differ: less their mean, equal ones are not 0 but what was rounded off."""
    highest = np.max(values, axis=-1, where=both, initial=-np.inf)
    lowest = np.min(values, axis=-1, where=both, initial=np.inf)
    return np.asarray(highest > lowest)
