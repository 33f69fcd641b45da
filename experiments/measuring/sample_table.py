"""The gradients of many galaxies as a table for the terminal."""

import math
from collections.abc import Mapping

from astropy.table import QTable, Row
from rich.table import Table

DIAGNOSTIC = "n2"

ESTIMATORS = ("slope_fgrad", "forward")

MOST_ROWS = 100
"""More are left to the table of gradients."""


def sample_table(gradients: QTable, redshifts: Mapping[str, float]) -> Table:
    """Lay out the redshift of every galaxy and its gradients by N2, with their flags.

    Parameters
    ----------
    gradients : QTable
        Gradients of all galaxies, with a column ``galaxy``.
    redshifts : mapping of str to float
        By galaxy, in the order of the table.
    """
    table = Table(title="Gradients by N2 (dex/kpc)", caption=_left_out(len(redshifts)))
    for heading in ("galaxy", "z"):
        table.add_column(heading, overflow="fold")
    for estimator in ESTIMATORS:
        table.add_column(estimator, justify="right")
        table.add_column("flag", overflow="fold")
    by_n2 = gradients[gradients["diagnostic"] == DIAGNOSTIC]
    found = {(str(row["galaxy"]), str(row["estimator"])): row for row in by_n2}
    for galaxy, redshift in list(redshifts.items())[:MOST_ROWS]:
        cells = [
            cell for estimator in ESTIMATORS for cell in _cells(found.get((galaxy, estimator)))
        ]
        table.add_row(galaxy, f"{redshift:.4f}", *cells)
    return table


def _left_out(number: int) -> str | None:
    more = number - MOST_ROWS
    return f"and {more} more in gradients.ecsv" if more > 0 else None


def _cells(row: Row | None) -> tuple[str, str]:
    """Spell a gradient with its error, and its flag."""
    if row is None:
        return "not covered", ""
    gradient, error = float(row["gradient"].value), float(row["gradient_err"].value)
    value = f"{gradient:+.3f} +/- {error:.3f}" if math.isfinite(gradient) else "none"
    return value, str(row["flag"])
