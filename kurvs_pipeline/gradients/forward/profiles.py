"""Line fluxes relative to H-alpha along the radius of a disk, given the abundance there."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from kurvs_pipeline.abundances.diagnostics import Diagnostic
from kurvs_pipeline.arrays import Array

LN_10 = float(np.log(10.0))
TABULATED_LOG_RATIOS = np.linspace(-4.0, 4.0, 3201)
BEYOND_RANGE_DEX = 0.1


class LogProfiles(NamedTuple):
    """Natural logarithms of lines relative to H-alpha without dust, and their derivatives.

    Parameters
    ----------
    value : array, shape (n_models, n_lines, n_radii)
        Natural logarithm of each line over H-alpha.
    by_abundance : array, shape (n_models, n_lines, n_radii)
        Derivative by 12 + log(O/H).
    by_extra : array, shape (n_models, n_extra, n_lines, n_radii)
        Derivative by the extra parameters.
    """

    value: Array
    by_abundance: Array
    by_extra: Array


class LineProfiles(Protocol):
    """Lines of a diagnostic as functions of abundance and of extra parameters."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Names of the lines; H-alpha is the first."""

    @property
    def extra_mean(self) -> Array:
        """Prior means of the extra parameters, shape (n_extra,)."""

    @property
    def extra_err(self) -> Array:
        """Prior standard deviations of the extra parameters, shape (n_extra,)."""

    def log_profiles(self, abundance: Array, extra: Array, radius: Array) -> LogProfiles:
        """Return the logarithms of the line profiles and their derivatives.

        Parameters
        ----------
        abundance : array, shape (n_models, n_radii)
            12 + log(O/H).
        extra : array, shape (n_models, n_extra)
            Extra parameters, in the order of :attr:`extra_mean`.
        radius : array, shape (n_radii,)
            Distance from the pivot of the gradients, kpc.
        """


@dataclass(frozen=True)
class InverseCalibration:
    """The inverse of a calibration that is one-valued within its range: ratios at abundances.

    Beyond its range a calibration is continued as a straight line, so that the likelihood stays
    defined where data leave the abundance open.
    """

    diagnostic: Diagnostic

    @cached_property
    def _table(self) -> tuple[Array, Array]:
        """Abundances, increasing, and the logarithm of the ratio at each."""
        with np.errstate(invalid="ignore", over="ignore"):
            abundance = self.diagnostic.oxygen_abundance(TABULATED_LOG_RATIOS)
        low, high = self.diagnostic.valid_range
        used = (abundance > low - BEYOND_RANGE_DEX) & (abundance < high + BEYOND_RANGE_DEX)
        order = np.argsort(abundance[used])
        return abundance[used][order], TABULATED_LOG_RATIOS[used][order]

    @cached_property
    def _slopes(self) -> Array:
        at, ratio = self._table
        return np.diff(ratio) / np.diff(at)

    def log_ratio(self, abundance: Array) -> tuple[Array, Array]:
        """Return log10 of the ratio and its derivative, both in the shape of the abundance."""
        at, ratio = self._table
        slopes = self._slopes
        index = np.minimum(np.maximum(np.searchsorted(at, abundance) - 1, 0), len(slopes) - 1)
        slope = slopes[index]
        return ratio[index] + slope * (abundance - at[index]), slope


@dataclass(frozen=True)
class NitrogenProfiles:
    """Lines of N2 along the radius of a disk: H-alpha and [N II], a ratio without dust."""

    calibration: InverseCalibration
    lines: tuple[str, ...] = ("halpha", "nii_6584")

    @property
    def extra_mean(self) -> Array:
        """Prior means of the extra parameters, of which there are none."""
        return np.empty(0)

    @property
    def extra_err(self) -> Array:
        """Prior standard deviations of the extra parameters, of which there are none."""
        return np.empty(0)

    def log_profiles(self, abundance: Array, extra: Array, radius: Array) -> LogProfiles:
        """Return the line profiles (:class:`LineProfiles`)."""
        ratio, slope = self.calibration.log_ratio(abundance)
        value = LN_10 * np.stack([np.zeros_like(ratio), ratio], axis=1)
        by_abundance = LN_10 * np.stack([np.zeros_like(slope), slope], axis=1)
        return LogProfiles(value, by_abundance, np.empty((*extra.shape, 2, radius.size)))
