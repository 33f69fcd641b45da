"""``kurvs simulate``: one mock galaxy as KMOS cubes."""

# ruff: noqa: PLC0415 - the body imports what it needs: --help appears at once.

from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.options import Debug, Output, Overwrite, Quiet

EXAMPLES = """\b
Examples:
  kurvs simulate examples/galaxy.toml
  kurvs simulate examples/galaxy.toml --seed 7 --output mock-7
"""


def simulate(
    galaxy: Annotated[
        Path, typer.Argument(metavar="GALAXY.toml", help="The galaxy and how it is observed.")
    ],
    *,
    output: Output = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Seed of the noise. [default: the file's]", show_default=False),
    ] = None,
    quiet: Quiet = False,
    debug: Debug = False,
    overwrite: Overwrite = False,
) -> None:
    """Simulate the cubes of one galaxy.

    examples/galaxy.toml explains every key. Writes NAME_IZ.fits, NAME_YJ.fits and
    NAME_H.fits in the layout of the ESO pipeline, truth.nc, preview.png and run.json.
    """
    from experiments.run import start_run
    from experiments.simulating import Mock, run_simulate
    from experiments.terminal import Terminal

    terminal = Terminal(quiet=quiet, debug=debug)
    mock = Mock.load(galaxy, seed=seed)
    with start_run(
        "simulate",
        output=output,
        overwrite=overwrite,
        configuration={"galaxy": galaxy, **mock.description},
        seed=mock.seed,
        inputs=[galaxy],
    ) as run:
        run_simulate(mock, run=run)
    terminal.show(f"Results in {run.directory}")
