"""The fit of narrow lines and a broad H-alpha to one spectrum, by variable projection.

Fluxes and continuum are solved exactly at every step, so that only the velocities and widths
of the two components are searched.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.optimize import least_squares

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.variable_projection import core_coverage
from kurvs_pipeline.lines import LINE_GROUPS

WINDOW_KMS = 5000.0
"""Half-width about every line: the continuum must be seen beyond the broad line."""

BROAD_VELOCITY_RANGE_KMS = (-500.0, 500.0)
BROAD_SIGMA_RANGE_KMS = (300.0, 2500.0)
NARROW_VELOCITY_RANGE_KMS = (-400.0, 400.0)
NARROW_SIGMA_RANGE_KMS = (5.0, 300.0)
"""Ranges of the narrow lines beside a broad one: a wider component is the broad one."""

AT_END = 0.01
"""Fraction of a range: a value as near to an end has run there."""

_GRID_VELOCITIES_KMS = (-250.0, 0.0, 250.0)
_GRID_SIGMAS_KMS = (400.0, 700.0, 1200.0, 2000.0)
_GRID_NARROW_SIGMAS_KMS = (50.0, 120.0)
_SCALES_KMS = (20.0, 20.0, 100.0, 200.0)


@dataclass(frozen=True)
class BroadLineModel:
    """Narrow lines of a band with wide windows, and H-alpha alone on the same channels."""

    narrow: BandLineModel
    broad: BandLineModel

    @classmethod
    def beside(cls, model: BandLineModel) -> "BroadLineModel":
        """Build the model from one of narrow lines with H-alpha, by widening its windows."""
        narrow = BandLineModel.for_band(
            model.wavelength_um, model.lsf_sigma_um, model.redshift,
            window_kms=WINDOW_KMS, lines=model.group_names,
        )  # fmt: skip
        halpha = next(group for group in LINE_GROUPS if group.name == "halpha")
        windows = tuple(
            replace(window, lines=tuple((0, n, r) for _, n, r in window.lines if n == "halpha"))
            for window in narrow.windows
        )
        return cls(narrow, replace(narrow, groups=(halpha,), windows=windows))

    @property
    def n_groups(self) -> int:
        """Number of narrow groups, and index of the broad line among the columns."""
        return len(self.narrow.groups)

    @cached_property
    def continuum(self) -> Array:
        """A constant for each window and one slope over all, (n_windows + 1, n_used)."""
        wavelength = self.narrow.wavelength_um[self.narrow.channels]
        slope = (wavelength - wavelength.mean()) / np.ptp(wavelength)
        return np.vstack([self.narrow.continuum, slope])

    def columns(self, kinematics: Array) -> Array:
        """Return the columns of narrow lines, broad line and continuum, (n_columns, n_used).

        ``kinematics`` are velocity and width of the narrow lines, then of the broad one, km/s; with
        the first two alone the column of the broad line is 0.
        """
        lines = [self._lines(self.narrow, kinematics[:2])[0]]
        if len(kinematics) > 2:
            lines.append(self._lines(self.broad, kinematics[2:])[0])
        else:
            lines.append(np.zeros((1, lines[0].shape[1])))
        return np.concatenate([*lines, self.continuum])

    def derivatives(self, kinematics: Array, amplitudes: Array) -> Array:
        """Return derivatives of the spectrum by velocities and widths, (n_kinematics, n_used).

        ``kinematics`` are those of :meth:`columns`, ``amplitudes`` the fluxes of the same lines.
        """
        n = self.n_groups
        parts = [(self.narrow, kinematics[:2], amplitudes[:n])]
        if len(kinematics) > 2:
            parts.append((self.broad, kinematics[2:], amplitudes[n : n + 1]))
        return np.concatenate(
            [
                np.tensordot(self._lines(model, moved)[1:], flux, axes=(1, 0))
                for model, moved, flux in parts
            ]
        )

    @staticmethod
    def _lines(model: BandLineModel, kinematics: Array) -> Array:
        """Return profiles and derivatives by velocity and width, (3, n_groups, n_used)."""
        velocity, sigma = kinematics
        found = model.line_columns(np.array([velocity]), np.array([sigma**2]))
        return np.stack([found.lines[0], found.by_velocity[0], 2.0 * sigma * found.by_variance[0]])


@dataclass(frozen=True)
class Solution:
    """The best fit of narrow lines, with or without a broad one.

    Parameters
    ----------
    kinematics : array, shape (2,) or (4,)
        Velocity and width of the narrow lines, then of the broad one, km/s.
    amplitudes : array, shape (n_columns,)
        Fluxes and continua; 0 where not fitted.
    covariance : array, shape (n_columns + n_kinematics, n_columns + n_kinematics)
        Covariance of amplitudes and kinematics; 0 where not fitted.
    fitted : bool array, shape (n_columns + n_kinematics,)
        Whether each amplitude, then each kinematic value was fitted.
    at_lower, at_upper : bool array, shape (n_kinematics,)
        Whether a kinematic value ran to an end of its range.
    """

    kinematics: Array
    amplitudes: Array
    covariance: Array
    fitted: BoolArray
    at_lower: BoolArray
    at_upper: BoolArray
    chi2: float
    n_channels: int

    @property
    def bayesian_information(self) -> float:
        """Bayesian information criterion: chi2 + k ln n."""
        return self.chi2 + float(self.fitted.sum()) * float(np.log(self.n_channels))


@dataclass(frozen=True)
class BroadLineProblem:
    """One spectrum, shape (n_used_channels,), and the model to fit to it.

    ``weight`` is the inverse variance, 0 where there is no valid data.
    """

    model: BroadLineModel
    flux: Array
    weight: Array

    @cached_property
    def _root(self) -> Array:
        return np.sqrt(self.weight)

    def covered(self, velocity_kms: float, sigma_kms: float) -> BoolArray:
        """Return which narrow groups have valid data over half of their core, (n_groups,)."""
        narrow, kinematics = self.model.narrow, (np.array([velocity_kms]), np.array([sigma_kms]))
        return np.asarray(core_coverage(narrow, self.weight[None], *kinematics)[0])

    def fit_narrow(
        self, start: Array, *, free: bool, sigma_range_kms: tuple[float, float]
    ) -> Solution:
        """Return the best fit of the narrow lines alone, started as by :meth:`fit_both`."""
        ranges = (NARROW_VELOCITY_RANGE_KMS, sigma_range_kms)
        return self._descend(start, np.array([free, free]), ranges)

    def fit_both(self, start: Array, *, free: bool) -> Solution:
        """Return the best fit of the narrow lines and a broad H-alpha.

        ``start`` is velocity and width of the narrow lines, km/s, ``free`` whether to fit them.
        """
        ranges = (
            NARROW_VELOCITY_RANGE_KMS, NARROW_SIGMA_RANGE_KMS,
            BROAD_VELOCITY_RANGE_KMS, BROAD_SIGMA_RANGE_KMS,
        )  # fmt: skip
        narrow = (start[1], *_GRID_NARROW_SIGMAS_KMS) if free else (start[1],)
        grid = itertools.product((start[0],), narrow, _GRID_VELOCITIES_KMS, _GRID_SIGMAS_KMS)
        active = self.covered(*start)
        best = min(
            (np.array(point) for point in grid),
            key=lambda point: float(np.sum(self._project(point, active)[1] ** 2)),
        )
        return self._descend(best, np.array([free, free, True, True]), ranges)

    def _project(self, kinematics: Array, active: BoolArray) -> tuple[Array, Array]:
        """Return the best amplitudes and the weighted residuals at given kinematics."""
        columns = self.model.columns(kinematics)
        used = self._used(kinematics, active)
        amplitudes = self._solved(columns, used)
        broad = self.model.n_groups
        if amplitudes[broad] < 0.0:
            used[broad] = False
            amplitudes = self._solved(columns, used)
        return amplitudes, (self.flux - amplitudes @ columns) * self._root

    def _used(self, kinematics: Array, active: BoolArray) -> BoolArray:
        used = np.ones(self.model.n_groups + 1 + len(self.model.continuum), dtype=bool)
        used[: self.model.n_groups] = active
        used[self.model.n_groups] = len(kinematics) > 2
        return used

    def _solved(self, columns: Array, used: BoolArray) -> Array:
        amplitudes = np.zeros(len(columns))
        design = (columns[used] * self._root).T
        scale = np.maximum(np.linalg.norm(design, axis=0), np.finfo(float).tiny)
        solution = np.linalg.lstsq(design / scale, self.flux * self._root, rcond=None)[0]
        amplitudes[used] = solution / scale
        return amplitudes

    def _descend(
        self, start: Array, free: BoolArray, ranges: Sequence[tuple[float, float]]
    ) -> Solution:
        """Search the kinematics that are free from a starting point."""
        lower, upper = np.array(ranges).T
        here = np.where(free, np.clip(start, lower + 1.0, upper - 1.0), start)
        active = self.covered(here[0], here[1])

        def residual(moved: Array) -> Array:
            here[free] = moved
            return self._project(here, active)[1]

        if free.any():
            scale = np.array(_SCALES_KMS)[: len(here)][free]
            found = least_squares(
                residual, here[free], bounds=(lower[free], upper[free]), x_scale=scale
            )
            here[free] = found.x
        near = AT_END * (upper - lower)
        at_lower, at_upper = free & (here <= lower + near), free & (here >= upper - near)
        return self._solution(here, active, free & ~(at_lower | at_upper), (at_lower, at_upper))

    def _solution(
        self,
        kinematics: Array,
        active: BoolArray,
        free: BoolArray,
        ends: tuple[BoolArray, BoolArray],
    ) -> Solution:
        amplitudes, residual = self._project(kinematics, active)
        columns = self.model.columns(kinematics)
        derivatives = self.model.derivatives(kinematics, amplitudes)
        fitted = np.concatenate([self._used(kinematics, active), free])
        matrix = np.concatenate([columns, derivatives])[fitted] * self._root
        covariance = np.zeros((fitted.size, fitted.size))
        covariance[np.ix_(fitted, fitted)] = _inverse(matrix @ matrix.T)
        return Solution(
            kinematics, amplitudes, covariance, fitted, *ends,
            chi2=float(residual @ residual), n_channels=int(np.count_nonzero(self.weight)),
        )  # fmt: skip


def _inverse(fisher: Array) -> Array:
    """Invert a Fisher matrix whose parameters have units of all sizes."""
    scale = 1.0 / np.sqrt(np.maximum(np.diagonal(fisher), np.finfo(float).tiny))
    return np.asarray(np.linalg.pinv(fisher * np.outer(scale, scale), hermitian=True)
                      * np.outer(scale, scale))  # fmt: skip
