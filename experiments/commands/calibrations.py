"""``kurvs calibrations``: the strong-line calibrations, and where they are from."""

# ruff: noqa: PLC0415 - the body imports what it needs: --help appears at once.

from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.options import Debug, Overwrite, Quiet

EXAMPLES = """\b
Examples:
  kurvs calibrations
  kurvs calibrations --output calibrations
"""


def calibrations(
    *,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for the table as a file; shown only otherwise."),
    ] = None,
    quiet: Quiet = False,
    debug: Debug = False,
    overwrite: Overwrite = False,
) -> None:
    """Show every calibration of 12 + log(O/H): its formula, range, scatter and source.

    Ranges are those of 12 + log(O/H) for which a calibration is used; beyond, abundances are
    marked as extrapolated. With --output writes calibrations.ecsv, with notes, and run.json.
    """
    from experiments.commands.calibrations_table import laid_out
    from experiments.runs.run import start_run
    from experiments.runs.tables import write_table
    from experiments.runs.terminal import Terminal
    from kurvs_pipeline.abundances.diagnostics import calibrations as sourced_table

    table = sourced_table()
    terminal = Terminal(quiet=quiet, debug=debug)
    if output is not None:
        with (
            start_run("calibrations", output=output, overwrite=overwrite, configuration={}) as run,
            run.writing() as directory,
        ):
            write_table(table, directory / "calibrations.ecsv")
    terminal.show(laid_out(table))
    if output is not None:
        terminal.show(f"Results in {output}")
