"""A straight line through the annuli of a galaxy, and its correction for beam smearing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS, Diagnostic
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.gas.draws import AbundanceDraws
from kurvs_pipeline.gradients.slope import Slope, slope_coefficients, weighted_slope
from kurvs_pipeline.robust import ONE_SIGMA_PERCENTILES
from kurvs_pipeline.smearing.correction import DiskSmearing

_LINES_OF_N2 = {"nii_6584", "halpha"}

_SMALLEST_FRACTION_OF_DRAWS = 0.1
"""An error is given where more of the draws than this have a gradient."""


@dataclass(frozen=True)
class DrawnSlopes:
    """Slopes of every draw through the annuli that it detects.

    Parameters
    ----------
    observed, corrected : array, shape (n_draws,)
        Slopes before and after correction, dex/kpc.
    coefficients : array, shape (n_draws, n_annuli)
        Factors of the abundances in each slope, 0 of annuli that were left out.
    """

    observed: Array
    corrected: Array
    coefficients: Array

    @property
    def drawn_fraction(self) -> float:
        """Fraction of the draws with two annuli or more, which have a gradient."""
        return float(np.isfinite(self.observed).mean())


@dataclass(frozen=True)
class CorrectedSlope:
    """The slope through the detected annuli, and the smearing correction f_grad.

    Parameters
    ----------
    slope : Slope
        Slope before correction, with the coefficients that f_grad is computed for.
    f_grad : float
        Intrinsic over observed gradient for the annuli and weights of the slope; NaN where the
        slope has no annuli, or size or seeing are unknown.
    drawn : DrawnSlopes
        The same of every draw of the noise, each with the f_grad of the annuli that it detects.
    """

    slope: Slope
    f_grad: float
    drawn: DrawnSlopes

    @classmethod
    def of(
        cls,
        diagnostic: Diagnostic,
        draws: AbundanceDraws,
        abundance: Array,
        radius_kpc: Array,
        smearing: DiskSmearing,
    ) -> "CorrectedSlope":
        """Fit a line to the annuli, each weighted by its error.

        Abundances, 12 + log(O/H), are NaN where a line is not detected; they and the radii of the
        annuli have shape (n_annuli,).
        """
        of_apertures = draws.of_diagnostic(diagnostic)
        abundance_err = 0.5 * (of_apertures.high - of_apertures.low)[draws.annuli]
        slope = weighted_slope(radius_kpc, abundance, abundance_err)
        factor = correction_of(diagnostic, slope.coefficients, smearing)
        if slope.n_bins < 2:
            none = np.full(1, np.nan)
            return cls(slope, factor, DrawnSlopes(none, none, np.zeros((1, radius_kpc.size))))
        drawn = _drawn_slopes(diagnostic, draws, radius_kpc, abundance_err, smearing)
        return cls(slope, factor, drawn)

    @property
    def gradient(self) -> float:
        """Gradient corrected for beam smearing, dex/kpc."""
        return self.f_grad * self.slope.gradient

    @property
    def gradient_err(self) -> float:
        """Half the central 68 per cent of draws; NaN where fewer than a tenth have a gradient.

        The error of f_grad is not in it, as in the survey's; see :func:`intrinsic_gradients`.
        """
        low, high = central_interval(self.drawn.corrected)
        return 0.5 * (high - low)


def central_interval(drawn: Array) -> tuple[float, float]:
    """Return the central 68 per cent of draws; NaN where a tenth or fewer are finite."""
    finite = drawn[np.isfinite(drawn)]
    if finite.size <= _SMALLEST_FRACTION_OF_DRAWS * drawn.size:
        return float("nan"), float("nan")
    low, high = np.percentile(finite, ONE_SIGMA_PERCENTILES)
    return float(low), float(high)


def _drawn_slopes(
    diagnostic: Diagnostic,
    draws: AbundanceDraws,
    radius_kpc: Array,
    abundance_err: Array,
    smearing: DiskSmearing,
) -> DrawnSlopes:
    """Return the slope of every draw through the annuli that it would have detected."""
    abundance = draws.of_diagnostic(diagnostic).values[:, draws.annuli]
    used = draws.detected(diagnostic)[:, draws.annuli]
    used &= np.isfinite(abundance) & (abundance_err > 0.0)
    observed, corrected = np.full((2, len(used)), np.nan)
    of_draws = np.zeros(used.shape)
    # Noise decides which annuli are detected: every draw has annuli, weights and f_grad of its own.
    # Which annuli, as a binary number: sorting numbers is many times faster than sorting rows.
    code = used @ (1 << np.arange(used.shape[1]))
    for one in np.unique(code):
        chosen = code == one
        annuli = used[chosen.argmax()]
        if annuli.sum() < 2:
            continue
        coefficients = np.zeros(annuli.size)
        coefficients[annuli] = slope_coefficients(radius_kpc[annuli], abundance_err[annuli])
        observed[chosen] = abundance[np.ix_(chosen, annuli)] @ coefficients[annuli]
        corrected[chosen] = observed[chosen] * correction_of(diagnostic, coefficients, smearing)
        of_draws[chosen] = coefficients
    return DrawnSlopes(observed, corrected, of_draws)


def intrinsic_gradients(
    diagnostic: Diagnostic, drawn: DrawnSlopes, smearing: DiskSmearing
) -> Array:
    """Return the gradients that drawn slopes come from, with the errors of the correction.

    As :meth:`DiskSmearing.intrinsic_gradients`; NaN for draws without a slope.
    """
    found = np.full(len(drawn.observed), np.nan)
    seen = np.isfinite(drawn.observed)
    ratio = _by_nitrogen(diagnostic).abundance_per_log_ratio()
    for coefficients in np.unique(drawn.coefficients[seen], axis=0):
        chosen = seen & (drawn.coefficients == coefficients).all(axis=1)
        found[chosen] = smearing.intrinsic_gradients(
            drawn.observed[chosen], coefficients, abundance_per_log_ratio=ratio
        )
    return found


def correction_of(
    diagnostic: Diagnostic, coefficients: Sequence[float] | Array, smearing: DiskSmearing
) -> float:
    """Return f_grad for the annuli and weights of a slope; NaN for a slope without annuli.

    Diagnostics of other lines than [N II] and H-alpha take the f_grad of N2. The coefficients,
    shape (n_annuli,), multiply abundances in the slope; they are 0 for annuli that were left out.
    """
    if not np.any(coefficients):
        return float("nan")
    ratio = _by_nitrogen(diagnostic).abundance_per_log_ratio()
    return smearing.f_grad(np.asarray(coefficients), abundance_per_log_ratio=ratio)


def _by_nitrogen(diagnostic: Diagnostic) -> Diagnostic:
    return diagnostic if set(diagnostic.lines) == _LINES_OF_N2 else DIAGNOSTICS["n2"]
