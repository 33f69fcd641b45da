"""The table of calibrations as the terminal shows it."""

import math

from astropy.table import Row, Table
from rich import table as rich_table

HEADINGS = ("diagnostic", "relation", "range", "scatter", "branch", "source")


def laid_out(table: Table) -> rich_table.Table:
    """Return calibrations for the terminal, under the ratio that they are stated in."""
    shown = rich_table.Table()
    for heading in HEADINGS:
        shown.add_column(heading)
    ratio = None
    for row in table:
        if row["ratio"] != ratio:
            ratio = row["ratio"]
            shown.add_section()
            shown.add_row("", ratio)
        shown.add_row(*_cells(row))
    return shown


def _cells(row: Row) -> tuple[str, ...]:
    scatter = row["calibration_scatter"]
    return (
        row["diagnostic"],
        row["relation"],
        f"{row['lowest']:.2f}-{row['highest']:.2f}",
        "?" if math.isnan(scatter) else f"{scatter:.2f}",
        row["branch"],
        row["source"],
    )
