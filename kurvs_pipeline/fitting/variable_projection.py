"""Variable projection: what a batched line fit searches, within which limits, and what it finds.

Amplitudes and continua are solved exactly at every step, so that only velocity and squared
width are searched (Golub & Pereyra 1973, with the Jacobian of Kaufman 1975) by a bounded
Levenberg-Marquardt descent. The squared width is the parameter because the model stays smooth
in it down to an unresolved line. The search itself is :mod:`kurvs_pipeline.fitting.plain`, and
the same steps compiled :mod:`kurvs_pipeline.fitting.compiled`.
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
    """A batch of spectra on the channels that a model uses, shape (n_spec, n_used_channels).

    ``weight`` is the inverse variance, 0 where there is no valid data.
    """

    flux: Array
    weight: Array

    def rows(self, chosen: BoolArray) -> "Spectra":
        """Return the spectra that a mask of shape (n_spec,) chooses."""
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


@dataclass(frozen=True)
class Bounds:
    """Limits of the search."""

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
        """Which of velocity and squared width lie on their lower limit, shape (2, n_spec)."""
        return np.asarray(kinematics <= self.lower)

    def at_upper(self, kinematics: Array) -> BoolArray:
        """Which of velocity and squared width lie on their upper limit, shape (2, n_spec)."""
        return np.asarray(kinematics >= self.upper)


@dataclass(frozen=True)
class Minimum:
    """Where the search ended: ``kinematics`` are velocity and squared width, shape (2, n_spec).

    ``converged``, shape (n_spec,), is whether the steps became negligible.
    """

    kinematics: Array
    point: Point
    converged: BoolArray


def core_coverage(
    model: BandLineModel, weight: Array, velocity_kms: Array, sigma_kms: Array
) -> BoolArray:
    """Return which groups have valid data over at least half of their name line's core.

    Weights, shape (n_spec, n_used_channels), are 0 where there is no valid data; velocities and
    widths have shape (n_spec,), the result (n_spec, n_groups).
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


def covariance(point: Point, held: BoolArray) -> Array:
    """Invert the Fisher matrix, with some kinematic parameters held fixed.

    ``held``, shape (2, n_spec), is whether velocity and squared width are. Rows of what was not
    fitted are 0 in the result, shape (n_columns, n_columns, n_spec).
    """
    fisher = point.fisher.copy()
    n_linear = fisher.shape[0] - 2
    for index in range(2):
        fisher[n_linear + index] *= ~held[index]
        fisher[:, n_linear + index] *= ~held[index]
    return invert_symmetric(fisher)
