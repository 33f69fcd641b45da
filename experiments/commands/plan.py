"""``kurvs plan``: how long to observe a galaxy."""

# ruff: noqa: PLC0415 - the body imports what it needs: --help appears at once.

from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.options import Debug, Output, Overwrite, Quiet

EXAMPLES = """\b
Examples:
  kurvs plan examples/galaxy.toml
  kurvs plan --kurvs-id 4 --goal 0.01
  kurvs plan --kurvs-id 1 --goal 0.02 --seeing-known --scheme 6x0.25
"""


def plan(
    galaxy: Annotated[
        Path | None, typer.Argument(metavar="GALAXY.toml", help="As for simulate.")
    ] = None,
    *,
    kurvs_id: Annotated[
        int | None,
        typer.Option(metavar="N", help="A galaxy of the survey instead: 1-44, without 37."),
    ] = None,
    goal: Annotated[
        float, typer.Option(metavar="DEX/KPC", help="Error of the gradient to reach.")
    ] = 0.02,
    scheme: Annotated[
        str, typer.Option(metavar="ANNULI", help="As for measure: 3x0.5, 0-0.4-1.0, 3x0.7re.")
    ] = "3x0.5",
    seeing_known: Annotated[
        bool, typer.Option("--seeing-known", help="A star gives the seeing exactly.")
    ] = False,
    output: Output = None,
    quiet: Quiet = False,
    debug: Debug = False,
    overwrite: Overwrite = False,
) -> None:
    """Say how long a galaxy must be observed for an error of its gradient.

    For the gradient by N2 with the forward estimator, in the H band. Fluxes are those that
    GALAXY.toml states, noise that of its exposures, or of the survey's; halpha_snr is left
    aside. Writes plan.ecsv (errors by exposure), plan.png and run.json.
    """
    from experiments.mocks.simulating import Mock
    from experiments.planning.answer import planner_for, run_plan
    from experiments.runs.run import start_run
    from experiments.runs.terminal import Terminal
    from kurvs_pipeline.binning import BinningScheme

    mock = Mock.chosen(galaxy, kurvs_id)
    planner = planner_for(mock, scheme=BinningScheme.parse(scheme), seeing_known=seeing_known)
    terminal = Terminal(quiet=quiet, debug=debug)
    configuration = {
        "galaxy": galaxy, "kurvs_id": kurvs_id, "goal": goal, "scheme": scheme,
        "seeing_known": seeing_known,
    }  # fmt: skip
    with start_run(
        "plan", output=output, overwrite=overwrite, configuration=configuration,
        inputs=[] if galaxy is None else [galaxy],
    ) as run:  # fmt: skip
        answer = run_plan(planner, goal, run=run)
    terminal.show(answer)
    terminal.show(f"Results in {run.directory}")
