"""Where an estimator of gradients may be trusted, by rules that are stated."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from astropy.table import QTable

from experiments.statistics.repeated_measurements import (
    Estimate,
    coverage,
    median_bias,
    robust_error,
)
from kurvs_pipeline.arrays import Array, BoolArray

LARGEST_BIAS = 0.01
"""dex/kpc: a quarter of the scatter of true gradients."""

COVERAGE = (0.58, 0.78)
"""Of intervals that claim 68 per cent: with fewer truths inside not trusted, with more too wide."""

LEAST_MEASURED = 0.8
"""Fraction of mocks with a gradient: what is left out is not left out at random."""

FEWEST_MOCKS = 8
STANDARD_ERRORS = 2.0
"""By which a limit must be passed to count."""

MOST_VALUES = 6
"""Different values of a factor that are judged one by one; more are judged in quarters."""

RULES = (
    f"the median of found less true gradient is within {LARGEST_BIAS:g} dex/kpc of 0;",
    f"the stated 68 per cent interval holds the truth in at least {COVERAGE[0]:.0%} of mocks;",
    f"at least {LEAST_MEASURED:.0%} of mocks have a gradient.",
)
"""An estimator is trusted where all hold."""

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
    """What the rules say."""

    YES = "trusted"
    NO = "not trusted"
    OPEN = "undecided"


@dataclass(frozen=True)
class Judgement:
    """An estimator on some mocks.

    Parameters
    ----------
    n_mocks : int
        Of them.
    measured : Estimate
        Fraction with a gradient.
    bias : Estimate
        Median of found less true, dex/kpc.
    scatter : float
        1.48 times the median absolute error, dex/kpc.
    inside : Estimate
        Fraction of truths inside the 68 per cent intervals.
    """

    n_mocks: int
    measured: Estimate
    bias: Estimate
    scatter: float
    inside: Estimate

    @classmethod
    def of(cls, rows: QTable) -> "Judgement":
        """Judge an estimator on the mocks of some rows.

        Parameters
        ----------
        rows : QTable
            Of ``recovery.ecsv``, of one diagnostic and estimator.
        """
        truth, found, error = (
            rows[name].value for name in ("gradient_true", "gradient", "gradient_err")
        )
        fraction = float(np.isfinite(found).mean()) if len(rows) else float("nan")
        binomial = float(np.sqrt(fraction * (1.0 - fraction) / max(len(rows), 1)))
        return cls(
            len(rows), Estimate(fraction, binomial), median_bias(truth, found),
            robust_error(truth, found), coverage(truth, found - error, found + error),
        )  # fmt: skip

    @property
    def problems(self) -> tuple[str, ...]:
        """Rules that are broken by more than two standard errors."""
        return tuple(text for text, excess, error in self._excesses
                     if excess > STANDARD_ERRORS * error)  # fmt: skip

    @property
    def trust(self) -> Trust:
        """What the rules say; undecided where mocks are too few, or a limit is near."""
        if self.n_mocks < FEWEST_MOCKS:
            return Trust.OPEN
        if self.problems:
            return Trust.NO
        return Trust.OPEN if any(excess > 0.0 for _, excess, _ in self._excesses) else Trust.YES

    @property
    def is_cautious(self) -> bool:
        """Whether intervals are wider than they claim by more than two standard errors."""
        excess = self.inside.value - COVERAGE[1]
        return self.n_mocks >= FEWEST_MOCKS and excess > STANDARD_ERRORS * self.inside.error

    @property
    def _excesses(self) -> tuple[tuple[str, float, float], ...]:
        """By how much each rule is broken, and the error of that."""
        return (
            (f"bias {self.bias.value:+.3f}", abs(self.bias.value) - LARGEST_BIAS, self.bias.error),
            (f"{self.inside.value:.0%} inside", COVERAGE[0] - self.inside.value, self.inside.error),
            (f"{self.measured.value:.0%} have a gradient", LEAST_MEASURED - self.measured.value,
             self.measured.error),
        )  # fmt: skip


def groups(values: Array) -> list[tuple[str, BoolArray]]:
    """Divide mocks by one of their properties.

    Parameters
    ----------
    values : array, shape (n,)
        NaN where the property does not apply; infinite is a value, as of the wings of a Gaussian.

    Returns
    -------
    list of (str, bool array)
        Each value by itself if there are few, quarters otherwise; none if all are alike.
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
    """Judge an estimator by one property of mocks.

    Parameters
    ----------
    rows : QTable
        Of ``recovery.ecsv``, of one diagnostic and estimator.
    factor : str
        Key of ``FACTORS``.

    Returns
    -------
    list of (str, Judgement)
        By label of the value or range of the property, from low to high.
    """
    values = np.asarray(getattr(rows[factor], "value", rows[factor]), dtype=float)
    return [(label, Judgement.of(rows[chosen])) for label, chosen in groups(values)]


def factors_of(table: QTable) -> dict[str, str]:
    """Return the properties that differ between mocks, with their titles.

    Parameters
    ----------
    table : QTable
        ``recovery.ecsv``.
    """
    return {
        name: title for name, title in FACTORS.items()
        if name in table.colnames
        and groups(np.asarray(getattr(table[name], "value", table[name]), dtype=float))
    }  # fmt: skip
