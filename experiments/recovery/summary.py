"""Bias, scatter and pull of a recovery by true gradient and estimator."""

from dataclasses import dataclass

import numpy as np
from astropy.table import QTable
from rich.table import Table

from kurvs_pipeline.robust import MAD_TO_SIGMA

MOST_GROUPS = 12
"""Different true gradients that are summarised one by one."""


@dataclass(frozen=True)
class RecoverySummary:
    """How well one estimator recovers one true gradient.

    Parameters
    ----------
    gradient_true, gradient_annuli : float
        Truth, and what exact annular fluxes give: means over the mocks, and over those with a
        gradient, dex/kpc.
    estimator : str
        ``slope``, ``slope_fgrad``, ``forward`` or ``forward_prior``.
    n_measured, n_total : int
        Number of mocks with a gradient, and of all mocks.
    median, bias, scatter, pull : float
        Median recovered gradient; median of it less the truth; 1.48 median absolute deviation
        of that; root mean square of (recovered - true) / error.
    """

    gradient_true: float
    gradient_annuli: float
    estimator: str
    n_measured: int
    n_total: int
    median: float
    bias: float
    scatter: float
    pull: float


def summarise(table: QTable) -> tuple[RecoverySummary, ...]:
    """Summarise the recovery of one diagnostic by true gradient and estimator.

    Many different gradients, as of a Latin hypercube, are summarised in quarters.
    """
    truth = table["gradient_true"].value
    group = np.unique(truth, return_inverse=True)[1]
    if group.max() >= MOST_GROUPS:
        group = np.searchsorted(np.quantile(truth, (0.25, 0.5, 0.75)), truth)
    return tuple(
        _summary(table[(group == number) & (table["estimator"] == estimator)], estimator)
        for number in np.unique(group)
        for estimator in sorted(set(table["estimator"]))
    )


def _summary(rows: QTable, estimator: str) -> RecoverySummary:
    truth = float(np.mean(rows["gradient_true"].value)) if len(rows) else np.nan
    measured = rows[np.isfinite(rows["gradient"].value)]
    if len(measured) == 0:
        return RecoverySummary(truth, np.nan, estimator, 0, len(rows), *[np.nan] * 4)
    gradient, error = measured["gradient"].value, measured["gradient_err"].value
    difference = gradient - measured["gradient_true"].value
    bias = float(np.median(difference))
    return RecoverySummary(
        gradient_true=truth,
        gradient_annuli=float(np.mean(measured["gradient_annuli"].value)),
        estimator=estimator,
        n_measured=len(measured),
        n_total=len(rows),
        median=float(np.median(gradient)),
        bias=bias,
        scatter=MAD_TO_SIGMA * float(np.median(np.abs(difference - bias))),
        pull=float(np.sqrt(np.mean((difference / error) ** 2))),
    )


def summary_table(summaries: tuple[RecoverySummary, ...], diagnostic: str) -> Table:
    """Lay out summaries for the terminal."""
    table = Table(
        title=f"12 + log(O/H) gradient by {diagnostic.upper()}, dex/kpc", title_justify="left"
    )
    for heading in (
        "true", "annuli", "estimator", "n", "found", "bias", "scatter", "pull",
    ):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "estimator" else "right")
    for row in summaries:
        table.add_row(
            f"{row.gradient_true:+.3f}", f"{row.gradient_annuli:+.3f}", row.estimator,
            f"{row.n_measured}/{row.n_total}", f"{row.median:+.3f}", f"{row.bias:+.3f}",
            f"{row.scatter:.3f}", f"{row.pull:.2f}", end_section=row.estimator == "slope_fgrad",
        )  # fmt: skip
    table.caption = (
        "annuli: slope through noise-free, unsmeared annuli; n: with a gradient / all; "
        "found: median; scatter: 1.48 MAD; pull: rms of (found - true) / error, "
        "bias included"
    )
    return table
