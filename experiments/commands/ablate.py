"""``kurvs ablate``: what each effect of the simulator does to gradients."""

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
  kurvs ablate
  kurvs ablate --effects seeing,seeing_wings,noise --realisations 1
  kurvs ablate --gradient 0.04 --realisations 8 --workers 4
  kurvs ablate --output ablate --resume
"""


def ablate(
    *,
    gradient: Annotated[
        float, typer.Option(metavar="DEX/KPC", help="True gradient of every galaxy.")
    ] = -0.04,
    realisations: Annotated[
        int,
        typer.Option(min=1, max=10_000, help="Draws of noise, clumps and defects of every galaxy."),
    ] = 2,
    effects: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Effects with commas, by the names in ablation.ecsv. [default: all]",
            show_default=False,
        ),
    ] = None,
    workers: Workers = 2,
    scheduler: Scheduler = None,
    resume: Resume = False,
    output: Output = None,
    seed: Seed = 2025,
    quiet: Quiet = False,
    debug: Debug = False,
    overwrite: Overwrite = False,
) -> None:
    """Switch every effect of the simulator on alone, and off alone, and measure the difference.

    Every set of effects sees the same galaxies (two inclinations, three effective radii) and the
    same draws. Writes ablation.ecsv (bias and scatter that each effect adds, and its share),
    gradients.ecsv (one row a mock and estimator), ablation.png, ablate.zarr
    (one result a mock, for --resume) and run.json.
    """
    from functools import partial

    from experiments.ablation.ablation import AblationDesign, conclude, experiment
    from experiments.campaign.command import run_command
    from experiments.mocks.effects import EFFECTS
    from experiments.runs.terminal import Terminal

    names = ",".join(EFFECTS) if effects is None else effects
    design = AblationDesign(
        gradient=gradient, realisations=realisations, seed=seed,
        effects=tuple(name.strip() for name in names.split(",")),
    )  # fmt: skip
    run_command(
        "ablate", experiment(design), partial(conclude, design), store="ablate.zarr",
        configuration=design.options, seed=seed, workers=workers, scheduler=scheduler,
        resume=resume, overwrite=overwrite, output=output,
        terminal=Terminal(quiet=quiet, debug=debug),
    )  # fmt: skip
