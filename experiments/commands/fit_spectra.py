"""``kurvs fit-spectra``: emission lines of extracted spectra."""

# ruff: noqa: PLC0415 - the body imports what it needs: --help appears at once.

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.options import Debug, Output, Overwrite, Quiet, Seed

EXAMPLES = """\b
Examples:
  kurvs fit-spectra spectra.csv --medium vacuum
  kurvs fit-spectra spectra.csv --medium air --catalogue galaxies.ecsv
"""


class Medium(StrEnum):
    """Medium in which wavelengths are stated."""

    AIR = "air"
    VACUUM = "vacuum"


def fit_spectra(
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", help="CSV or ECSV, one row per channel.")
    ],
    *,
    medium: Annotated[Medium, typer.Option(help="What the wavelengths are in.")] = Medium.AIR,
    catalogue: Annotated[
        Path | None,
        typer.Option(metavar="TABLE", help="Redshifts, by the spectra's identifying columns."),
    ] = None,
    output: Output = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    debug: Debug = False,
    overwrite: Overwrite = False,
) -> None:
    """Fit the emission lines of extracted 1-D spectra.

    The table needs the columns band (IZ, YJ or H), wavelength_um or rest_wavelength_um, and
    flux_density; flux_density_err and redshift are optional, all others identify a spectrum.
    Noise comes from the spectra themselves where no errors are given. Writes fluxes.ecsv,
    spectra.png (and spectra-2.png..., 8 galaxies each) and run.json.
    """
    from experiments.extracted.fitting import run_fit_spectra
    from experiments.runs.run import start_run
    from experiments.runs.terminal import Terminal

    terminal = Terminal(quiet=quiet, debug=debug)
    with start_run(
        "fit-spectra",
        output=output,
        overwrite=overwrite,
        configuration={"table": table, "medium": medium.value, "catalogue": catalogue},
        seed=seed,
        inputs=[table] if catalogue is None else [table, catalogue],
    ) as run:
        outcome = run_fit_spectra(table, medium=medium.value, catalogue=catalogue, run=run)
    terminal.show(outcome)
    terminal.show(f"Results in {run.directory}")
