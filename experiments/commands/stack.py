"""``kurvs stack``: the mean spectrum of galaxies, and its lines."""

# ruff: noqa: PLC0415 - the body imports what it needs: --help appears at once.

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.fit_spectra import Medium
from experiments.commands.options import Debug, Output, Overwrite, Quiet, Seed

EXAMPLES = """\b
Examples:
  kurvs stack spectra.csv --medium vacuum
  kurvs stack annuli.csv --by aperture --catalogue galaxies.csv --weights mass
  kurvs stack spectra.csv --by mass --bins 9,9.8,10.4,11.5 --catalogue galaxies.csv
"""


class By(StrEnum):
    """Property by which spectra are sorted into stacks."""

    ALL = "all"
    APERTURE = "aperture"
    MASS = "mass"


class Weights(StrEnum):
    """Weights of galaxies in a stack."""

    UNIFORM = "uniform"
    MASS = "mass"
    VARIANCE = "variance"


def stack(
    spectra: Annotated[
        list[Path], typer.Argument(metavar="SPECTRA...", help="CSV or ECSV, one row per channel.")
    ],
    *,
    catalogue: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="redshift and log_stellar_mass, by the spectra's identifying columns.",
        ),
    ] = None,
    by: Annotated[By, typer.Option(help="One stack of all, for each aperture or bin.")] = By.ALL,
    bins: Annotated[
        str | None, typer.Option(metavar="EDGES", help="Of log stellar mass, for --by mass.")
    ] = None,
    weights: Annotated[
        Weights, typer.Option(help="The same for all, stellar mass, or 1/variance of a channel.")
    ] = Weights.UNIFORM,
    bootstraps: Annotated[int, typer.Option(min=2, help="Draws of the galaxies.")] = 500,
    normalise: Annotated[
        bool, typer.Option("--normalise/--as-they-are", help="Divide galaxies by their H-alpha.")
    ] = True,
    medium: Annotated[Medium, typer.Option(help="What the wavelengths are in.")] = Medium.AIR,
    output: Output = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    debug: Debug = False,
    overwrite: Overwrite = False,
) -> None:
    """Stack spectra of galaxies at rest, and measure lines, A_V and abundances.

    Tables are those of fit-spectra; a column aperture or annulus names a part of a galaxy, all
    other identifying columns the galaxy. Errors come from a bootstrap over galaxies. Writes
    spectra.ecsv, fluxes.ecsv, attenuation.ecsv, abundances.ecsv, galaxies.ecsv, stack.png and
    run.json.
    """
    from experiments.extracted.stacking import StackOptions, run_stack
    from experiments.runs.run import start_run
    from experiments.runs.terminal import Terminal

    options = StackOptions(
        by=by.value,
        bins=bins,
        weights=weights.value,
        bootstraps=bootstraps,
        normalise=normalise,
        medium=medium.value,
        seed=seed,
    )
    terminal = Terminal(quiet=quiet, debug=debug)
    with start_run(
        "stack",
        output=output,
        overwrite=overwrite,
        configuration={"spectra": spectra, "catalogue": catalogue, **asdict(options)},
        seed=seed,
        inputs=spectra if catalogue is None else [*spectra, catalogue],
    ) as run:
        outcome = run_stack(spectra, options, catalogue=catalogue, run=run, terminal=terminal)
    terminal.show(outcome)
    terminal.show(f"Results in {run.directory}")
