"""The descent into a minimum of chi2, compiled.

The same steps in the same order, one spectrum after the other, lines only where they have
light. One thread, so that results depend neither on the batch nor on the number of workers.
"""

import math

import numpy as np
from numpy.polynomial.hermite_e import hermevander
from scipy.special import ndtr

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.fitting.compiled.numba import compiled
from kurvs_pipeline.fitting.compiled.workspace import (
    Found,
    LineLayout,
    Projection,
    Search,
    Small,
    found_from,
    layout_of,
    new_projection,
    new_small,
    search_within,
)
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.variable_projection import MAX_STEPS, Bounds, Minimum, Point, Spectra

_NODES_REACH_SIGMAS = 8.0
_NODES_PER_SIGMA = 32
_TAYLOR_TERMS = 7
"""Enough for the normal distribution to 1e-15 and its density to 1e-12 between the nodes."""


def _normal_taylor_series() -> Array:
    """Expand the normal distribution about nodes, shape (n_nodes, n_terms).

    Its n-th derivative is that of its density times a Hermite polynomial.
    """
    n_nodes = 2 * int(_NODES_REACH_SIGMAS * _NODES_PER_SIGMA) + 1
    node = np.linspace(-_NODES_REACH_SIGMAS, _NODES_REACH_SIGMAS, n_nodes)
    density = np.exp(-0.5 * node**2) / math.sqrt(2.0 * math.pi)
    hermite = hermevander(node, _TAYLOR_TERMS - 2).T
    terms = [ndtr(node)]
    terms += [
        (-1.0) ** (n - 1) * hermite[n - 1] * density / math.factorial(n)
        for n in range(1, _TAYLOR_TERMS)
    ]
    return np.stack(terms, axis=1)


_NORMAL_SERIES = _normal_taylor_series()


def project(model: BandLineModel, spectra: Spectra, active: BoolArray, kinematics: Array) -> Point:
    """Return what :func:`kurvs_pipeline.fitting.plain.project` returns.

    Parameters
    ----------
    model : BandLineModel
        Lines and continua.
    spectra : Spectra
        To fit.
    active : bool array, shape (n_spec, n_groups)
        Groups to fit.
    kinematics : array, shape (2, n_spec)
        Velocity and squared width.
    """
    unlimited = Bounds((-np.inf, np.inf), (0.0, np.inf))
    return _run(model, spectra, active, kinematics, unlimited, 0).point


def descend(
    model: BandLineModel, spectra: Spectra, active: BoolArray, start: Array, bounds: Bounds
) -> Minimum:
    """Return what :func:`kurvs_pipeline.fitting.plain.descend` returns.

    Parameters
    ----------
    model : BandLineModel
        Lines and continua.
    spectra : Spectra
        To fit.
    active : bool array, shape (n_spec, n_groups)
        Groups to fit.
    start : array, shape (2, n_spec)
        Velocity and squared width.
    bounds : Bounds
        Of both.
    """
    return _run(model, spectra, active, start, bounds, MAX_STEPS)


def _run(
    model: BandLineModel,
    spectra: Spectra,
    active: BoolArray,
    start: Array,
    bounds: Bounds,
    max_steps: int,
) -> Minimum:
    layout = layout_of(model)
    found = found_from(start, layout)
    work = new_projection(layout), new_projection(layout), new_small(layout)
    search = search_within(bounds, max_steps)
    _descend(layout, *_rows(spectra, active), search, np.empty((3, 2)), *work, found)
    return found.to_minimum()


def _rows(spectra: Spectra, active: BoolArray) -> tuple[Array, Array, BoolArray]:
    """Return arrays of the one layout in memory that is compiled for."""
    return (
        np.require(spectra.flux, requirements=["C", "W"]),
        np.require(spectra.weight, requirements=["C", "W"]),
        np.require(active, requirements=["C", "W"]),
    )


@compiled
def _dot(first: Array, second: Array) -> float:
    total = 0.0
    for index in range(first.size):
        total += first[index] * second[index]
    return total


@compiled
def _invert(matrix: Array, size: int, inverse: Array, small: Small) -> None:
    """Invert the leading block of a matrix, as ``invert_symmetric`` does."""
    scale = small.scale
    for i in range(size):
        scale[i] = 1.0 / math.sqrt(matrix[i, i]) if matrix[i, i] > 0.0 else 0.0
    for i in range(size):
        for j in range(size):
            inverse[i, j] = matrix[i, j] * scale[i] * scale[j]
    for column in range(size):
        if not _sweep(inverse, size, column, small):
            scale[column] = 0.0
    for i in range(size):
        for j in range(size):
            inverse[i, j] *= -scale[i] * scale[j]


@compiled
def _sweep(work: Array, size: int, column: int, small: Small) -> bool:
    """Sweep one column in place; return whether it could be."""
    usable: bool = work[column, column] > small.smallest_pivot
    values = small.column
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


@compiled
def _add_line(
    layout: LineLayout, line: int, velocity: float, variance: float, here: Projection
) -> None:
    """Add one line's channel-integrated Gaussian and derivatives, where it has light."""
    window, group, edges = layout.line_window[line], layout.line_group[line], layout.edges_um
    per_kms = layout.line_um_per_kms[line]
    width = math.sqrt(variance * per_kms**2 + layout.line_lsf_um[line] ** 2)
    centre = layout.line_centre_um[line] + per_kms * velocity
    first = layout.window_start[window] + window
    last = layout.window_start[window + 1] + window
    reach, per_width = layout.reach_sigmas * width, 1.0 / width
    start = _last_before(edges, first, last, centre - reach)
    stop = min(last, _last_before(edges, first, last, centre + reach) + 1)
    z, below, density = here.edges
    for edge in range(start, stop + 1):
        z[edge] = (edges[edge] - centre) * per_width
        below[edge], density[edge] = _normal(z[edge])
    ratio = layout.line_ratio[line]
    for edge in range(start, stop):
        channel = edge - window
        scale = ratio * layout.per_um[channel]
        here.columns[group, channel] += (below[edge + 1] - below[edge]) * scale
        scale *= per_kms * per_width
        here.by_velocity[group, channel] -= (density[edge + 1] - density[edge]) * scale
        scale *= 0.5 * per_kms * per_width
        moment = density[edge + 1] * z[edge + 1] - density[edge] * z[edge]
        here.by_variance[group, channel] -= moment * scale


@compiled
def _normal(z: float) -> tuple[float, float]:
    """Return the normal distribution and its density, constant beyond the last nodes."""
    z = min(max(z, -_NODES_REACH_SIGMAS), _NODES_REACH_SIGMAS)
    node = int((z + _NODES_REACH_SIGMAS) * _NODES_PER_SIGMA + 0.5)
    offset = z - (node / _NODES_PER_SIGMA - _NODES_REACH_SIGMAS)
    below, density = _NORMAL_SERIES[node, _TAYLOR_TERMS - 1], 0.0
    for term in range(_TAYLOR_TERMS - 2, -1, -1):
        density = density * offset + below
        below = below * offset + _NORMAL_SERIES[node, term]
    return below, density


@compiled
def _last_before(edges: Array, first: int, last: int, wavelength: float) -> int:
    """Return the last edge before a wavelength, or the first of all."""
    while last - first > 1:
        middle = (first + last) // 2
        if edges[middle] < wavelength:
            first = middle
        else:
            last = middle
    return first


@compiled
def _project(
    layout: LineLayout,
    flux: Array,
    weight: Array,
    active: BoolArray,
    kinematics: Array,
    here: Projection,
    small: Small,
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


@compiled
def _fill_fisher_row(here: Projection, weight: Array, row: int) -> None:
    """Multiply a column, weighted, with itself and those before it."""
    for channel in range(weight.size):
        here.weighted[channel] = here.columns[row, channel] * weight[channel]
    for other in range(row + 1):
        here.fisher[row, other] = _dot(here.weighted, here.columns[other])
        here.fisher[other, row] = here.fisher[row, other]


@compiled
def _combine(here: Projection, flux: Array, n_groups: int) -> None:
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


@compiled
def _propose(
    here: Projection,
    kinematics: Array,
    damping: float,
    search: Search,
    small: Small,
    step: Array,
) -> bool:
    """Fill in the damped step; return whether the undamped one, then taken, is negligible."""
    _invert_free(here, kinematics, search, small)
    last = True
    for index in range(2):
        step[index] = _dot(small.kinetic[index], here.slope)
        error = math.sqrt(max(small.kinetic[index, index], 0.0))
        tolerance = search.converged_step * min(error, search.upper[index] - search.lower[index])
        last = last and abs(step[index]) <= tolerance
    if not last:
        _invert(small.kinetic, here.slope.size, small.curvature, small)
        for index in range(2):
            small.curvature[index, index] *= 1.0 + damping
        _invert(small.curvature, here.slope.size, small.kinetic, small)
        for index in range(2):
            step[index] = _dot(small.kinetic[index], here.slope)
    return last


@compiled
def _invert_free(here: Projection, kinematics: Array, search: Search, small: Small) -> None:
    """Find the covariance of velocity and squared width, 0 for one that a limit holds."""
    size, n_linear = here.fisher.shape[0], here.amplitudes.size
    for p in range(size):
        for q in range(size):
            small.matrix[p, q] = here.fisher[p, q]
    for index in range(2):
        below = kinematics[index] <= search.lower[index]
        above = kinematics[index] >= search.upper[index]
        if (below and here.slope[index] <= 0.0) or (above and here.slope[index] >= 0.0):
            for p in range(size):
                small.matrix[n_linear + index, p] = small.matrix[p, n_linear + index] = 0.0
    _invert(small.matrix, size, small.inverse, small)
    for p in range(2):
        for q in range(2):
            small.kinetic[p, q] = small.inverse[n_linear + p, n_linear + q]


@compiled
def _keep(here: Projection, kinematics: Array, row: int, found: Found) -> None:
    for index in range(2):
        found.kinematics[row, index] = kinematics[index]
        found.slope[row, index] = here.slope[index]
    for p in range(here.amplitudes.size):
        found.amplitudes[row, p] = here.amplitudes[p]
    for p in range(here.fisher.shape[0]):
        for q in range(here.fisher.shape[0]):
            found.fisher[row, p, q] = here.fisher[p, q]
    found.chi2[row] = here.chi2[0]


@compiled
def _descend(
    layout: LineLayout,
    flux: Array,
    weight: Array,
    active: BoolArray,
    search: Search,
    places: Array,
    here: Projection,
    there: Projection,
    small: Small,
    found: Found,
) -> None:
    """Minimise chi2 of each spectrum by Levenberg-Marquardt."""
    kinematics, trial, step = places[0], places[1], places[2]
    for row in range(flux.shape[0]):
        trial[0], trial[1] = found.kinematics[row, 0], found.kinematics[row, 1]
        damping, last, ended = search.damping_start, False, False
        for attempt in range(search.max_steps + 1):
            _project(layout, flux[row], weight[row], active[row], trial, there, small)
            # The last step is taken even if rounding hides what it gains.
            accepted = attempt == 0 or last or there.chi2[0] <= here.chi2[0]
            if attempt > 0:
                damping *= 1.0 / search.damping_factor if accepted else search.damping_factor
            if accepted:
                kinematics, trial = trial, kinematics
                here, there = there, here
            ended = last or damping >= search.damping_maximum
            last = _propose(here, kinematics, damping, search, small, step)
            if ended:
                break
            for index in range(2):
                moved = kinematics[index] + step[index]
                trial[index] = min(max(moved, search.lower[index]), search.upper[index])
        found.converged[row] = ended and last
        _keep(here, kinematics, row, found)
