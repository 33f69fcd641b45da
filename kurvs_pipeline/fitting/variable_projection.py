"""Variable projection: the non-linear half of a batched line fit.

Amplitudes and continua are solved exactly at every step, so that only velocity and squared
width are searched (Golub & Pereyra 1973, with the Jacobian of Kaufman 1975) by a bounded
Levenberg-Marquardt descent. The squared width is the parameter because the model stays smooth
in it down to an unresolved line.
"""

from dataclasses import dataclass

import numpy as np

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.fitting.matrices import invert_symmetric
from kurvs_pipeline.fitting.model import BandLineModel

MAX_STEPS = 60
CONVERGED_STEP = 0.01
"""A step this small against the parameter's own error is the last one."""

MINIMUM_CORE_COVERAGE = 0.5
DAMPING_START, DAMPING_FACTOR, DAMPING_MAXIMUM = 1e-3, 8.0, 1e12


@dataclass(frozen=True)
class Spectra:
    """A batch of spectra on the channels that a model uses.

    Parameters
    ----------
    flux, weight : array, shape (n_spec, n_used_channels)
        Flux density, and inverse variance that is 0 where there is no valid data.
    """

    flux: Array
    weight: Array

    def rows(self, chosen: BoolArray) -> "Spectra":
        """Return some of the spectra.

        Parameters
        ----------
        chosen : bool array, shape (n_spec,)
            Which ones.
        """
        return Spectra(self.flux[chosen], self.weight[chosen])


@dataclass(frozen=True)
class Point:
    """The projected problem at one velocity and squared width for each spectrum.

    Parameters
    ----------
    amplitudes : array, shape (n_spec, n_groups + n_windows)
        The linear solution.
    fisher : array, shape (n_columns, n_columns, n_spec)
        Fisher matrix of amplitudes, velocity and squared width.
    slope : array, shape (2, n_spec)
        Minus half the gradient of chi2 by velocity and squared width.
    chi2 : array, shape (n_spec,)
        Sum of squared weighted residuals.
    """

    amplitudes: Array
    fisher: Array
    slope: Array
    chi2: Array

    def updated(self, rows: BoolArray, other: "Point", chosen: BoolArray) -> "Point":
        """Return a copy with ``rows`` taken from the ``chosen`` rows of ``other``.

        Parameters
        ----------
        rows : bool array, shape (n_spec,)
            Of this point, to replace.
        other : Point
            Of some spectra.
        chosen : bool array, shape (n_other,)
            Of its rows, as many.
        """
        amplitudes, fisher = self.amplitudes.copy(), self.fisher.copy()
        slope, chi2 = self.slope.copy(), self.chi2.copy()
        amplitudes[rows] = other.amplitudes[chosen]
        fisher[..., rows] = other.fisher[..., chosen]
        slope[:, rows] = other.slope[:, chosen]
        chi2[rows] = other.chi2[chosen]
        return Point(amplitudes, fisher, slope, chi2)


@dataclass(frozen=True)
class Bounds:
    """Limits of the search.

    Parameters
    ----------
    velocity_kms, sigma_kms : tuple of float
        Ranges of velocity and width.
    """

    velocity_kms: tuple[float, float]
    sigma_kms: tuple[float, float]

    @property
    def lower(self) -> Array:
        """Least velocity and squared width, shape (2, 1)."""
        return np.array([[self.velocity_kms[0]], [self.sigma_kms[0] ** 2]], dtype=float)

    @property
    def upper(self) -> Array:
        """Greatest velocity and squared width, shape (2, 1)."""
        return np.array([[self.velocity_kms[1]], [self.sigma_kms[1] ** 2]], dtype=float)

    def at_lower(self, kinematics: Array) -> BoolArray:
        """Which parameters lie on their lower limit, shape (2, n_spec).

        Parameters
        ----------
        kinematics : array, shape (2, n_spec)
            Velocity and squared width.

        Returns
        -------
        bool array, shape (2, n_spec)
        """
        return np.asarray(kinematics <= self.lower)

    def at_upper(self, kinematics: Array) -> BoolArray:
        """Which parameters lie on their upper limit, shape (2, n_spec).

        Parameters
        ----------
        kinematics : array, shape (2, n_spec)
            Velocity and squared width.

        Returns
        -------
        bool array, shape (2, n_spec)
        """
        return np.asarray(kinematics >= self.upper)


@dataclass(frozen=True)
class Minimum:
    """Where the search ended.

    Parameters
    ----------
    kinematics : array, shape (2, n_spec)
        Velocity and squared width.
    point : Point
        The projected problem there.
    converged : bool array, shape (n_spec,)
        Whether the steps became negligible.
    """

    kinematics: Array
    point: Point
    converged: BoolArray


def core_coverage(
    model: BandLineModel, weight: Array, velocity_kms: Array, sigma_kms: Array
) -> BoolArray:
    """Return which groups have valid data over at least half of their name line's core.

    Parameters
    ----------
    model : BandLineModel
        The lines.
    weight : array, shape (n_spec, n_used_channels)
        0 where there is no valid data.
    velocity_kms, sigma_kms : array, shape (n_spec,)
        Where the lines are.

    Returns
    -------
    bool array, shape (n_spec, n_groups)
    """
    low, high = model.edges_um[model.channels], model.edges_um[model.channels + 1]
    length = (weight > 0.0) * (high - low)
    before = np.cumsum(length, axis=1) - length
    row = np.arange(len(weight))[:, None]

    def valid_length_up_to(wavelength: Array) -> Array:
        channel = np.minimum(np.searchsorted(high, wavelength), high.size - 1)
        inside = np.maximum(wavelength - low[channel], 0.0)
        return before[row, channel] + np.minimum(inside, length[row, channel])

    begin, end = model.line_cores(velocity_kms, sigma_kms)
    valid = valid_length_up_to(end) - valid_length_up_to(begin)
    return np.asarray(valid >= MINIMUM_CORE_COVERAGE * (end - begin))


def project(model: BandLineModel, spectra: Spectra, active: BoolArray, kinematics: Array) -> Point:
    """Solve for amplitudes and continua at given kinematics.

    Parameters
    ----------
    model : BandLineModel
        The lines.
    spectra : Spectra
        The data.
    active : bool array, shape (n_spec, n_groups)
        Groups to fit; the others have amplitude 0.
    kinematics : array, shape (2, n_spec)
        Velocity and squared width.

    Returns
    -------
    Point
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


def covariance(point: Point, held: BoolArray) -> Array:
    """Invert the Fisher matrix, with some kinematic parameters held fixed.

    Parameters
    ----------
    point : Point
        The best fit.
    held : bool array, shape (2, n_spec)
        Which of velocity and squared width are not free.

    Returns
    -------
    array, shape (n_columns, n_columns, n_spec)
        Rows of what was not fitted are 0.
    """
    fisher = point.fisher.copy()
    n_linear = fisher.shape[0] - 2
    for index in range(2):
        fisher[n_linear + index] *= ~held[index]
        fisher[:, n_linear + index] *= ~held[index]
    return invert_symmetric(fisher)


def descend(
    model: BandLineModel, spectra: Spectra, active: BoolArray, start: Array, bounds: Bounds
) -> Minimum:
    """Minimise chi2 by Levenberg-Marquardt, each spectrum until its own steps vanish.

    Parameters
    ----------
    model : BandLineModel
        The lines.
    spectra : Spectra
        The data.
    active : bool array, shape (n_spec, n_groups)
        Groups to fit.
    start : array, shape (2, n_spec)
        Velocity and squared width to start from.
    bounds : Bounds
        Limits that no step crosses.

    Returns
    -------
    Minimum
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
        point = point.updated(rows, reached, accepted)
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
