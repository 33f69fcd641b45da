"""What a simultaneous fit of one band's emission lines assumes about a spectrum.

All lines share one velocity and one intrinsic width; each tied group has one amplitude, each
separate window one constant continuum. The model is linear in amplitudes and continuum, so it
is a design matrix that depends on velocity and width only.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from kurvs_pipeline.arrays import Array, IntArray
from kurvs_pipeline.bands import FWHM_PER_SIGMA, SPEED_OF_LIGHT_KMS
from kurvs_pipeline.errors import CoverageError
from kurvs_pipeline.lines import LINE_GROUPS, REST_WAVELENGTH_UM, LineGroup
from kurvs_pipeline.representation import short_repr

_SQRT_TWO_PI = float(np.sqrt(2.0 * np.pi))
LINE_REACH_SIGMAS = 7.0
"""Half-width of what is computed of a line; 3e-12 of its flux lies beyond."""


@dataclass(frozen=True)
class Window:
    """A run of neighbouring channels that shares one flat continuum.

    ``channels`` are those of the full wavelength grid, ``used`` the same among those that the model
    uses. Every line inside has the index of its group, its name, and its flux relative to the
    group's.
    """

    channels: slice
    used: slice
    lines: tuple[tuple[int, str, float], ...]


@dataclass(frozen=True)
class Columns:
    """The design matrix and its derivatives, shapes (n_spec, n_groups, n_used_channels).

    ``lines`` are profiles of unit flux of each group, 1/um; derivatives are by velocity (km/s) and
    by the square of the width (km^2/s^2).
    """

    lines: Array
    by_velocity: Array
    by_variance: Array


@dataclass(frozen=True, eq=False)
class BandLineModel:
    """Emission lines of one band at one redshift; build it with :meth:`for_band`.

    Models are equal, and have the same hash, if all that defines them is: tables made for one
    serve its equals.

    Parameters
    ----------
    wavelength_um : array, shape (n_channels,)
        Channel centres, increasing, in vacuum.
    lsf_sigma_um : array, shape (n_channels,)
        Standard deviation of the line-spread function.
    redshift : float
        Velocities are relative to it.
    groups : tuple of LineGroup
        One amplitude each.
    windows : tuple of Window
        One constant each.
    """

    __repr__ = short_repr

    wavelength_um: Array
    lsf_sigma_um: Array
    redshift: float
    groups: tuple[LineGroup, ...]
    windows: tuple[Window, ...]

    @classmethod
    def for_band(
        cls,
        wavelength_um: ArrayLike,
        lsf_sigma_um: ArrayLike,
        redshift: float,
        *,
        window_kms: float = 2000.0,
        lines: Sequence[str] | None = None,
    ) -> Self:
        """Choose the lines that a wavelength grid covers and the channels around them.

        Parameters
        ----------
        wavelength_um : array, shape (n_channels,)
            Channel centres, increasing, in vacuum.
        lsf_sigma_um : float or array, shape (n_channels,)
            Standard deviation of the line-spread function.
        redshift : float
            Of the galaxy, on the vacuum scale.
        window_kms : float
            Half-width of the window around each line; windows that overlap become one.
        lines : sequence of str, optional
            Names of the groups to fit; all of them by default.

        Raises
        ------
        CoverageError
            If no line of the survey falls on the grid.
        """
        wavelength = np.asarray(wavelength_um, dtype=float)
        lsf = np.broadcast_to(np.asarray(lsf_sigma_um, dtype=float), wavelength.shape).copy()
        groups = tuple(
            group
            for group in LINE_GROUPS
            if (lines is None or group.name in lines)
            and _covers(wavelength, lsf, group.name, redshift)
        )
        if not groups:
            raise CoverageError(
                f"no emission line of {sorted(REST_WAVELENGTH_UM)} falls on "
                f"{wavelength[0]:.4g}-{wavelength[-1]:.4g} um at redshift {redshift:.4g}; "
                "expected at least one (is the redshift right?)"
            )
        windows = _merge_windows(wavelength, groups, redshift, window_kms)
        return cls(wavelength, lsf, redshift, groups, windows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BandLineModel) and self._definition() == other._definition()

    def __hash__(self) -> int:
        return hash(self._definition())

    def _definition(self) -> tuple[Hashable, ...]:
        windows = tuple((w.channels.start, w.channels.stop, w.lines) for w in self.windows)
        arrays = (self.wavelength_um.tobytes(), self.lsf_sigma_um.tobytes())
        return (*arrays, self.redshift, self.groups, windows)

    @cached_property
    def channels(self) -> IntArray:
        """Indices of the channels used, shape (n_used_channels,)."""
        index = np.arange(self.wavelength_um.size)
        return np.concatenate([index[window.channels] for window in self.windows])

    @cached_property
    def edges_um(self) -> Array:
        """Edges of all channels, shape (n_channels + 1,), half-way between centres."""
        return channel_edges(self.wavelength_um)

    @cached_property
    def continuum(self) -> Array:
        """Columns of the flat continua, shape (n_windows, n_used_channels)."""
        columns = np.zeros((len(self.windows), self.channels.size))
        for index, window in enumerate(self.windows):
            columns[index, window.used] = 1.0
        return columns

    @property
    def group_names(self) -> tuple[str, ...]:
        """Name of each group: the line whose flux its amplitude is."""
        return tuple(group.name for group in self.groups)

    def design(self, velocity_kms: ArrayLike, sigma_kms: ArrayLike) -> Array:
        """Evaluate the design matrix.

        Parameters
        ----------
        velocity_kms, sigma_kms : float or array, shape (n_spec,)
            Shared velocity and intrinsic width.

        Returns
        -------
        array, shape (n_spec, n_used_channels, n_groups + n_windows)
            Flux density, averaged over each channel, of unit amplitudes.
        """
        velocity, sigma = np.broadcast_arrays(
            np.atleast_1d(np.asarray(velocity_kms, dtype=float)),
            np.atleast_1d(np.asarray(sigma_kms, dtype=float)),
        )
        lines = self.line_columns(velocity, sigma**2).lines
        continuum = np.broadcast_to(self.continuum, (velocity.size, *self.continuum.shape))
        return np.concatenate([lines, continuum], axis=1).transpose(0, 2, 1)

    def line_columns(self, velocity_kms: Array, variance_kms2: Array) -> Columns:
        """Evaluate the line columns and their derivatives.

        Parameters
        ----------
        velocity_kms, variance_kms2 : array, shape (n_spec,)
            Shared velocity and square of the intrinsic width.

        Returns
        -------
        Columns
        """
        shape = (velocity_kms.size, len(self.groups), self.channels.size)
        columns = Columns(np.zeros(shape), np.zeros(shape), np.zeros(shape))
        for window in self.windows:
            for group, name, ratio in window.lines:
                self._add_line(columns, (velocity_kms, variance_kms2), window, group, name, ratio)
        return columns

    def _add_line(
        self,
        columns: Columns,
        kinematics: tuple[Array, Array],
        window: Window,
        group: int,
        name: str,
        ratio: float,
    ) -> None:
        """Add one line's channel-integrated Gaussian and derivatives in place."""
        velocity, variance = kinematics
        systemic, per_kms, lsf = self.line_scale(name)
        width = np.sqrt(variance * per_kms**2 + lsf**2)[:, None]
        centre = (systemic + per_kms * velocity)[:, None]
        edges = self.edges_um[window.channels.start : window.channels.stop + 1]
        lit = _lit_channels(edges, centre, width)
        edges = edges[lit.start : lit.stop + 1]
        first = window.used.start
        where = (slice(None), group, slice(first + lit.start, first + lit.stop))
        z = (edges - centre) / width
        density = np.exp(-0.5 * z**2) / (_SQRT_TWO_PI * width)
        per_channel = ratio / np.diff(edges)
        columns.lines[where] += np.diff(ndtr(z), axis=1) * per_channel
        columns.by_velocity[where] -= np.diff(density, axis=1) * (per_channel * per_kms)
        columns.by_variance[where] -= (
            np.diff(density * z, axis=1) * (0.5 * per_kms**2 / width) * per_channel
        )

    def line_scale(self, name: str) -> tuple[float, float, float]:
        """Return a line's wavelength at velocity 0, its shift per km/s and its LSF width, um.

        Parameters
        ----------
        name : str
            Of the line.
        """
        systemic = REST_WAVELENGTH_UM[name] * (1.0 + self.redshift)
        lsf = float(np.interp(systemic, self.wavelength_um, self.lsf_sigma_um))
        return systemic, systemic / SPEED_OF_LIGHT_KMS, lsf

    def line_cores(self, velocity_kms: Array, sigma_kms: Array) -> tuple[Array, Array]:
        """Return where the core of each group's name line begins and ends.

        Parameters
        ----------
        velocity_kms, sigma_kms : array, shape (n_spec,)
            Shared velocity and intrinsic width.

        Returns
        -------
        begin, end : array, shape (n_spec, n_groups)
            One full width at half-maximum either side of the line's centre, um.
        """
        scales = np.array([self.line_scale(group.name) for group in self.groups])
        systemic, per_kms, lsf = scales.T
        centre = systemic + per_kms * velocity_kms[:, None]
        fwhm = FWHM_PER_SIGMA * np.hypot(per_kms * sigma_kms[:, None], lsf)
        return centre - fwhm, centre + fwhm

    def line_overlap(self, velocity_kms: Array, sigma_kms: Array) -> Array:
        """Return how the core of each group's name line falls on the channels used.

        Parameters
        ----------
        velocity_kms, sigma_kms : array, shape (n_spec,)
            Shared velocity and intrinsic width.

        Returns
        -------
        array, shape (n_spec, n_groups, n_used_channels)
            Fraction of the core that lies in each channel; its sum is below 1 where the grid
            ends.
        """
        begin, end = (edge[:, :, None] for edge in self.line_cores(velocity_kms, sigma_kms))
        low, high = self.edges_um[self.channels], self.edges_um[self.channels + 1]
        covered = np.minimum(high, end) - np.maximum(low, begin)
        return np.asarray(np.maximum(covered, 0.0) / (end - begin))


def channel_edges(centres: Array) -> Array:
    """Return the n + 1 edges of neighbouring channels, half-way between at least two centres."""
    middle = 0.5 * (centres[1:] + centres[:-1])
    first = 2.0 * centres[0] - middle[0]
    last = 2.0 * centres[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])


def _lit_channels(edges: Array, centre: Array, width: Array) -> slice:
    """Return the run of channels that any spectrum's line reaches."""
    if centre.size == 0:
        return slice(0, 0)
    low = np.min(centre - LINE_REACH_SIGMAS * width)
    high = np.max(centre + LINE_REACH_SIGMAS * width)
    start = max(0, int(np.searchsorted(edges, low, side="right")) - 1)
    stop = min(edges.size - 1, int(np.searchsorted(edges, high)))
    return slice(min(start, stop), stop)


def _covers(wavelength: Array, lsf: Array, line: str, redshift: float) -> bool:
    """Whether a line and one LSF width either side are on the grid."""
    observed = REST_WAVELENGTH_UM[line] * (1.0 + redshift)
    margin = FWHM_PER_SIGMA * float(np.interp(observed, wavelength, lsf))
    return bool(wavelength[0] + margin <= observed <= wavelength[-1] - margin)


def _merge_windows(
    wavelength: Array, groups: Sequence[LineGroup], redshift: float, window_kms: float
) -> tuple[Window, ...]:
    """Join the channels around all lines into separate windows, in order of wavelength."""
    factor = window_kms / SPEED_OF_LIGHT_KMS
    members = [
        (index, name, ratio, REST_WAVELENGTH_UM[name] * (1.0 + redshift))
        for index, group in enumerate(groups)
        for name, ratio in group.members
    ]
    used = np.zeros(wavelength.size, dtype=bool)
    for *_, centre in members:
        used |= np.abs(wavelength - centre) <= factor * centre
    boundary = np.flatnonzero(np.diff(np.concatenate([[False], used, [False]]).astype(int)))
    windows = []
    offset = 0
    for start, stop in zip(boundary[::2].tolist(), boundary[1::2].tolist(), strict=True):
        inside = tuple(
            (index, name, ratio)
            for index, name, ratio, centre in members
            if abs(np.clip(centre, wavelength[start], wavelength[stop - 1]) - centre)
            <= factor * centre
        )
        windows.append(Window(slice(start, stop), slice(offset, offset + stop - start), inside))
        offset += stop - start
    return tuple(windows)
