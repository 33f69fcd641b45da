"""What each estimator of a gradient is worth, in numbers."""

import numpy as np
from astropy.table import QTable
from rich.table import Table

from experiments.statistics.repeated_measurements import (
    coverage,
    median_bias,
    rank_histogram,
    rms_error,
    robust_error,
)
from kurvs_pipeline.arrays import StrArray

RESOLVED_ARCSEC = 0.4
"""Effective radius from which a galaxy counts as resolved."""


def summarise(table: QTable) -> QTable:
    """Summarise measurements by case, scheme and estimator.

    Parameters
    ----------
    table : QTable
        One row a draw and estimator (:func:`experiments.studies.estimators.measure`).

    Returns
    -------
    QTable
        ``case, scheme, estimator, number, measured, bias, bias_err, robust, robust_resolved,
        over_slope_fgrad, over_bound, rms, coverage, coverage_err, coverage95, half_width,
        rank_p_value``. Errors are in dex/kpc; ``measured`` is the fraction with a gradient;
        ``over_slope_fgrad`` the ratio of robust errors on the draws where both exist;
        ``over_bound`` the median over galaxies of the robust error over the galaxy's own bound.
    """
    keys = np.stack([table["case"], table["scheme"], table["estimator"]], axis=1).astype(str)
    rows = [
        _row(table, table[(keys == key).all(axis=1)], *key.tolist())
        for key in _in_order(keys)
    ]  # fmt: skip
    return QTable(rows=rows)


def _in_order(keys: StrArray) -> StrArray:
    """Return the different rows in the order in which they first stand."""
    _, first = np.unique(keys, axis=0, return_index=True)
    return np.asarray(keys[np.sort(first)])


def _row(table: QTable, rows: QTable, case: str, scheme: str, estimator: str) -> dict[str, object]:
    truth, found = np.asarray(rows["truth"]), np.asarray(rows["gradient"])
    bias = median_bias(truth, found)
    inside = coverage(truth, rows["low"], rows["high"])
    resolved = np.asarray(rows["effective_radius_arcsec"]) >= RESOLVED_ARCSEC
    ranks = np.asarray(rows["rank"])[np.isfinite(rows["rank"])]
    return {
        "case": case, "scheme": scheme, "estimator": estimator, "number": len(rows),
        "measured": float(np.isfinite(found).mean()), "bias": bias.value, "bias_err": bias.error,
        "robust": robust_error(truth, found),
        "robust_resolved": robust_error(truth[resolved], found[resolved]),
        "over_slope_fgrad": _over_slope(table, rows, case), "over_bound": _over_bound(rows),
        "rms": rms_error(truth, found), "coverage": inside.value, "coverage_err": inside.error,
        "coverage95": coverage(truth, rows["low95"], rows["high95"]).value,
        "half_width": float(np.nanmedian(0.5 * (rows["high"] - rows["low"]))),
        "rank_p_value": rank_histogram(ranks)[1] if ranks.size else float("nan"),
    }  # fmt: skip


def _over_slope(table: QTable, rows: QTable, case: str) -> float:
    """Return the robust error over that of slope_fgrad, on the draws where both exist."""
    slope = table[(table["case"] == case) & (table["estimator"] == "slope_fgrad")]
    if len(slope) != len(rows):
        return float("nan")
    both = np.isfinite(slope["gradient"]) & np.isfinite(rows["gradient"])
    mine, other = (robust_error(one["truth"][both], one["gradient"][both]) for one in (rows, slope))
    return mine / other


def _over_bound(rows: QTable) -> float:
    """Return the median over galaxies of the robust error over the bound of the galaxy."""
    ratios = []
    for galaxy in np.unique(np.asarray(rows["galaxy"])):
        own = rows[rows["galaxy"] == galaxy]
        ratios.append(robust_error(own["truth"], own["gradient"]) / own["bound"][0])
    known = np.array(ratios)[np.isfinite(ratios)]
    return float(np.median(known)) if known.size else float("nan")


def summary_table(summary: QTable) -> Table:
    """Lay a summary out for the terminal.

    Parameters
    ----------
    summary : QTable
        A row a case, scheme and estimator.

    Returns
    -------
    rich.table.Table
    """
    table = Table(title="Gradients of the survey's galaxies by N2, dex/kpc", title_justify="left")
    for heading in ("case", "scheme", "estimator", "found", "bias", "error", "68 %", "95 %"):
        left = heading in {"case", "scheme", "estimator"}
        table.add_column(heading, justify="left" if left else "right", no_wrap=True)
    for row in summary:
        table.add_row(
            row["case"], row["scheme"], row["estimator"], f"{row['measured']:.0%}",
            f"{row['bias']:+.4f}", f"{row['robust']:.4f}", f"{row['coverage']:.3f}",
            f"{row['coverage95']:.3f}",
        )  # fmt: skip
    table.caption = "error: 1.48 times the median absolute error; found: with a gradient"
    return table
