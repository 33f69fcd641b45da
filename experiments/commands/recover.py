"""``kurvs recover``: compare recovered with true gradients of simulated galaxies."""

# ruff: noqa: PLC0415 - the body imports what it needs: --help appears at once.

from typing import Annotated, Any

import typer

from experiments.commands.options import (
    Debug,
    Output,
    Overwrite,
    Quiet,
    Seed,
    comma_separated_numbers,
)

EXAMPLES = """\b
Examples:
  kurvs recover
  kurvs recover --gradients "-0.08,0,0.04" --realisations 10
  kurvs recover --seeing 0.8 --workers 4 --output seeing-0.8
"""


def recover(
    *,
    realisations: Annotated[int, typer.Option(min=1, help="Noise draws of every galaxy.")] = 1,
    gradients: Annotated[
        str, typer.Option(metavar="LIST", help="True gradients in dex/kpc, with commas.")
    ] = "-0.08,-0.04,0,0.04",
    seeing: Annotated[
        float, typer.Option(min=0.0, metavar="ARCSEC", help="Full width at half-maximum.")
    ] = 0.6,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    output: Output = None,
    seed: Seed = 2025,
    quiet: Quiet = False,
    debug: Debug = False,
    overwrite: Overwrite = False,
) -> None:
    """Simulate galaxies of known gradient, measure them and compare.

    Every gradient is simulated at two inclinations and three effective radii. The table on
    the terminal compares what was recovered with what was put in. Writes recovery.ecsv,
    recovery.zarr (the same rows as arrays), recovery.png and run.json.
    """
    from experiments.recovery import run_recovery
    from experiments.run import start_run
    from experiments.terminal import Terminal

    options: dict[str, Any] = {
        "realisations": realisations,
        "gradients": comma_separated_numbers(gradients, "--gradients"),
        "seeing": seeing,
        "workers": workers,
    }
    terminal = Terminal(quiet=quiet, debug=debug)
    with start_run(
        "recover", output=output, overwrite=overwrite, configuration=options, seed=seed
    ) as run:
        outcome = run_recovery(**options, seed=seed, run=run, progress=terminal.progress)
    terminal.show(outcome)
    terminal.show(f"Results in {run.directory}")
