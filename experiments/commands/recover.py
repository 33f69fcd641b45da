"""``kurvs recover``: compare recovered with true gradients of simulated galaxies."""

# ruff: noqa: PLC0415 - the body imports what it needs: --help appears at once.

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from experiments.runs.values import comma_separated_numbers

if TYPE_CHECKING:
    from experiments.recovery.experiment import RecoveryExperiment

EXAMPLES = """\b
Examples:
  kurvs recover
  kurvs recover --gradients "-0.08,0,0.04" --realisations 10
  kurvs recover --seeing 0.8 --workers 4 --output seeing-0.8
  kurvs recover --config examples/recovery.toml --output hypercube
  kurvs recover --config examples/recovery.toml --output hypercube --resume
  kurvs recover --config examples/recovery.toml --scheduler tcp://host:8786
"""


def recover(
    *,
    realisations: Annotated[
        int | None, typer.Option(min=1, help="Noise draws of every galaxy. [default: 1]")
    ] = None,
    gradients: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="True gradients in dex/kpc, with commas. [default: -0.08,-0.04,0,0.04]",
        ),
    ] = None,
    seeing: Annotated[
        float | None,
        typer.Option(min=0.0, metavar="ARCSEC", help="Full width at half-maximum. [default: 0.6]"),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.toml",
            help="Mocks as a grid, a Latin hypercube or a list, instead of the options above.",
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
    """Simulate galaxies of known gradient, measure them and compare.

    Every gradient is simulated at two inclinations and three effective radii, or --config says
    which mocks. The table on the terminal compares what was recovered with what was put in.
    Writes recovery.ecsv, recovery.zarr (one result a mock, with fluxes, dust and velocities),
    recovery.png, run.json, and failures.ecsv where mocks could not be measured.
    """
    from functools import partial

    from experiments.campaign.command import run_command
    from experiments.recovery.recover import conclude
    from experiments.runs.terminal import Terminal

    experiment = _experiment(config, realisations, gradients, seeing, seed)
    run_command(
        "recover", experiment, partial(conclude, experiment), store="recovery.zarr",
        configuration=experiment.description, inputs=[] if config is None else [config],
        seed=seed, workers=workers, scheduler=scheduler, resume=resume, overwrite=overwrite,
        output=output, terminal=Terminal(quiet=quiet, debug=debug),
    )  # fmt: skip


def _experiment(
    config: Path | None,
    realisations: int | None,
    gradients: str | None,
    seeing: float | None,
    seed: int,
) -> "RecoveryExperiment":
    """Return what a file describes, or the options that are there instead of one."""
    from experiments.recovery.config import load_recovery
    from experiments.recovery.design import DEFAULT_AXES, Grid
    from experiments.recovery.experiment import RecoveryExperiment
    from kurvs_pipeline.errors import ConfigurationError

    options = {"--realisations": realisations, "--gradients": gradients, "--seeing": seeing}
    stated = [name for name, value in options.items() if value is not None]
    if config is not None and stated:
        raise ConfigurationError(
            f"{' and '.join(stated)} with --config {config}; expected one or the other: "
            "write it into the file"
        )
    if config is not None:
        return load_recovery(config, seed)
    axes = dict(DEFAULT_AXES)
    if gradients is not None:
        axes["gradient_dex_per_kpc"] = comma_separated_numbers(gradients, "--gradients")
    if seeing is not None:
        axes["seeing_fwhm_arcsec"] = (seeing,)
    return RecoveryExperiment(design=Grid(axes), realisations=realisations or 1, seed=seed)
