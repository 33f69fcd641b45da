"""``kurvs binning``: what a gradient owes to the choice of annuli."""

# ruff: noqa: PLC0415 - the body imports what it needs: --help appears at once.

from typing import Annotated

import typer

from experiments.commands.options import (
    Debug,
    Output,
    Overwrite,
    Quiet,
    Resume,
    Scheduler,
    Seed,
    Workers,
)

EXAMPLES = """\b
Examples:
  kurvs binning
  kurvs binning --realisations 12 --scatter 0
  kurvs binning --schemes 3x0.5,2x0.8,0-0.3-0.9-1.5 --workers 4
  kurvs binning --output binning --resume
"""


def binning(
    *,
    realisations: Annotated[
        int, typer.Option(min=1, max=10_000, help="Draws of gradient and noise of every galaxy.")
    ] = 4,
    scatter: Annotated[
        float, typer.Option(min=0.0, max=0.4, metavar="DEX/KPC", help="Of true gradients, about 0.")
    ] = 0.04,
    schemes: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            help="Annuli as for measure, with commas; others are compared with the first.",
        ),
    ] = "3x0.5,2x0.8,3x0.6,3x0.7re,6x0.25",
    workers: Workers = 2,
    scheduler: Scheduler = None,
    resume: Resume = False,
    output: Output = None,
    seed: Seed = 2025,
    quiet: Quiet = False,
    debug: Debug = False,
    overwrite: Overwrite = False,
) -> None:
    """Measure the same mocks in several binnings, and compare their gradients.

    The 34 galaxies of KURVS with a gradient by N2 are simulated in all bands as the survey
    observed them. Writes gradients.ecsv (one row a mock, binning, diagnostic and estimator),
    binning.ecsv (Pearson r of samples, beside the published ones, and the unshared error of an
    annulus that would make these), binning.png, binning.zarr
    (one result a mock, for --resume) and run.json.
    """
    from functools import partial

    from experiments.binning.sensitivity import BinningDesign, conclude, experiment
    from experiments.campaign.command import run_command
    from experiments.runs.terminal import Terminal

    design = BinningDesign(
        scatter=scatter, realisations=realisations, seed=seed,
        schemes=tuple(scheme.strip() for scheme in schemes.split(",")),
    )  # fmt: skip
    run_command(
        "binning", experiment(design), partial(conclude, design), store="binning.zarr",
        configuration=design.options, seed=seed, workers=workers, scheduler=scheduler,
        resume=resume, overwrite=overwrite, output=output,
        terminal=Terminal(quiet=quiet, debug=debug),
    )  # fmt: skip
