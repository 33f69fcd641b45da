"""The search of a batched line fit in plain numpy: what defines it, and what runs without numba.

All spectra of a batch take their steps together, each until its own are negligible.
:mod:`kurvs_pipeline.fitting.compiled` takes the same steps in compiled code, several times faster.
"""

import numpy as np

from kurvs_pipeline.arrays import Array, BoolArray, IntArray
from kurvs_pipeline.fitting.matrices import invert_symmetric
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.start import GridSums
from kurvs_pipeline.fitting.variable_projection import (
    CONVERGED_STEP,
    DAMPING_FACTOR,
    DAMPING_MAXIMUM,
    DAMPING_START,
    MAX_STEPS,
    Bounds,
    Minimum,
    Point,
    Spectra,
    covariance,
)

BLOCK_SIZE = 200
"""Spectra of a batch: enough to amortise Python, few enough to stay in cache."""


def choose_start(sums: GridSums) -> IntArray:
    """Return the point of the grid at which emission lowers chi2 most, shape (n_spec,).

    Where a point is better explained by absorption it is taken only if all are.
    """
    n_linear, n_groups = sums.right.shape[1], sums.covered.shape[1]
    inverse = invert_symmetric(_covered_gram(sums, n_linear))
    right = sums.right.transpose(1, 2, 0)
    amplitudes = np.einsum("pqkn,qkn->pkn", inverse, right)
    gain = np.einsum("pkn,pkn->kn", amplitudes, right)
    error = np.sqrt(np.einsum("ppkn->pkn", inverse[:n_groups, :n_groups]))
    error = np.broadcast_to(error, (n_groups, *gain.shape))
    significance = np.divide(
        amplitudes[:n_groups], error, out=np.zeros_like(error), where=error > 0.0
    )
    absorbed = np.maximum(0.0, -significance.min(axis=0)) > significance.max(axis=0)
    return np.asarray(np.argmax(gain - np.where(absorbed, gain.max(axis=0) + 1.0, 0.0), axis=0))


def _covered_gram(sums: GridSums, n_linear: int) -> Array:
    """Return the matrices, shape (n_linear, n_linear, n_grid, n_rows), of what is covered."""
    _, n_groups, n_grid = sums.covered.shape
    n_rows = max(len(sums.gram), len(sums.covered))
    kept = np.ones((n_linear, n_grid, n_rows))
    kept[:n_groups] = sums.covered.transpose(1, 2, 0)
    first, second = sums.pairs.T
    gram = np.zeros((n_linear, n_linear, n_grid, n_rows))
    gram[first, second] = sums.gram.transpose(1, 2, 0) * kept[first] * kept[second]
    gram[second, first] = gram[first, second]
    return gram


def project(model: BandLineModel, spectra: Spectra, active: BoolArray, kinematics: Array) -> Point:
    """Solve for amplitudes and continua at given velocity and squared width, shape (2, n_spec).

    Groups that are not ``active``, shape (n_spec, n_groups), have amplitude 0.
    """
    lines = model.line_columns(*kinematics)
    n_spec, n_groups, n_used = lines.lines.shape
    n_linear = n_groups + len(model.windows)
    columns = np.empty((n_spec, n_linear + 2, n_used))
    np.multiply(lines.lines, active[:, :, None], out=columns[:, :n_groups])
    columns[:, n_groups:n_linear] = model.continuum
    weighted = columns[:, :n_linear] * spectra.weight[:, None, :]
    gram = weighted @ columns[:, :n_linear].transpose(0, 2, 1)
    right = (weighted @ spectra.flux[:, :, None])[:, :, 0]
    inverse = invert_symmetric(gram.transpose(1, 2, 0))
    amplitudes = np.einsum("pqn,nq->np", inverse, right)
    strength = (amplitudes[:, :n_groups] * active)[:, None, :]
    columns[:, n_linear] = (strength @ lines.by_velocity)[:, 0]
    columns[:, n_linear + 1] = (strength @ lines.by_variance)[:, 0]
    residual = spectra.flux - (amplitudes[:, None, :] @ columns[:, :n_linear])[:, 0]
    weighted_columns = columns * spectra.weight[:, None, :]
    fisher = (weighted_columns @ columns.transpose(0, 2, 1)).transpose(1, 2, 0)
    slope = (weighted_columns[:, n_linear:] @ residual[:, :, None])[:, :, 0].T
    chi2 = np.einsum("nu,nu,nu->n", residual, residual, spectra.weight)
    return Point(amplitudes, np.ascontiguousarray(fisher), slope, chi2)


def descend(
    model: BandLineModel, spectra: Spectra, active: BoolArray, start: Array, bounds: Bounds
) -> Minimum:
    """Minimise chi2 by Levenberg-Marquardt, each spectrum until its own steps vanish.

    ``active`` groups, shape (n_spec, n_groups), are fitted; ``start`` is velocity and squared
    width, shape (2, n_spec).
    """
    here = start.copy()
    point = project(model, spectra, active, here)
    damping = np.full(here.shape[1], DAMPING_START)
    running = np.ones(here.shape[1], dtype=bool)
    for _ in range(MAX_STEPS):
        step, last = _propose(point, here, damping, bounds)
        trial = np.clip(here + step, bounds.lower, bounds.upper)[:, running]
        reached = project(model, spectra.rows(running), active[running], trial)
        # The last step is taken even if rounding hides what it gains.
        accepted = (reached.chi2 <= point.chi2[running]) | last[running]
        rows = running.copy()
        rows[running] = accepted
        here[:, rows] = trial[:, accepted]
        point.amplitudes[rows] = reached.amplitudes[accepted]
        point.fisher[..., rows] = reached.fisher[..., accepted]
        point.slope[:, rows] = reached.slope[:, accepted]
        point.chi2[rows] = reached.chi2[accepted]
        damping[running] *= np.where(accepted, 1.0 / DAMPING_FACTOR, DAMPING_FACTOR)
        running &= ~last & (damping < DAMPING_MAXIMUM)
        if not np.any(running):
            break
    _, negligible = _propose(point, here, np.zeros_like(damping), bounds)
    return Minimum(here, point, negligible & ~running)


def _propose(point: Point, here: Array, damping: Array, bounds: Bounds) -> tuple[Array, BoolArray]:
    """Return the damped step, and for which spectra the undamped one is negligible.

    Where it is negligible the undamped step itself is returned.
    """
    held = bounds.at_lower(here) & (point.slope <= 0.0)
    held |= bounds.at_upper(here) & (point.slope >= 0.0)
    kinetic = covariance(point, held)[-2:, -2:]
    newton = np.einsum("ijn,jn->in", kinetic, point.slope)
    error = np.sqrt(np.einsum("iin->in", kinetic))
    tolerance = CONVERGED_STEP * np.minimum(error, bounds.upper - bounds.lower)
    last = np.all(np.abs(newton) <= tolerance, axis=0)
    curvature = invert_symmetric(kinetic)
    diagonal = np.einsum("iin->in", curvature)
    curvature[[0, 1], [0, 1]] = diagonal * (1.0 + damping)
    damped = np.einsum("ijn,jn->in", invert_symmetric(curvature), point.slope)
    return np.where(last, newton, damped), last
