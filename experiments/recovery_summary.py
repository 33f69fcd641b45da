"""What a recovery says in numbers: bias, scatter and pull by true gradient and estimator."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from astropy.table import QTable
from rich.table import Table

from kurvs_pipeline.noise import MAD_TO_SIGMA


@dataclass(frozen=True)
class RecoverySummary:
    """How well one estimator recovers one true gradient.

    Parameters
    ----------
    gradient_true, gradient_annuli : float
        Truth, and what exact annular fluxes give (mean over the mocks with a gradient),
        dex/kpc.
    estimator : str
        ``slope``, ``slope_fgrad``, ``forward`` or ``forward_prior``.
    n_measured, n_total : int
        Mocks with a gradient, and all of them.
    median, bias, scatter, pull : float
        Median recovered gradient; it less the truth; 1.48 median absolute deviation;
        root mean square of (recovered - true) / error.
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
    """Summarise a recovery by true gradient and estimator.

    Parameters
    ----------
    table : QTable
        From :func:`recover`.

    Returns
    -------
    tuple of RecoverySummary
    """
    keys = sorted({(float(r["gradient_true"].value), str(r["estimator"])) for r in table})
    return tuple(_summary(table, *key) for key in keys)


def _summary(table: QTable, gradient_true: float, estimator: str) -> RecoverySummary:
    rows = table[
        (table["gradient_true"].value == gradient_true) & (table["estimator"] == estimator)
    ]
    measured = rows[np.isfinite(rows["gradient"].value)]
    if len(measured) == 0:
        return RecoverySummary(gradient_true, np.nan, estimator, 0, len(rows), *[np.nan] * 4)
    gradient, error = measured["gradient"].value, measured["gradient_err"].value
    median = float(np.median(gradient))
    return RecoverySummary(
        gradient_true=gradient_true,
        gradient_annuli=float(np.mean(measured["gradient_annuli"].value)),
        estimator=estimator,
        n_measured=len(measured),
        n_total=len(rows),
        median=median,
        bias=median - gradient_true,
        scatter=MAD_TO_SIGMA * float(np.median(np.abs(gradient - median))),
        pull=float(np.sqrt(np.mean(((gradient - gradient_true) / error) ** 2))),
    )


def summary_table(summaries: tuple[RecoverySummary, ...]) -> Table:
    """Lay out summaries for the terminal.

    Parameters
    ----------
    summaries : tuple of RecoverySummary
        From :func:`summarise`.

    Returns
    -------
    rich.table.Table
    """
    table = Table(title="12 + log(O/H) gradient by N2, dex/kpc", title_justify="left")
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


def as_dataset(table: QTable) -> xr.Dataset:
    """Return the rows of a recovery as one-dimensional arrays, units in their attributes.

    Parameters
    ----------
    table : QTable
        From :func:`experiments.recovery.recover`.

    Returns
    -------
    Dataset
        Dimension ``row``; text columns are coded as integers, with their meanings in the
        attribute ``values``.
    """
    variables = {}
    for name in table.colnames:
        column = table[name]
        if column.dtype.kind == "U":
            values, codes = np.unique(column, return_inverse=True)
            variables[name] = ("row", codes.astype(np.int32), {"values": values.tolist()})
        else:
            unit = str(getattr(column, "unit", None) or "")
            variables[name] = ("row", np.asarray(column), {"units": unit})
    return xr.Dataset(variables, attrs=dict(table.meta))
