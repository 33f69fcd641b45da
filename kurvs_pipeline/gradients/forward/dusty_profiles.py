"""Line profiles of diagnostics that need more lines than [N II] and H-alpha.

One line of each diagnostic follows from the abundance; the others have a logarithm that is linear
in radius, with wide priors. Dust is a screen whose A_V is linear in radius, constrained by the
Balmer lines and by its prior.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kurvs_pipeline.abundances.diagnostics import TYPICAL_LOG_N2, Diagnostic
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.dust import CASE_B_HALPHA_HBETA, R_V, attenuation_curve
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.gradients.forward.profiles import (
    LN_10,
    InverseCalibration,
    LineProfiles,
    LogProfiles,
    NitrogenProfiles,
)
from kurvs_pipeline.lines import DOUBLET_RATIO, REST_WAVELENGTH_UM

TYPICAL_A_V, TYPICAL_A_V_ERR, A_V_SLOPE_ERR = 0.4, 0.4, 0.06
"""mag, mag and mag/kpc: the survey's stacks, 0.6 in the centre to 0 at 10 kpc (Li et al. 2025,
Section 3), within one standard deviation."""

LOG_RATIO_ERR, LOG_RATIO_SLOPE_ERR = 0.6, 0.1
"""dex and dex/kpc: twice what galaxies show."""

TYPICAL_LOG_O32 = 0.0
"""log([O III]/[O II]) of the survey's galaxies."""

OII_UM = 0.5 * (REST_WAVELENGTH_UM["oii_3726"] + REST_WAVELENGTH_UM["oii_3729"])
BRIGHTER_OF_OIII = DOUBLET_RATIO / (1.0 + DOUBLET_RATIO)

ZERO_POINT_ERR = 0.3
"""dex, of one calibration against another: they differ by up to 0.7 (Kewley & Ellison 2008)."""

ADDED_LINE = {"O3N2": "oiii_5007", "N2O2": "oii"}
"""Line that a diagnostic gives once [N II] is known, by its ratio."""


@dataclass(frozen=True)
class DustyProfiles:
    """Lines of O3N2, N2O2 or R23 along the radius of a disk.

    The extra parameters are a line ratio that the abundance leaves free, log([N II]/H-alpha) or
    for R23 log([O III]4959,5007/[O II]), at the pivot and its slope per kpc, then A_V at the
    pivot and its slope per kpc.
    """

    calibration: InverseCalibration

    @property
    def _symbol(self) -> str:
        return self.calibration.diagnostic.ratio.symbol

    @property
    def lines(self) -> tuple[str, ...]:
        """Names of the lines; H-alpha is the first."""
        return {
            "O3N2": ("halpha", "hbeta", "nii_6584", "oiii_5007"),
            "N2O2": ("halpha", "hbeta", "nii_6584", "oii"),
            "R23": ("halpha", "hbeta", "oii", "oiii_5007"),
        }[self._symbol]

    @property
    def extra_mean(self) -> Array:
        """Prior means of the extra parameters."""
        free = TYPICAL_LOG_O32 if self._symbol == "R23" else TYPICAL_LOG_N2
        return np.array([free, 0.0, TYPICAL_A_V, 0.0])

    @property
    def extra_err(self) -> Array:
        """Prior standard deviations of the extra parameters."""
        return np.array([LOG_RATIO_ERR, LOG_RATIO_SLOPE_ERR, TYPICAL_A_V_ERR, A_V_SLOPE_ERR])

    @cached_property
    def _dimming(self) -> Array:
        return _ln_dimming_per_mag(self.lines)

    def log_profiles(self, abundance: Array, extra: Array, radius: Array) -> LogProfiles:
        """Return the line profiles (:class:`LineProfiles`)."""
        ratio, slope = self.calibration.log_ratio(abundance)
        free = extra[:, :1] + extra[:, 1:2] * radius
        plain, by_ratio, by_free = self._without_dust(ratio, free)
        a_v = extra[:, 2:3] + extra[:, 3:4] * radius
        dimming = self._dimming[:, None]
        value = LN_10 * plain - dimming * a_v[:, None]
        by_dust = np.broadcast_to(-dimming, value.shape)
        by_extra = [LN_10 * by_free, LN_10 * by_free * radius, by_dust, by_dust * radius]
        return LogProfiles(value, LN_10 * by_ratio * slope[:, None], np.stack(by_extra, axis=1))

    def _without_dust(self, ratio: Array, free: Array) -> tuple[Array, Array, Array]:
        """Return log10 of lines over H-alpha, and its derivatives by both ratios."""
        none, one = np.zeros_like(ratio), np.ones_like(ratio)
        hbeta = np.full_like(ratio, -np.log10(CASE_B_HALPHA_HBETA))
        if self._symbol == "O3N2":
            value = none, hbeta, free, hbeta + ratio + free
            by_ratio, by_free = (none, none, none, one), (none, none, one, one)
        elif self._symbol == "N2O2":
            value = none, hbeta, free, free - ratio
            by_ratio, by_free = (none, none, none, -one), (none, none, one, one)
        else:
            log_oii = -np.logaddexp(0.0, LN_10 * free) / LN_10
            log_oiii = log_oii + free
            share, brighter = 10.0**log_oiii, np.log10(BRIGHTER_OF_OIII) + log_oiii
            value = none, hbeta, hbeta + ratio + log_oii, hbeta + ratio + brighter
            by_ratio, by_free = (none, none, one, one), (none, none, -share, 1.0 - share)
        return np.stack(value, axis=1), np.stack(by_ratio, axis=1), np.stack(by_free, axis=1)


def profiles_of(diagnostic: Diagnostic) -> LineProfiles | None:
    """Return the line profiles of a diagnostic; None where there is no model."""
    inverse = InverseCalibration(diagnostic)
    if diagnostic.ratio.symbol == "N2":
        return NitrogenProfiles(inverse)
    if diagnostic.ratio.symbol in {"O3N2", "N2O2", "R23"}:
        return DustyProfiles(inverse)
    return None


@dataclass(frozen=True)
class JointProfiles:
    """Lines of N2 with O3N2, N2O2 or both along the radius of a disk.

    [N II] follows from the abundance by N2. With it known, O3N2 gives [O III] and N2O2 gives
    [O II], each from the same abundance plus a zero point of its own. R23 adds no line to
    these, only a contradiction, and is fitted alone.

    The extra parameters are the zero points of all diagnostics but N2, then A_V at the pivot and
    its slope per kpc. ConfigurationError if the diagnostics are others than these, or one comes
    twice.
    """

    nitrogen: InverseCalibration
    others: tuple[InverseCalibration, ...]

    def __post_init__(self) -> None:
        first, *symbols = _symbols((self.nitrogen, *self.others))
        if first != "N2" or not symbols or sorted(symbols) != sorted(set(symbols) & {*ADDED_LINE}):
            raise ConfigurationError(
                f"diagnostics of {', '.join((first, *symbols))} cannot be fitted together; "
                "expected one of N2, then one of O3N2, N2O2 or both"
            )

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Names of the lines; H-alpha is the first."""
        added = (ADDED_LINE[symbol] for symbol in _symbols(self.others))
        return ("halpha", "hbeta", "nii_6584", *added)

    @property
    def extra_mean(self) -> Array:
        """Prior means of the extra parameters."""
        return np.array([*np.zeros(len(self.others)), TYPICAL_A_V, 0.0])

    @property
    def extra_err(self) -> Array:
        """Prior standard deviations of the extra parameters."""
        zero_points = np.full(len(self.others), ZERO_POINT_ERR)
        return np.array([*zero_points, TYPICAL_A_V_ERR, A_V_SLOPE_ERR])

    @cached_property
    def _dimming(self) -> Array:
        return _ln_dimming_per_mag(self.lines)[:, None]

    def log_profiles(self, abundance: Array, extra: Array, radius: Array) -> LogProfiles:
        """Return the line profiles (:class:`LineProfiles`)."""
        plain, by_abundance, by_zero_point = self._without_dust(abundance, extra)
        a_v = extra[:, -2:-1] + extra[:, -1:] * radius
        by_dust = np.broadcast_to(-self._dimming, plain.shape)
        dusty = np.stack([by_dust, by_dust * radius], axis=1)
        return LogProfiles(
            LN_10 * plain - self._dimming * a_v[:, None],
            LN_10 * by_abundance,
            np.concatenate([LN_10 * by_zero_point, dusty], axis=1),
        )

    def _without_dust(self, abundance: Array, extra: Array) -> tuple[Array, Array, Array]:
        """Return log10 of lines over H-alpha, and its derivatives by abundance and zero points."""
        nitrogen, slope = self.nitrogen.log_ratio(abundance)
        none = np.zeros_like(nitrogen)
        hbeta = none - np.log10(CASE_B_HALPHA_HBETA)
        value, by_abundance = [none, hbeta, nitrogen], [none, none, slope]
        by_zero_point = np.zeros((len(extra), len(self.others), len(self.lines), none.shape[1]))
        for index, other in enumerate(self.others):
            ratio, by_ratio = other.log_ratio(abundance + extra[:, index : index + 1])
            is_oiii = other.diagnostic.ratio.symbol == "O3N2"
            added = by_ratio if is_oiii else -by_ratio
            value.append(nitrogen + (hbeta + ratio if is_oiii else -ratio))
            by_abundance.append(slope + added)
            by_zero_point[:, index, 3 + index] = added
        return np.stack(value, axis=1), np.stack(by_abundance, axis=1), by_zero_point


def _ln_dimming_per_mag(lines: Sequence[str]) -> Array:
    """Return how much of its natural logarithm each line loses by one magnitude of A_V."""
    wavelength = {"oii": OII_UM, **REST_WAVELENGTH_UM}
    curve = attenuation_curve(np.array([wavelength[line] for line in lines]))
    return np.asarray(0.4 * LN_10 * curve / R_V)


def _symbols(calibrations: Sequence[InverseCalibration]) -> list[str]:
    return [one.diagnostic.ratio.symbol for one in calibrations]
