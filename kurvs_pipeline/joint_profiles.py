"""Lines along the radius of a disk for several diagnostics at once, of one abundance gradient.

Calibrations contradict one another by tenths of a dex, so every diagnostic after the first has a
zero point of its own. What they share is the gradient: each line that one of them adds tells it
once more, by its shape along the radius.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.dust import CASE_B_HALPHA_HBETA
from kurvs_pipeline.dusty_profiles import A_V_SLOPE_ERR, TYPICAL_A_V, TYPICAL_A_V_ERR, dimming
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.line_profiles import LN_10, InverseCalibration, LogProfiles

Array = NDArray[np.float64]

ZERO_POINT_ERR = 0.3
"""dex, of one calibration against another: they differ by up to 0.7 (Kewley & Ellison 2008)."""

ADDED_LINE = {"O3N2": "oiii_5007", "N2O2": "oii"}
"""By the ratio of a diagnostic, the line that it tells once [N II] is known."""


@dataclass(frozen=True)
class JointProfiles:
    """Lines of N2 with O3N2, N2O2 or both.

    [N II] follows from the abundance by N2. With it known, O3N2 tells [O III] and N2O2 tells
    [O II], each from the same abundance plus a zero point of its own. R23 adds no line to
    these, only a contradiction, and is fitted alone.

    The extra parameters are the zero points of all diagnostics but N2, then A_V at the pivot and
    its slope per kpc.

    Parameters
    ----------
    nitrogen : InverseCalibration
        Of a diagnostic of N2.
    others : tuple of InverseCalibration
        Of diagnostics of O3N2 or N2O2, at most one each.

    Raises
    ------
    ConfigurationError
        If the diagnostics are others than these, or one comes twice.
    """

    nitrogen: InverseCalibration
    others: tuple[InverseCalibration, ...]

    def __post_init__(self) -> None:
        """Refuse diagnostics whose lines are not told apart."""
        first, *symbols = _symbols((self.nitrogen, *self.others))
        if first != "N2" or not symbols or sorted(symbols) != sorted(set(symbols) & {*ADDED_LINE}):
            raise ConfigurationError(
                f"diagnostics of {', '.join((first, *symbols))} cannot be fitted together; "
                "expected one of N2, then one of O3N2, N2O2 or both"
            )

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Names; H-alpha is the first."""
        added = (ADDED_LINE[symbol] for symbol in _symbols(self.others))
        return ("halpha", "hbeta", "nii_6584", *added)

    @property
    def extra_mean(self) -> Array:
        """Prior means of the other parameters."""
        return np.array([*np.zeros(len(self.others)), TYPICAL_A_V, 0.0])

    @property
    def extra_err(self) -> Array:
        """Prior standard deviations of the other parameters."""
        zero_points = np.full(len(self.others), ZERO_POINT_ERR)
        return np.array([*zero_points, TYPICAL_A_V_ERR, A_V_SLOPE_ERR])

    @cached_property
    def _dimming(self) -> Array:
        return dimming(self.lines)[:, None]

    def log_profiles(self, abundance: Array, extra: Array, radius: Array) -> LogProfiles:
        """Return the lines (:class:`~kurvs_pipeline.line_profiles.LineProfiles`)."""
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


def _symbols(calibrations: Sequence[InverseCalibration]) -> list[str]:
    return [one.diagnostic.ratio.symbol for one in calibrations]
