"""The arithmetic of line fits, compiled: one spectrum at a time, only where its lines shine.

Same steps, in the same order, as :mod:`kurvs_pipeline.projection` and the choice of a start in
:mod:`kurvs_pipeline.grid_search`, which say what they mean. Numba compiles this module on its
first use and keeps the outcome on disk; nothing else may import it before a fit needs it. One
thread, so that results depend neither on the batch nor on the number of workers.
"""

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple, cast

import numpy as np
from numba import njit
from numpy.polynomial.hermite_e import hermevander
from numpy.typing import NDArray
from scipy.special import ndtr

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

_NODES_PER_SIGMA = 32
_TAYLOR_TERMS = 7
"""Enough for the normal distribution to 1e-15 and its density to 1e-12 between the nodes."""

# Sums may be reordered, to use vector instructions; NaN and infinity keep their meaning.
_FAST_SUMS = {"reassoc", "contract", "nsz"}


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function, and keep the outcome on disk where there is a place to write.

    Callers own all arrays, so that references need not be counted: that halves the time.
    """
    compiler = partial(njit, error_model="numpy", fastmath=_FAST_SUMS, _nrt=False)
    try:
        return cast("Callable[..., Any]", compiler(cache=True)(function))
    except RuntimeError:
        return cast("Callable[..., Any]", compiler()(function))


class _Layout(NamedTuple):
    """Lines and channels of a model as plain arrays."""

    n_groups: int
    normal: Array
    edges_um: Array
    per_um: Array
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


class _GridWork(NamedTuple):
    """Work space for the grid; its points come last, to be computed side by side."""

    inverse: Array
    scale: Array
    values: Array
    gain: Array


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
    n_spec, n_linear, n_grid = sums.right.shape
    best = np.empty(n_spec, dtype=np.intp)
    work = _GridWork(
        inverse=np.empty((n_linear, n_linear, n_grid)),
        scale=np.empty((n_linear, n_grid)),
        values=np.empty((n_linear, n_grid)),
        gain=np.empty(n_grid),
    )
    _choose_start(sums.pairs, sums.gram, sums.right, sums.covered, work, best)
    return best


def project(model: BandLineModel, spectra: Spectra, active: BoolArray, kinematics: Array) -> Point:
    """Return what :func:`kurvs_pipeline.projection.project` returns."""
    unlimited = Bounds((-np.inf, np.inf), (0.0, np.inf))
    return _run(model, spectra, active, kinematics, unlimited, 0).point


def descend(
    model: BandLineModel, spectra: Spectra, active: BoolArray, start: Array, bounds: Bounds
) -> Minimum:
    """Return what :func:`kurvs_pipeline.projection.descend` returns."""
    return _run(model, spectra, active, start, bounds, MAX_STEPS)


def _run(
    model: BandLineModel,
    spectra: Spectra,
    active: BoolArray,
    start: Array,
    bounds: Bounds,
    max_steps: int,
) -> Minimum:
    layout, found = _layout(model), _empty(model, len(spectra.flux))
    found.kinematics[:] = start.T
    _descend(
        layout, *_rows(spectra, active), bounds.lower[:, 0].copy(), bounds.upper[:, 0].copy(),
        max_steps, _new_projection(layout), _new_projection(layout),
        _new_small(found.fisher.shape[1]),
        (np.empty(2), np.empty(2), np.empty(2)), found,
    )  # fmt: skip
    fisher = np.ascontiguousarray(found.fisher.transpose(1, 2, 0))
    point = Point(found.amplitudes, fisher, np.ascontiguousarray(found.slope.T), found.chi2)
    return Minimum(np.ascontiguousarray(found.kinematics.T), point, found.converged)


def _rows(spectra: Spectra, active: BoolArray) -> tuple[Array, Array, BoolArray]:
    """Return arrays of the one layout in memory that is compiled for."""
    return (
        np.require(spectra.flux, requirements=["C", "W"]),
        np.require(spectra.weight, requirements=["C", "W"]),
        np.require(active, requirements=["C", "W"]),
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
        normal=_normal_taylor_series(),
        edges_um=np.concatenate(edges),
        per_um=np.concatenate([1.0 / np.diff(e) for e in edges]),
        window_start=np.array([0, *(w.used.stop for w in model.windows)], dtype=np.intp),
        line_group=np.array(group, dtype=np.intp),
        line_window=np.array(window, dtype=np.intp),
        line_ratio=np.array(ratio, dtype=float),
        line_centre_um=np.array(centre),
        line_um_per_kms=np.array(per_kms),
        line_lsf_um=np.array(lsf),
    )


def _normal_taylor_series() -> Array:
    """Expand the normal distribution about nodes, shape (n_nodes, n_terms).

    Its n-th derivative is that of its density times a Hermite polynomial.
    """
    n_nodes = 2 * int(LINE_REACH_SIGMAS * _NODES_PER_SIGMA) + 1
    node = np.linspace(-LINE_REACH_SIGMAS, LINE_REACH_SIGMAS, n_nodes)
    density = np.exp(-0.5 * node**2) / math.sqrt(2.0 * math.pi)
    hermite = hermevander(node, _TAYLOR_TERMS - 2).T
    terms = [ndtr(node)]
    terms += [
        (-1.0) ** (n - 1) * hermite[n - 1] * density / math.factorial(n)
        for n in range(1, _TAYLOR_TERMS)
    ]
    return np.stack(terms, axis=1)


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


def _new_projection(layout: _Layout) -> _Projection:
    n_groups, n_windows = layout.n_groups, layout.window_start.size - 1
    n_linear, n_used = n_groups + n_windows, int(layout.window_start[-1])
    columns = np.zeros((n_linear + 2, n_used))
    for window in range(n_windows):
        columns[n_groups + window, slice(*layout.window_start[window : window + 2])] = 1.0
    return _Projection(
        columns=columns,
        by_velocity=np.zeros((n_groups, n_used)),
        by_variance=np.zeros((n_groups, n_used)),
        weighted=np.zeros(n_used),
        residual=np.zeros(n_used),
        right=np.zeros(n_linear),
        amplitudes=np.zeros(n_linear),
        fisher=np.zeros((n_linear + 2, n_linear + 2)),
        slope=np.zeros(2),
        chi2=np.zeros(1),
    )


def _new_small(size: int) -> _Small:
    return _Small(
        matrix=np.zeros((size, size)),
        inverse=np.zeros((size, size)),
        scale=np.zeros(size),
        column=np.zeros(size),
        kinetic=np.zeros((2, 2)),
        curvature=np.zeros((2, 2)),
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
    usable: bool = work[column, column] > SMALLEST_PIVOT
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
    reach, per_width = LINE_REACH_SIGMAS * width, 1.0 / width
    edge = _first_lit(edges, first, last, centre - reach)
    z = (edges[edge] - centre) * per_width
    below, density = _normal(layout.normal, z)
    while edge < last and edges[edge] < centre + reach:
        edge += 1
        next_z = (edges[edge] - centre) * per_width
        next_below, next_density = _normal(layout.normal, next_z)
        channel = edge - 1 - window
        scale = layout.line_ratio[line] * layout.per_um[channel]
        by_velocity = scale * per_kms * per_width
        by_variance = 0.5 * by_velocity * per_kms * per_width
        here.columns[group, channel] += (next_below - below) * scale
        here.by_velocity[group, channel] -= (next_density - density) * by_velocity
        here.by_variance[group, channel] -= (next_density * next_z - density * z) * by_variance
        z, below, density = next_z, next_below, next_density


@_compiled
def _normal(series: Array, z: float) -> tuple[float, float]:
    """Return the normal distribution and its density, constant beyond the last nodes."""
    z = min(max(z, -LINE_REACH_SIGMAS), LINE_REACH_SIGMAS)
    node = int((z + LINE_REACH_SIGMAS) * _NODES_PER_SIGMA + 0.5)
    offset = z - (node / _NODES_PER_SIGMA - LINE_REACH_SIGMAS)
    below, density = series[node, _TAYLOR_TERMS - 1], 0.0
    for term in range(_TAYLOR_TERMS - 2, -1, -1):
        density = density * offset + below
        below = below * offset + series[node, term]
    return below, density


@_compiled
def _first_lit(edges: Array, first: int, last: int, wavelength: float) -> int:
    """Return the last edge before a wavelength, or the first of all."""
    while last - first > 1:
        middle = (first + last) // 2
        if edges[middle] < wavelength:
            first = middle
        else:
            last = middle
    return first


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
    for group in range(layout.n_groups):
        for channel in range(weight.size):
            here.columns[group, channel] = 0.0
            here.by_velocity[group, channel] = here.by_variance[group, channel] = 0.0
    for line in range(layout.line_group.size):
        if active[layout.line_group[line]]:
            _add_line(layout, line, kinematics[0], kinematics[1], here)
    n_linear = here.amplitudes.size
    for p in range(n_linear):
        _fill_fisher_row(here, weight, p)
        here.right[p] = _dot(here.weighted, flux)
    _invert(here.fisher, n_linear, small.inverse, small)
    for p in range(n_linear):
        here.amplitudes[p] = 0.0
        for q in range(n_linear):
            here.amplitudes[p] += small.inverse[p, q] * here.right[q]
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
    for channel in range(flux.size):
        here.residual[channel] = flux[channel]
        here.columns[n_linear, channel] = here.columns[n_linear + 1, channel] = 0.0
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
    _invert_free(here, kinematics, lower, upper, small)
    last = True
    for index in range(2):
        step[index] = _dot(small.kinetic[index], here.slope)
        error = math.sqrt(max(small.kinetic[index, index], 0.0))
        tolerance = CONVERGED_STEP * min(error, upper[index] - lower[index])
        last = last and abs(step[index]) <= tolerance
    if not last:
        _invert(small.kinetic, here.slope.size, small.curvature, small)
        for index in range(2):
            small.curvature[index, index] *= 1.0 + damping
        _invert(small.curvature, here.slope.size, small.kinetic, small)
        for index in range(2):
            step[index] = _dot(small.kinetic[index], here.slope)
    return last


@_compiled
def _invert_free(
    here: _Projection, kinematics: Array, lower: Array, upper: Array, small: _Small
) -> None:
    """Find the covariance of velocity and squared width, 0 for one that a limit holds."""
    size, n_linear = here.fisher.shape[0], here.amplitudes.size
    for p in range(size):
        for q in range(size):
            small.matrix[p, q] = here.fisher[p, q]
    for index in range(2):
        below, above = kinematics[index] <= lower[index], kinematics[index] >= upper[index]
        if (below and here.slope[index] <= 0.0) or (above and here.slope[index] >= 0.0):
            for p in range(size):
                small.matrix[n_linear + index, p] = small.matrix[p, n_linear + index] = 0.0
    _invert(small.matrix, size, small.inverse, small)
    for p in range(2):
        for q in range(2):
            small.kinetic[p, q] = small.inverse[n_linear + p, n_linear + q]


@_compiled
def _keep(here: _Projection, kinematics: Array, row: int, found: _Found) -> None:
    for index in range(2):
        found.kinematics[row, index] = kinematics[index]
        found.slope[row, index] = here.slope[index]
    for p in range(here.amplitudes.size):
        found.amplitudes[row, p] = here.amplitudes[p]
    for p in range(here.fisher.shape[0]):
        for q in range(here.fisher.shape[0]):
            found.fisher[row, p, q] = here.fisher[p, q]
    found.chi2[row] = here.chi2[0]


@_compiled
def _descend(
    layout: _Layout,
    flux: Array,
    weight: Array,
    active: BoolArray,
    lower: Array,
    upper: Array,
    max_steps: int,
    here: _Projection,
    there: _Projection,
    small: _Small,
    position: tuple[Array, Array, Array],
    found: _Found,
) -> None:
    """Minimise chi2 of each spectrum by Levenberg-Marquardt."""
    kinematics, trial, step = position
    for row in range(flux.shape[0]):
        trial[0], trial[1] = found.kinematics[row, 0], found.kinematics[row, 1]
        damping, last, ended = DAMPING_START, False, False
        for attempt in range(max_steps + 1):
            _project(layout, flux[row], weight[row], active[row], trial, there, small)
            # The last step is taken even if rounding hides what it gains.
            accepted = attempt == 0 or last or there.chi2[0] <= here.chi2[0]
            if attempt > 0:
                damping *= 1.0 / DAMPING_FACTOR if accepted else DAMPING_FACTOR
            if accepted:
                kinematics, trial = trial, kinematics
                here, there = there, here
            ended = last or damping >= DAMPING_MAXIMUM
            last = _propose(here, kinematics, damping, lower, upper, small, step)
            if ended:
                break
            for index in range(2):
                moved = kinematics[index] + step[index]
                trial[index] = min(max(moved, lower[index]), upper[index])
        found.converged[row] = ended and last
        _keep(here, kinematics, row, found)


@_compiled
def _choose_start(
    pairs: Indices,
    gram: Array,
    right: Array,
    covered: BoolArray,
    work: _GridWork,
    best: Indices,
) -> None:
    """Find the best point of the grid for each spectrum."""
    for row in range(right.shape[0]):
        gram_row, covered_row = min(row, gram.shape[0] - 1), min(row, covered.shape[0] - 1)
        if row == max(gram_row, covered_row):
            _unfold(pairs, gram[gram_row], covered[covered_row], work.inverse)
            _invert_grid(work)
        _solve_grid(right[row], work)
        best[row] = _best_point(covered.shape[1], work)


@_compiled
def _unfold(pairs: Indices, gram: Array, covered: BoolArray, matrix: Array) -> None:
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


@_compiled
def _invert_grid(work: _GridWork) -> None:
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
        _sweep_grid(work, column)
    for p in range(n_linear):
        for q in range(n_linear):
            for point in range(n_grid):
                inverse[p, q, point] *= -scale[p, point] * scale[q, point]


@_compiled
def _sweep_grid(work: _GridWork, column: int) -> None:
    """Sweep one column of all points in place; where that cannot be, leave it out."""
    inverse, values, reciprocal = work.inverse, work.values, work.gain
    n_linear, _, n_grid = inverse.shape
    for point in range(n_grid):
        pivot = inverse[column, column, point]
        reciprocal[point] = 1.0 / pivot if pivot > SMALLEST_PIVOT else 0.0
        if pivot <= SMALLEST_PIVOT:
            work.scale[column, point] = 0.0
    for p in range(n_linear):
        for point in range(n_grid):
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


@_compiled
def _solve_grid(right: Array, work: _GridWork) -> None:
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


@_compiled
def _best_point(n_groups: int, work: _GridWork) -> int:
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
