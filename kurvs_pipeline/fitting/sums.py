"""Fluxes summed over channels, whatever the shape of the line.

The 'statistical' flux of Li et al. (2025), Section 3: it needs no Gaussian, so that a line with
two horns, say, shows by how much a Gaussian misses it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erf

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.fitting.outcome import LineFits
from kurvs_pipeline.fitting.responses import drawn_kinematics, parameter_responses
from kurvs_pipeline.lines import OII_PAIR
from kurvs_pipeline.representation import short_repr

HALF_WIDTH_SIGMAS = 2.5
"""Of the observed width, either side of a line: the sum holds 98.8 per cent of a Gaussian, and
H-alpha is apart from [N II] up to 105 km/s. The survey sums over one full width at half
maximum, 1.18 either side, which holds 76 per cent."""

LEAST_SEEN = 0.5
"""Fraction of what the sum holds of a line that must fall on valid channels."""

_STEP_KMS = 1.0
"""For derivatives by velocity; that by width changes it by as much at 50 km/s."""


@dataclass(frozen=True, eq=False)
class StatisticalFluxes:
    """Fluxes of lines as sums over channels.

    Parameters
    ----------
    names : tuple of str
        The lines, in the order of :meth:`~kurvs_pipeline.fitting.outcome.LineFits.to_lines`.
    flux, flux_err : array, shape (n_spec, n_lines)
        Flux density times um, and its standard error. NaN where the sum would hold another
        line, where most of the line is masked, and where the fit failed.
    """

    __repr__ = short_repr

    names: tuple[str, ...]
    flux: Array
    flux_err: Array

    @cached_property
    def snr(self) -> Array:
        """Flux over its error, shape (n_spec, n_lines)."""
        return self.flux / self.flux_err


def statistical_fluxes(
    fits: LineFits,
    flux: ArrayLike,
    variance: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    half_width_sigmas: float = HALF_WIDTH_SIGMAS,
) -> StatisticalFluxes:
    """Sum continuum-subtracted spectra over every line.

    The sum goes over ``half_width_sigmas`` of the observed width (that of the fit, with the
    line-spread function) either side of the fitted centre. It is divided by the fraction of a
    Gaussian that the valid channels of the sum hold, and so is the fitted flux where the line
    is a Gaussian. Errors hold those of the channels, of the continuum and of the fitted
    kinematics, which say where the sum ends.

    Parameters
    ----------
    fits : LineFits
        Where the lines are, and the continuum under them.
    flux, variance : array, shape (n_spec, n_channels)
        The spectra that were fitted.
    mask : bool array, shape (n_spec, n_channels), optional
        True where a channel must not be used.
    half_width_sigmas : float
        > 0.

    Returns
    -------
    StatisticalFluxes
        ``oii`` is the sum over both of its lines, which by themselves mostly overlap.

    Raises
    ------
    ConfigurationError
        If the half-width is not positive.
    """
    if not half_width_sigmas > 0.0:
        raise ConfigurationError(
            f"half_width_sigmas is {half_width_sigmas:g}; expected a number > 0"
        )
    used = fits.model.channels
    values = np.asarray(flux, dtype=float)[:, used]
    noise = np.asarray(variance, dtype=float)[:, used]
    valid = np.isfinite(values) & np.isfinite(noise) & (noise > 0.0)
    if mask is not None:
        valid &= ~np.asarray(mask, dtype=bool)[:, used]
    data = _Data(np.where(valid, values, 0.0), np.where(valid, noise, 0.0), valid)
    sums = _LineSums(fits, data, half_width_sigmas)
    return StatisticalFluxes(sums.names, sums.flux, sums.flux_err)


@dataclass(frozen=True)
class _Data:
    """Spectra on the channels of their model, 0 where invalid, shapes (n_spec, n_used)."""

    values: Array
    variance: Array
    valid: BoolArray


@dataclass(frozen=True)
class _LineSums:
    """The sums over all lines of fitted spectra."""

    fits: LineFits
    data: _Data
    half_width_sigmas: float

    @cached_property
    def names(self) -> tuple[str, ...]:
        return self.fits.to_lines().names

    @cached_property
    def flux(self) -> Array:
        """Sums, shape (n_spec, n_lines)."""
        weights = self._weights(*self._kinematics)
        continuum = np.nan_to_num(self.fits.continuum) @ self.fits.model.continuum
        found = np.einsum("nlu,nu->nl", weights, self.data.values - continuum)
        return np.where(self._known, found, np.nan)

    @cached_property
    def flux_err(self) -> Array:
        """Errors of the sums, shape (n_spec, n_lines): how each follows every channel."""
        weights = self._weights(*self._kinematics)
        continuum = self.fits.model.continuum
        n_windows = len(continuum)
        by_continuum = -np.einsum("nlu,wu->nlw", weights, continuum)
        responses = parameter_responses(self.fits, self.data.variance)[:, -(n_windows + 2) :]
        changes = np.concatenate([by_continuum, self._by_kinematics], axis=2)
        weights = weights + changes @ responses
        variance = np.einsum("nlu,nlu,nu->nl", weights, weights, self.data.variance)
        return np.where(self._known, np.sqrt(variance), np.nan)

    @cached_property
    def _kinematics(self) -> tuple[Array, Array]:
        return drawn_kinematics(self.fits)

    @cached_property
    def _groups_of_lines(self) -> Array:
        """Profile of each line, of unit flux, from those of the groups that it is in."""
        unit = np.eye(len(self.fits.model.groups))
        rows = {
            name: unit[index] / ratio
            for index, group in enumerate(self.fits.model.groups)
            for name, ratio in group.members
        }
        if "oii" in self.names:
            rows["oii"] = np.mean([rows[name] for name in OII_PAIR], axis=0)
        return np.array([rows[name] for name in self.names])

    def _ranges(self, velocity: Array, variance: Array) -> tuple[Array, Array]:
        """Return where the sums begin and end, um, shapes (n_spec, n_lines)."""
        pairs = [OII_PAIR if name == "oii" else (name, name) for name in self.names]
        begin: list[Array] = []
        end: list[Array] = []
        for first, last in pairs:
            for name, edges, sign in ((first, begin, -1.0), (last, end, 1.0)):
                systemic, per_kms, lsf = self.fits.model.line_scale(name)
                width = np.sqrt(per_kms**2 * variance + lsf**2)
                edges.append(systemic + per_kms * velocity + sign * self.half_width_sigmas * width)
        return np.stack(begin, axis=1), np.stack(end, axis=1)

    def _inside(self, velocity: Array, variance: Array) -> Array:
        """Return what of every channel belongs to each sum, um, (n_spec, n_lines, n_used)."""
        edges, used = self.fits.model.edges_um, self.fits.model.channels
        begin, end = (edge[:, :, None] for edge in self._ranges(velocity, variance))
        length = np.minimum(edges[used + 1], end) - np.maximum(edges[used], begin)
        return np.asarray(np.maximum(length, 0.0) * self.data.valid[:, None, :])

    def _seen(self, velocity: Array, variance: Array) -> Array:
        """Return what each sum holds of a line of unit flux, shape (n_spec, n_lines)."""
        profiles = self.fits.model.line_columns(velocity, variance).lines
        inside = self._inside(velocity, variance)
        profiles = np.einsum("lg,ngu->nlu", self._groups_of_lines, profiles)
        return np.asarray(np.einsum("nlu,nlu->nl", inside, profiles))

    def _weights(self, velocity: Array, variance: Array) -> Array:
        """Return by what channels are multiplied in each sum, (n_spec, n_lines, n_used)."""
        seen = self._seen(velocity, variance)[:, :, None]
        inside = self._inside(velocity, variance)
        return np.divide(inside, seen, out=np.zeros_like(inside), where=seen > 0.0)

    @cached_property
    def _known(self) -> BoolArray:
        """Which sums hold enough of their line and nothing of another, (n_spec, n_lines)."""
        least = LEAST_SEEN * float(erf(self.half_width_sigmas / np.sqrt(2.0)))
        begin, end = self._ranges(*self._kinematics)
        overlaps = (begin[:, :, None] < end[:, None, :]) & (begin[:, None, :] < end[:, :, None])
        blended = np.any(overlaps & self._may_blend, axis=2)
        enough = self._seen(*self._kinematics) >= least
        return np.asarray(enough & ~blended & self.fits.converged[:, None])

    @cached_property
    def _may_blend(self) -> BoolArray:
        """Which lines are others, shape (n_lines, n_lines): a sum is no line to blend with."""
        members = [set(OII_PAIR) if name == "oii" else {name} for name in self.names]
        return np.array([[b != "oii" and b not in a for b in self.names] for a in members])

    @cached_property
    def _by_kinematics(self) -> Array:
        """How sums of the fitted lines follow velocity and squared width, (n_spec, n_lines, 2)."""
        velocity, variance = self._kinematics
        step = _STEP_KMS**2 + 0.04 * variance
        lines = self.fits.model.line_columns(velocity, variance).lines
        fitted = np.einsum("ng,ngu->nu", np.nan_to_num(self.fits.flux), lines)
        up = self._weights(velocity + _STEP_KMS, variance) - self._weights(
            velocity - _STEP_KMS, variance
        )
        wider = self._weights(velocity, variance + step) - self._weights(velocity, variance)
        by_velocity = np.einsum("nlu,nu->nl", up, fitted) / (2.0 * _STEP_KMS)
        by_variance = np.einsum("nlu,nu->nl", wider, fitted) / step[:, None]
        return np.stack([by_velocity, by_variance], axis=2)
