"""Inverses of very many small symmetric matrices at once, safe where columns are empty."""

import numpy as np

from kurvs_pipeline.arrays import Array, BoolArray

SMALLEST_PIVOT = 1e-11
"""Part of a column's variance that the others must leave unexplained for it to be kept."""


def invert_symmetric(matrix: Array) -> Array:
    """Invert positive semi-definite matrices by Gauss-Jordan sweeps (Goodnight 1979).

    The shape is (n, n, ...), one matrix for each trailing index. A column that is empty, or that
    the columns before it explain, is left out: its row and column of the inverse are zero.
    """
    scale = np.sqrt(np.maximum(np.einsum("ii...->i...", matrix), 0.0))
    reciprocal_scale = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0.0)
    both = reciprocal_scale[:, None] * reciprocal_scale[None, :]
    work: Array = matrix * both
    kept = np.empty(scale.shape, dtype=bool)
    for column in range(matrix.shape[0]):
        kept[column] = _sweep(work, column)
    work *= -both
    work *= kept[:, None] & kept[None, :]
    return work


def _sweep(work: Array, column: int) -> BoolArray:
    """Sweep one column in place; return for which matrices it could be."""
    values = work[:, column].copy()
    usable = np.asarray(values[column] > SMALLEST_PIVOT)
    reciprocal = np.divide(1.0, values[column], out=np.zeros_like(values[column]), where=usable)
    scaled = values * reciprocal
    work -= values[:, None] * scaled[None, :]
    work[column] = work[:, column] = scaled
    work[column, column] = -reciprocal
    return usable
