"""Work space of the compiled descent: compiled code makes no arrays of its own."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.line_layout import LineLayout
from kurvs_pipeline.projection import (
    CONVERGED_STEP,
    DAMPING_FACTOR,
    DAMPING_MAXIMUM,
    DAMPING_START,
    Bounds,
    Minimum,
    Point,
)
from kurvs_pipeline.small_matrices import SMALLEST_PIVOT

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class Search(NamedTuple):
    """How to search; what it says is said in :mod:`kurvs_pipeline.projection`."""

    lower: Array
    upper: Array
    max_steps: int
    converged_step: float
    damping_start: float
    damping_factor: float
    damping_maximum: float


class Projection(NamedTuple):
    """One spectrum projected at one velocity and squared width, with its work space."""

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
    """Small matrices of one spectrum."""

    matrix: Array
    inverse: Array
    scale: Array
    column: Array
    kinetic: Array
    curvature: Array
    smallest_pivot: float


class Found(NamedTuple):
    """Outcome for every spectrum, spectra first."""

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
