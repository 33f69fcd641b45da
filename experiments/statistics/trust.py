"""Where an estimator of gradients may be trusted, by stated rules."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from astropy.table import QTable
from scipy.stats import binom, binomtest, norm

from experiments.statistics.repeated_measurements import (
    Estimate,
    coverage,
    median_bias,
    robust_error,
)
from kurvs_pipeline.arrays import Array, BoolArray

ONE_SIGMA = 0.683

LARGEST_BIAS = 0.01
"""dex/kpc: a quarter of the scatter of true gradients."""

COVERAGE = (0.58, 0.78)
"""Limits for 68 per cent intervals: below, they are not trusted; above, they are too wide."""

LEAST_MEASURED = 0.8
"""Fraction of mocks with a gradient; those without one are not a random selection."""

STANDARD_ERRORS = 2.0
"""Number of standard errors by which a limit must be passed to count."""

SIGNIFICANT = float(norm.sf(STANDARD_ERRORS))
"""The same as the chance of a count this far on one side."""

FEWEST_MOCKS = 4
"""The scatter of fewer says nothing of the error of their median."""

MOST_VALUES = 6
"""Largest number of values of a factor that are judged one by one; more are judged in quarters."""

RULES = (
    f"the median of found less true gradient is within {LARGEST_BIAS:g} dex/kpc of 0;",
    f"the stated 68 per cent interval holds the truth in at least {COVERAGE[0]:.0%} of mocks;",
    f"at least {LEAST_MEASURED:.0%} of mocks have a gradient.",
)
"""Rules in words; an estimator is trusted where all hold."""

FACTORS = {
    "gradient_true": "true gradient (dex/kpc)",
    "effective_radius_arcsec": "effective radius (arcsec)",
    "inclination_deg": "inclination (degrees)",
    "snr_halpha": "S/N of H-alpha in 1.5 effective radii",
    "seeing_fwhm_arcsec": "seeing (arcsec)",
    "psf_beta": "Moffat beta of the seeing (inf: Gaussian)",
    "dust_gradient_mag_per_kpc": "dust gradient (mag/kpc)",
    "clump_fraction": "light in clumps (fraction)",
    "rotation_kms": "rotation (km/s)",
}
"""Columns of ``recovery.ecsv`` that trust may depend on."""


class Trust(StrEnum):
    """Verdicts of the rules."""

    YES = "trusted"
    NO = "not trusted"
    OPEN = "undecided"


@dataclass(frozen=True)
class Judgement:
    """The performance of an estimator on some mocks.

    Parameters
    ----------
    measured : Estimate
        Fraction with a gradient.
    bias : Estimate
        Median of found less true, dex/kpc.
    scatter : float
        1.48 times the median absolute error, dex/kpc.
    inside : Estimate
        Fraction of truths inside the 68 per cent intervals.
    n_inside : int
        Their number.
    """

    n_mocks: int
    measured: Estimate
    bias: Estimate
    scatter: float
    inside: Estimate
    n_inside: int

    @classmethod
    def of(cls, rows: QTable) -> "Judgement":
        """Judge an estimator by its rows of one diagnostic in ``recovery.ecsv``."""
        truth, found, error = (
            rows[name].value for name in ("gradient_true", "gradient", "gradient_err")
        )
        fraction = float(np.isfinite(found).mean()) if len(rows) else float("nan")
        binomial = float(np.sqrt(fraction * (1.0 - fraction) / max(len(rows), 1)))
        inside = coverage(truth, found - error, found + error)
        n_inside = int(np.sum(np.abs(found - truth) <= error))
        return cls(
            len(rows), Estimate(fraction, binomial), median_bias(truth, found),
            robust_error(truth, found), inside, n_inside,
        )  # fmt: skip

    @property
    def n_measured(self) -> int:
        """Number of mocks with a gradient."""
        return round(self.measured.value * self.n_mocks) if self.n_mocks else 0

    @property
    def inside_interval(self) -> tuple[float, float]:
        """Wilson's 68 per cent interval of the fraction inside; it is never of no width."""
        if not self.n_measured:
            return float("nan"), float("nan")
        counted = binomtest(self.n_inside, self.n_measured)
        low, high = counted.proportion_ci(ONE_SIGMA, method="wilson")
        return float(low), float(high)

    @property
    def problems(self) -> tuple[str, ...]:
        """Rules that are broken significantly, by two standard errors or as rare a count."""
        biased = abs(self.bias.value) - LARGEST_BIAS > STANDARD_ERRORS * self.bias.error
        broken = {
            f"bias {self.bias.value:+.3f}": self.n_measured >= FEWEST_MOCKS and biased,
            f"{self.n_inside} of {self.n_measured} inside": self.n_measured > 0
            and binom.cdf(self.n_inside, self.n_measured, COVERAGE[0]) < SIGNIFICANT,
            f"{self.n_measured} of {self.n_mocks} have a gradient": self.n_mocks > 0
            and binom.cdf(self.n_measured, self.n_mocks, LEAST_MEASURED) < SIGNIFICANT,
        }
        return tuple(text for text, is_broken in broken.items() if is_broken)

    @property
    def trust(self) -> Trust:
        """Verdict of the rules.

        Undecided where a limit is passed, but not significantly, or the bias is not known well
        enough to say that it is small.
        """
        if self.problems:
            return Trust.NO
        holds = (
            abs(self.bias.value) <= LARGEST_BIAS
            and self.inside.value >= COVERAGE[0]
            and self.measured.value >= LEAST_MEASURED
        )
        is_known = self.n_measured >= FEWEST_MOCKS and self.bias.error <= LARGEST_BIAS
        return Trust.YES if holds and is_known else Trust.OPEN

    @property
    def is_cautious(self) -> bool:
        """Whether intervals are significantly wider than they claim."""
        chance = binom.sf(self.n_inside - 1, self.n_measured, COVERAGE[1])
        return bool(self.n_measured > 0 and chance < SIGNIFICANT)


def groups(values: Array) -> list[tuple[str, BoolArray]]:
    """Divide mocks by one of their properties; return labels and masks.

    Each value is a group if there are few, quarters otherwise; there are none if all are alike.

    Parameters
    ----------
    values : array, shape (n,)
        NaN where the property does not apply; infinite is a value, as of the wings of a
        Gaussian.
    """
    known = ~np.isnan(values)
    different = np.unique(values[known])
    if different.size < 2:
        return []
    if different.size <= MOST_VALUES:
        return [(f"{value:g}", values == value) for value in different]
    # Values that occur: between a number and infinity there is none.
    edges = np.quantile(values[known], (0.0, 0.25, 0.5, 0.75, 1.0), method="higher")
    quarter = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, 3)
    return [(f"{edges[n]:.3g} to {edges[n + 1]:.3g}", known & (quarter == n)) for n in range(4)]


def judged_by(rows: QTable, factor: str) -> list[tuple[str, Judgement]]:
    """Judge an estimator by one property of mocks, a key of ``FACTORS``, from low to high."""
    values = np.asarray(getattr(rows[factor], "value", rows[factor]), dtype=float)
    return [(label, Judgement.of(rows[chosen])) for label, chosen in groups(values)]


def factors_of(table: QTable) -> dict[str, str]:
    """Return the properties that differ between the mocks of a recovery, with their titles."""
    return {
        name: title for name, title in FACTORS.items()
        if name in table.colnames
        and groups(np.asarray(getattr(table[name], "value", table[name]), dtype=float))
    }  # fmt: skip
