"""A line model as plain arrays, for compiled code."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from kurvs_pipeline.arrays import Array, BoolArray, IntArray
from kurvs_pipeline.fitting.matrices import SMALLEST_PIVOT
from kurvs_pipeline.fitting.model import LINE_REACH_SIGMAS, BandLineModel
from kurvs_pipeline.fitting.variable_projection import (
    CONVERGED_STEP,
    DAMPING_FACTOR,
    DAMPING_MAXIMUM,
    DAMPING_START,
    Bounds,
    Minimum,
    Point,
)


class LineLayout(NamedTuple):
    """Lines and channels of a model.

    Parameters
    ----------
    edges_um : array, shape (n_used_channels + n_windows,)
        Edges of the channels of each window, one window after the other.
    per_um : array, shape (n_used_channels,)
        One over the width of each channel.
    window_start : int array, shape (n_windows + 1,)
        First channel of each window, and the end.
    line_group, line_window : int array, shape (n_lines,)
        Index of each line's group and window.
    line_ratio : array, shape (n_lines,)
        Flux relative to the group's.
    line_centre_um, line_um_per_kms, line_lsf_um : array, shape (n_lines,)
        Wavelength at velocity 0, shift per km/s, width of the line-spread function.
    """

    n_groups: int
    reach_sigmas: float
    edges_um: Array
    per_um: Array
    window_start: IntArray
    line_group: IntArray
    line_window: IntArray
    line_ratio: Array
    line_centre_um: Array
    line_um_per_kms: Array
    line_lsf_um: Array


@lru_cache(maxsize=3)
def layout_of(model: BandLineModel) -> LineLayout:
    """Lay out a model."""
    members = [
        (group, index, ratio, *model.line_scale(name))
        for index, window in enumerate(model.windows)
        for group, name, ratio in window.lines
    ]
    group, window, ratio, centre, per_kms, lsf = zip(*members, strict=True)
    edges = [model.edges_um[w.channels.start : w.channels.stop + 1] for w in model.windows]
    return LineLayout(
        n_groups=len(model.groups),
        reach_sigmas=LINE_REACH_SIGMAS,
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


class Search(NamedTuple):
    """How to search, as :mod:`kurvs_pipeline.fitting.variable_projection` explains it.

    Limits, of velocity and squared width, have shape (2,).
    """

    lower: Array
    upper: Array
    max_steps: int
    converged_step: float
    damping_start: float
    damping_factor: float
    damping_maximum: float


class Projection(NamedTuple):
    """One spectrum projected at one velocity and squared width, with its work space.

    Parameters
    ----------
    columns : array, shape (n_linear + 2, n_used)
        Of groups of lines and of continua, then by velocity and squared width.
    by_velocity, by_variance : array, shape (n_groups, n_used)
        Derivatives of the columns of lines.
    edges : tuple of array, shape (n_edges,)
        Work space at the edges of channels.
    weighted, residual : array, shape (n_used,)
        A column times its weights, and what is left of the spectrum.
    right, amplitudes : array, shape (n_linear,)
        Right side of the normal equations, and their solution.
    fisher, slope, chi2 : array, shapes (n_linear + 2, n_linear + 2), (2,), (1,)
        As of :class:`~kurvs_pipeline.fitting.variable_projection.Point`.
    """

    columns: Array
    by_velocity: Array
    by_variance: Array
    edges: tuple[Array, Array, Array]
    weighted: Array
    residual: Array
    right: Array
    amplitudes: Array
    fisher: Array
    slope: Array
    chi2: Array


class Small(NamedTuple):
    """Small matrices of one spectrum.

    ``matrix`` and its ``inverse``, shape (n_linear + 2, n_linear + 2), with ``scale`` and
    ``column``, shape (n_linear + 2,), as work space; ``kinetic``, the covariance of velocity and
    squared width, and its inverse ``curvature``, shape (2, 2). A matrix with a pivot below the
    smallest is singular.
    """

    matrix: Array
    inverse: Array
    scale: Array
    column: Array
    kinetic: Array
    curvature: Array
    smallest_pivot: float


class Found(NamedTuple):
    """Outcome for every spectrum, spectra first.

    Parameters
    ----------
    kinematics : array, shape (n_spec, 2)
        Velocity and squared width.
    amplitudes : array, shape (n_spec, n_linear)
        Of groups of lines and continua.
    fisher, slope : array, shapes (n_spec, n_linear + 2, n_linear + 2), (n_spec, 2)
        As of :class:`~kurvs_pipeline.fitting.variable_projection.Point`.
    chi2, converged : array, shape (n_spec,)
        At the minimum, and whether it is one.
    """

    kinematics: Array
    amplitudes: Array
    fisher: Array
    slope: Array
    chi2: Array
    converged: BoolArray

    def to_minimum(self) -> Minimum:
        """Put spectra last, as the numpy descent does."""
        fisher = np.ascontiguousarray(self.fisher.transpose(1, 2, 0))
        slope = np.ascontiguousarray(self.slope.T)
        point = Point(self.amplitudes, fisher, slope, self.chi2)
        return Minimum(np.ascontiguousarray(self.kinematics.T), point, self.converged)


def found_from(start: Array, layout: LineLayout) -> Found:
    """Make room for the outcome; the kinematics are those of the start, shape (2, n_spec)."""
    n_spec, n_linear = start.shape[1], layout.n_groups + layout.window_start.size - 1
    return Found(
        kinematics=np.array(start.T, order="C"),
        amplitudes=np.empty((n_spec, n_linear)),
        fisher=np.empty((n_spec, n_linear + 2, n_linear + 2)),
        slope=np.empty((n_spec, 2)),
        chi2=np.empty(n_spec),
        converged=np.empty(n_spec, dtype=np.bool_),
    )


def new_projection(layout: LineLayout) -> Projection:
    """Make room for a projection; its columns of the continua are filled in."""
    n_groups, n_windows = layout.n_groups, layout.window_start.size - 1
    n_linear, n_used = n_groups + n_windows, int(layout.window_start[-1])
    columns, n_edges = np.zeros((n_linear + 2, n_used)), layout.edges_um.size
    for window in range(n_windows):
        columns[n_groups + window, slice(*layout.window_start[window : window + 2])] = 1.0
    return Projection(
        columns=columns,
        by_velocity=np.zeros((n_groups, n_used)),
        by_variance=np.zeros((n_groups, n_used)),
        edges=(np.zeros(n_edges), np.zeros(n_edges), np.zeros(n_edges)),
        weighted=np.zeros(n_used),
        residual=np.zeros(n_used),
        right=np.zeros(n_linear),
        amplitudes=np.zeros(n_linear),
        fisher=np.zeros((n_linear + 2, n_linear + 2)),
        slope=np.zeros(2),
        chi2=np.zeros(1),
    )


def new_small(layout: LineLayout) -> Small:
    """Make room for the matrices of a model."""
    size = layout.n_groups + layout.window_start.size + 1
    return Small(
        matrix=np.zeros((size, size)),
        inverse=np.zeros((size, size)),
        scale=np.zeros(size),
        column=np.zeros(size),
        kinetic=np.zeros((2, 2)),
        curvature=np.zeros((2, 2)),
        smallest_pivot=SMALLEST_PIVOT,
    )


def search_within(bounds: Bounds, max_steps: int) -> Search:
    """Return a search within bounds; one of no steps stays where it starts."""
    return Search(
        lower=bounds.lower[:, 0].copy(),
        upper=bounds.upper[:, 0].copy(),
        max_steps=max_steps,
        converged_step=CONVERGED_STEP,
        damping_start=DAMPING_START,
        damping_factor=DAMPING_FACTOR,
        damping_maximum=DAMPING_MAXIMUM,
    )
