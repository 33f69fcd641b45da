"""The choice of a start on the grid, compiled."""

import math
from typing import NamedTuple

import numpy as np

from kurvs_pipeline.arrays import Array, BoolArray, IntArray
from kurvs_pipeline.fitting.compiled.numba import compiled
from kurvs_pipeline.fitting.matrices import SMALLEST_PIVOT
from kurvs_pipeline.fitting.start import GridSums


class _Work(NamedTuple):
    """Work space for the grid; its points come last, to be computed side by side."""

    inverse: Array
    scale: Array
    values: Array
    gain: Array
    smallest_pivot: float


def choose_start(sums: GridSums) -> IntArray:
    """Return what :func:`kurvs_pipeline.fitting.plain.choose_start` returns.

    Parameters
    ----------
    sums : GridSums
        Of the spectra.
    """
    n_spec, n_linear, n_grid = sums.right.shape
    best = np.empty(n_spec, dtype=np.intp)
    work = _Work(
        inverse=np.empty((n_linear, n_linear, n_grid)),
        scale=np.empty((n_linear, n_grid)),
        values=np.empty((n_linear, n_grid)),
        gain=np.empty(n_grid),
        smallest_pivot=SMALLEST_PIVOT,
    )
    _choose_start(sums.pairs, sums.gram, sums.right, sums.covered, work, best)
    return best


@compiled
def _choose_start(
    pairs: IntArray,
    gram: Array,
    right: Array,
    covered: BoolArray,
    work: _Work,
    best: IntArray,
) -> None:
    """Find the best point of the grid for each spectrum."""
    for row in range(right.shape[0]):
        gram_row, covered_row = min(row, gram.shape[0] - 1), min(row, covered.shape[0] - 1)
        if row == max(gram_row, covered_row):
            _unfold(pairs, gram[gram_row], covered[covered_row], work.inverse)
            _invert(work)
        _solve(right[row], work)
        best[row] = _best_point(covered.shape[1], work)


@compiled
def _unfold(pairs: IntArray, gram: Array, covered: BoolArray, matrix: Array) -> None:
    """Make matrices of the pairs, without groups that are not covered."""
    n_linear, _, n_grid = matrix.shape
    for p in range(n_linear):
        for q in range(n_linear):
            for point in range(n_grid):
                matrix[p, q, point] = 0.0
    for pair in range(pairs.shape[0]):
        p, q = pairs[pair]
        for point in range(n_grid):
            kept = (p >= covered.shape[0] or covered[p, point]) and (
                q >= covered.shape[0] or covered[q, point]
            )
            matrix[p, q, point] = matrix[q, p, point] = gram[pair, point] if kept else 0.0


@compiled
def _invert(work: _Work) -> None:
    """Invert the matrices of all points, as ``invert_symmetric`` does."""
    inverse, scale = work.inverse, work.scale
    n_linear, _, n_grid = inverse.shape
    for p in range(n_linear):
        for point in range(n_grid):
            variance = inverse[p, p, point]
            scale[p, point] = 1.0 / math.sqrt(variance) if variance > 0.0 else 0.0
    for p in range(n_linear):
        for q in range(n_linear):
            for point in range(n_grid):
                inverse[p, q, point] *= scale[p, point] * scale[q, point]
    for column in range(n_linear):
        _sweep(work, column)
    for p in range(n_linear):
        for q in range(n_linear):
            for point in range(n_grid):
                inverse[p, q, point] *= -scale[p, point] * scale[q, point]


@compiled
def _sweep(work: _Work, column: int) -> None:
    """Sweep one column of all points in place; where that cannot be, leave it out."""
    inverse, values, reciprocal = work.inverse, work.values, work.gain
    n_linear, _, n_grid = inverse.shape
    for point in range(n_grid):
        pivot = inverse[column, column, point]
        usable = pivot > work.smallest_pivot
        reciprocal[point] = 1.0 / pivot if usable else 0.0
        work.scale[column, point] *= 1.0 if usable else 0.0
        for p in range(n_linear):
            values[p, point] = inverse[p, column, point]
    for p in range(n_linear):
        for q in range(n_linear):
            for point in range(n_grid):
                inverse[p, q, point] -= values[p, point] * values[q, point] * reciprocal[point]
    for p in range(n_linear):
        for point in range(n_grid):
            swept = values[p, point] * reciprocal[point]
            inverse[p, column, point] = inverse[column, p, point] = swept
    for point in range(n_grid):
        inverse[column, column, point] = -reciprocal[point]


@compiled
def _solve(right: Array, work: _Work) -> None:
    """Find amplitudes and the gain in chi2 at all points."""
    amplitudes, gain = work.values, work.gain
    for point in range(right.shape[1]):
        gain[point] = 0.0
    for p in range(right.shape[0]):
        for point in range(right.shape[1]):
            amplitudes[p, point] = 0.0
        for q in range(right.shape[0]):
            for point in range(right.shape[1]):
                amplitudes[p, point] += work.inverse[p, q, point] * right[q, point]
        for point in range(right.shape[1]):
            gain[point] += amplitudes[p, point] * right[p, point]


@compiled
def _best_point(n_groups: int, work: _Work) -> int:
    """Return where the gain is largest, points of emission before those of absorption."""
    best, best_gain, best_absorbed = 0, -np.inf, True
    for point in range(work.gain.size):
        gain = work.gain[point]
        if not best_absorbed and gain <= best_gain:
            continue
        lowest, highest = np.inf, -np.inf
        for p in range(n_groups):
            variance, amplitude = work.inverse[p, p, point], work.values[p, point]
            significance = amplitude / math.sqrt(variance) if variance > 0.0 else 0.0
            lowest, highest = min(lowest, significance), max(highest, significance)
        absorbed = max(0.0, -lowest) > highest
        if gain > best_gain if absorbed == best_absorbed else best_absorbed:
            best, best_gain, best_absorbed = point, gain, absorbed
    return best
