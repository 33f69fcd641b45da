"""The arithmetic of line fits, compiled: one spectrum at a time, only where its lines shine.

Same steps, in the same order, as :mod:`kurvs_pipeline.projection` and the choice of a start in
:mod:`kurvs_pipeline.grid_search`, which say what they mean. Numba compiles this module on its
first use and keeps the outcome on disk; nothing else may import it before a fit needs it. One
thread, so that results depend neither on the batch nor on the number of workers.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kurvs_pipeline.grid_search import GridSums
from kurvs_pipeline.line_model import LINE_REACH_SIGMAS, BandLineModel
from kurvs_pipeline.projection import (
    CONVERGED_STEP,
    DAMPING_FACTOR,
    DAMPING_MAXIMUM,
    DAMPING_START,
    MAX_STEPS,
    Bounds,
    Minimum,
    Point,
    Spectra,
)
from kurvs_pipeline.small_matrices import SMALLEST_PIVOT

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Indices = NDArray[np.intp]

_SQRT_HALF = math.sqrt(0.5)
_INVERSE_SQRT_TWO_PI = 1.0 / math.sqrt(2.0 * math.pi)

# Sums may be reordered, to use vector instructions; NaN and infinity keep their meaning.
_FAST_SUMS = {"reassoc", "contract", "nsz"}


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function, and keep the outcome on disk where there is a place to write."""
    options = {"error_model": "numpy", "fastmath": _FAST_SUMS}
    try:
        compiled: Callable[..., Any] = njit(cache=True, **options)(function)
    except RuntimeError:
        compiled = njit(**options)(function)
    return compiled


class _Layout(NamedTuple):
    """Lines and channels of a model as plain arrays."""

    n_groups: int
    edges_um: Array
    window_start: Indices
    line_group: Indices
    line_window: Indices
    line_ratio: Array
    line_centre_um: Array
    line_um_per_kms: Array
    line_lsf_um: Array


class _Projection(NamedTuple):
    """One spectrum projected at one velocity and squared width, with its work space."""

    columns: Array
    by_velocity: Array
    by_variance: Array
    weighted: Array
    residual: Array
    right: Array
    amplitudes: Array
    fisher: Array
    slope: Array
    chi2: Array


class _Small(NamedTuple):
    """Work space of small matrices."""

    matrix: Array
    inverse: Array
    scale: Array
    column: Array
    kinetic: Array
    curvature: Array


class _Found(NamedTuple):
    """Outcome for every spectrum, spectra first."""

    kinematics: Array
    amplitudes: Array
    fisher: Array
    slope: Array
    chi2: Array
    converged: BoolArray


def choose_start(sums: GridSums) -> Indices:
    """Return what :func:`kurvs_pipeline.grid_search.choose_start` returns."""
    best = np.empty(len(sums.right), dtype=np.intp)
    _choose_start(sums.gram, sums.right, sums.covered, best)
    return best


def project(model: BandLineModel, spectra: Spectra, active: BoolArray, kinematics: Array) -> Point:
    """Return what :func:`kurvs_pipeline.projection.project` returns."""
    layout, found = _layout(model), _empty(model, len(spectra.flux))
    found.kinematics[:] = kinematics.T
    _project_all(layout, *_rows(spectra, active), found)
    return _point(found)


def descend(
    model: BandLineModel, spectra: Spectra, active: BoolArray, start: Array, bounds: Bounds
) -> Minimum:
    """Return what :func:`kurvs_pipeline.projection.descend` returns."""
    layout, found = _layout(model), _empty(model, len(spectra.flux))
    found.kinematics[:] = start.T
    limits = bounds.lower[:, 0], bounds.upper[:, 0]
    _descend_all(layout, *_rows(spectra, active), *limits, found)
    kinematics = np.ascontiguousarray(found.kinematics.T)
    return Minimum(kinematics, _point(found), found.converged)


def _rows(spectra: Spectra, active: BoolArray) -> tuple[Array, Array, BoolArray]:
    """Return arrays of the one layout in memory that is compiled for."""
    return (
        np.require(spectra.flux, requirements="CW"),
        np.require(spectra.weight, requirements="CW"),
        np.require(active, requirements="CW"),
    )


@lru_cache(maxsize=8)
def _layout(model: BandLineModel) -> _Layout:
    members = [
        (group, index, ratio, *model.line_scale(name))
        for index, window in enumerate(model.windows)
        for group, name, ratio in window.lines
    ]
    group, window, ratio, centre, per_kms, lsf = zip(*members, strict=True)
    edges = [model.edges_um[w.channels.start : w.channels.stop + 1] for w in model.windows]
    return _Layout(
        n_groups=len(model.groups),
        edges_um=np.concatenate(edges),
        window_start=np.array([0, *(w.used.stop for w in model.windows)], dtype=np.intp),
        line_group=np.array(group, dtype=np.intp),
        line_window=np.array(window, dtype=np.intp),
        line_ratio=np.array(ratio, dtype=float),
        line_centre_um=np.array(centre),
        line_um_per_kms=np.array(per_kms),
        line_lsf_um=np.array(lsf),
    )


def _empty(model: BandLineModel, n_spec: int) -> _Found:
    n_linear = len(model.groups) + len(model.windows)
    return _Found(
        kinematics=np.empty((n_spec, 2)),
        amplitudes=np.empty((n_spec, n_linear)),
        fisher=np.empty((n_spec, n_linear + 2, n_linear + 2)),
        slope=np.empty((n_spec, 2)),
        chi2=np.empty(n_spec),
        converged=np.empty(n_spec, dtype=np.bool_),
    )


def _point(found: _Found) -> Point:
    fisher = np.ascontiguousarray(found.fisher.transpose(1, 2, 0))
    return Point(found.amplitudes, fisher, np.ascontiguousarray(found.slope.T), found.chi2)


@_compiled
def _new_projection(layout: _Layout) -> _Projection:
    n_used = layout.window_start[-1]
    n_linear = layout.n_groups + layout.window_start.size - 1
    columns = np.zeros((n_linear + 2, n_used))
    for window in range(n_linear - layout.n_groups):
        start, stop = layout.window_start[window], layout.window_start[window + 1]
        columns[layout.n_groups + window, start:stop] = 1.0
    return _Projection(
        columns,
        np.zeros((layout.n_groups, n_used)),
        np.zeros((layout.n_groups, n_used)),
        np.zeros(n_used),
        np.zeros(n_used),
        np.zeros(n_linear),
        np.zeros(n_linear),
        np.zeros((n_linear + 2, n_linear + 2)),
        np.zeros(2),
        np.zeros(1),
    )


@_compiled
def _new_small(size: int) -> _Small:
    return _Small(
        np.zeros((size, size)),
        np.zeros((size, size)),
        np.zeros(size),
        np.zeros(size),
        np.zeros((2, 2)),
        np.zeros((2, 2)),
    )


@_compiled
def _dot(first: Array, second: Array) -> float:
    total = 0.0
    for index in range(first.size):
        total += first[index] * second[index]
    return total


@_compiled
def _invert(matrix: Array, size: int, inverse: Array, small: _Small) -> None:
    """Invert the leading block of a matrix, as ``invert_symmetric`` does."""
    scale = small.scale
    for i in range(size):
        scale[i] = 1.0 / math.sqrt(matrix[i, i]) if matrix[i, i] > 0.0 else 0.0
    for i in range(size):
        for j in range(size):
            inverse[i, j] = matrix[i, j] * scale[i] * scale[j]
    for column in range(size):
        if not _sweep(inverse, size, column, small.column):
            scale[column] = 0.0
    for i in range(size):
        for j in range(size):
            inverse[i, j] *= -scale[i] * scale[j]


@_compiled
def _sweep(work: Array, size: int, column: int, values: Array) -> bool:
    """Sweep one column in place; return whether it could be."""
    usable = work[column, column] > SMALLEST_PIVOT
    reciprocal = 1.0 / work[column, column] if usable else 0.0
    for i in range(size):
        values[i] = work[i, column]
    for i in range(size):
        scaled = values[i] * reciprocal
        for j in range(size):
            work[i, j] -= scaled * values[j]
    for i in range(size):
        work[i, column] = work[column, i] = values[i] * reciprocal
    work[column, column] = -reciprocal
    return usable


@_compiled
def _add_line(
    layout: _Layout, line: int, velocity: float, variance: float, here: _Projection
) -> None:
    """Add one line's channel-integrated Gaussian and derivatives, where it has light."""
    window, group, edges = layout.line_window[line], layout.line_group[line], layout.edges_um
    per_kms = layout.line_um_per_kms[line]
    width = math.sqrt(variance * per_kms**2 + layout.line_lsf_um[line] ** 2)
    centre = layout.line_centre_um[line] + per_kms * velocity
    first = layout.window_start[window] + window
    last = layout.window_start[window + 1] + window
    reach = LINE_REACH_SIGMAS * width
    start = max(first, first + np.searchsorted(edges[first:last], centre - reach) - 1)
    norm = _INVERSE_SQRT_TWO_PI / width
    z = (edges[start] - centre) / width
    error_function, density = math.erf(z * _SQRT_HALF), norm * math.exp(-0.5 * z * z)
    moment = density * z
    for edge in range(start + 1, last + 1):
        z = (edges[edge] - centre) / width
        next_function, next_density = math.erf(z * _SQRT_HALF), norm * math.exp(-0.5 * z * z)
        next_moment = next_density * z
        per_channel = layout.line_ratio[line] / (edges[edge] - edges[edge - 1])
        channel = edge - 1 - window
        here.columns[group, channel] += 0.5 * (next_function - error_function) * per_channel
        here.by_velocity[group, channel] -= (next_density - density) * per_channel * per_kms
        here.by_variance[group, channel] -= (
            (next_moment - moment) * per_channel * (0.5 * per_kms**2 / width)
        )
        if edges[edge] > centre + reach:
            break
        error_function, density, moment = next_function, next_density, next_moment


@_compiled
def _project(
    layout: _Layout,
    flux: Array,
    weight: Array,
    active: BoolArray,
    kinematics: Array,
    here: _Projection,
    small: _Small,
) -> None:
    """Solve for amplitudes and continua at given kinematics."""
    here.columns[: layout.n_groups] = 0.0
    here.by_velocity[:] = 0.0
    here.by_variance[:] = 0.0
    for line in range(layout.line_group.size):
        if active[layout.line_group[line]]:
            _add_line(layout, line, kinematics[0], kinematics[1], here)
    n_linear = here.amplitudes.size
    for p in range(n_linear):
        _fill_fisher_row(here, weight, p)
        here.right[p] = _dot(here.weighted, flux)
    _invert(here.fisher, n_linear, small.inverse, small)
    for p in range(n_linear):
        here.amplitudes[p] = _dot(small.inverse[p, :n_linear], here.right)
    _combine(here, flux, layout.n_groups)
    for index in range(2):
        _fill_fisher_row(here, weight, n_linear + index)
        here.slope[index] = _dot(here.weighted, here.residual)
    here.chi2[0] = 0.0
    for channel in range(weight.size):
        here.chi2[0] += here.residual[channel] ** 2 * weight[channel]


@_compiled
def _fill_fisher_row(here: _Projection, weight: Array, row: int) -> None:
    """Multiply a column, weighted, with itself and those before it."""
    for channel in range(weight.size):
        here.weighted[channel] = here.columns[row, channel] * weight[channel]
    for other in range(row + 1):
        here.fisher[row, other] = _dot(here.weighted, here.columns[other])
        here.fisher[other, row] = here.fisher[row, other]


@_compiled
def _combine(here: _Projection, flux: Array, n_groups: int) -> None:
    """Make the residual, and the model's derivatives by velocity and squared width."""
    n_linear = here.amplitudes.size
    here.residual[:] = flux
    here.columns[n_linear:] = 0.0
    for p in range(n_linear):
        amplitude = here.amplitudes[p]
        for channel in range(flux.size):
            here.residual[channel] -= amplitude * here.columns[p, channel]
    for p in range(n_groups):
        amplitude = here.amplitudes[p]
        for channel in range(flux.size):
            here.columns[n_linear, channel] += amplitude * here.by_velocity[p, channel]
            here.columns[n_linear + 1, channel] += amplitude * here.by_variance[p, channel]


@_compiled
def _propose(
    here: _Projection,
    kinematics: Array,
    damping: float,
    lower: Array,
    upper: Array,
    small: _Small,
    step: Array,
) -> bool:
    """Fill in the damped step; return whether the undamped one, then taken, is negligible."""
    size, n_linear = here.fisher.shape[0], here.amplitudes.size
    small.matrix[:] = here.fisher
    for index in range(2):
        held = (kinematics[index] <= lower[index] and here.slope[index] <= 0.0) or (
            kinematics[index] >= upper[index] and here.slope[index] >= 0.0
        )
        if held:
            small.matrix[n_linear + index] = 0.0
            small.matrix[:, n_linear + index] = 0.0
    _invert(small.matrix, size, small.inverse, small)
    small.kinetic[:] = small.inverse[n_linear:, n_linear:]
    last = True
    for index in range(2):
        step[index] = _dot(small.kinetic[index], here.slope)
        error = math.sqrt(max(small.kinetic[index, index], 0.0))
        tolerance = CONVERGED_STEP * min(error, upper[index] - lower[index])
        last = last and abs(step[index]) <= tolerance
    if not last:
        _invert(small.kinetic, 2, small.curvature, small)
        for index in range(2):
            small.curvature[index, index] *= 1.0 + damping
        _invert(small.curvature, 2, small.kinetic, small)
        for index in range(2):
            step[index] = _dot(small.kinetic[index], here.slope)
    return last


@_compiled
def _keep(here: _Projection, kinematics: Array, row: int, found: _Found) -> None:
    found.kinematics[row] = kinematics
    found.amplitudes[row] = here.amplitudes
    found.fisher[row] = here.fisher
    found.slope[row] = here.slope
    found.chi2[row] = here.chi2[0]


@_compiled
def _project_all(
    layout: _Layout, flux: Array, weight: Array, active: BoolArray, found: _Found
) -> None:
    here = _new_projection(layout)
    small = _new_small(here.fisher.shape[0])
    for row in range(flux.shape[0]):
        kinematics = found.kinematics[row]
        _project(layout, flux[row], weight[row], active[row], kinematics, here, small)
        _keep(here, kinematics, row, found)


@_compiled
def _descend_all(
    layout: _Layout,
    flux: Array,
    weight: Array,
    active: BoolArray,
    lower: Array,
    upper: Array,
    found: _Found,
) -> None:
    """Minimise chi2 of each spectrum by Levenberg-Marquardt."""
    here, there = _new_projection(layout), _new_projection(layout)
    small = _new_small(here.fisher.shape[0])
    kinematics, trial, step = np.empty(2), np.empty(2), np.empty(2)
    for row in range(flux.shape[0]):
        kinematics[:] = found.kinematics[row]
        _project(layout, flux[row], weight[row], active[row], kinematics, here, small)
        damping, running = DAMPING_START, True
        for _ in range(MAX_STEPS):
            last = _propose(here, kinematics, damping, lower, upper, small, step)
            for index in range(2):
                moved = kinematics[index] + step[index]
                trial[index] = min(max(moved, lower[index]), upper[index])
            _project(layout, flux[row], weight[row], active[row], trial, there, small)
            # The last step is taken even if rounding hides what it gains.
            accepted = last or there.chi2[0] <= here.chi2[0]
            damping *= 1.0 / DAMPING_FACTOR if accepted else DAMPING_FACTOR
            if accepted:
                kinematics, trial = trial, kinematics
                here, there = there, here
            running = not last and damping < DAMPING_MAXIMUM
            if not running:
                break
        negligible = _propose(here, kinematics, 0.0, lower, upper, small, step)
        found.converged[row] = negligible and not running
        _keep(here, kinematics, row, found)


@_compiled
def _choose_start(gram: Array, right: Array, covered: BoolArray, best: Indices) -> None:
    """Find the best point of the grid for each spectrum."""
    n_spec, n_grid, n_linear = right.shape
    inverse = np.empty((n_grid, n_linear, n_linear))
    small = _new_small(n_linear)
    for row in range(n_spec):
        gram_row, covered_row = min(row, gram.shape[0] - 1), min(row, covered.shape[0] - 1)
        if row == max(gram_row, covered_row):
            for point in range(n_grid):
                _unfold(gram[gram_row, point], covered[covered_row, point], small.matrix)
                _invert(small.matrix, n_linear, inverse[point], small)
        best[row] = _best_point(inverse, right[row], covered.shape[2], small.column)


@_compiled
def _unfold(triangle: Array, covered: BoolArray, matrix: Array) -> None:
    """Unfold an upper triangle, without groups that are not covered."""
    pair = 0
    for p in range(matrix.shape[0]):
        for q in range(p, matrix.shape[0]):
            kept = (p >= covered.size or covered[p]) and (q >= covered.size or covered[q])
            matrix[p, q] = matrix[q, p] = triangle[pair] if kept else 0.0
            pair += 1


@_compiled
def _best_point(inverse: Array, right: Array, n_groups: int, amplitudes: Array) -> int:
    """Return where the gain is largest, points of emission before those of absorption."""
    n_grid, n_linear = right.shape
    best, best_gain, best_absorbed = 0, -np.inf, True
    for point in range(n_grid):
        gain = 0.0
        for p in range(n_linear):
            amplitudes[p] = 0.0
            for q in range(n_linear):
                amplitudes[p] += inverse[point, p, q] * right[point, q]
            gain += amplitudes[p] * right[point, p]
        lowest, highest = np.inf, -np.inf
        for p in range(n_groups):
            variance = inverse[point, p, p]
            significance = amplitudes[p] / math.sqrt(variance) if variance > 0.0 else 0.0
            lowest, highest = min(lowest, significance), max(highest, significance)
        absorbed = max(0.0, -lowest) > highest
        better = gain > best_gain if absorbed == best_absorbed else best_absorbed
        if better:
            best, best_gain, best_absorbed = point, gain, absorbed
    return best
