"""``kurvs survey``: a twin of the survey, measured, tabulated and drawn as the paper was."""

# ruff: noqa: PLC0415 - the body imports what it needs: --help appears at once.

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.options import Debug, Output, Overwrite, Quiet, Resume, Seed, Workers

EXAMPLES = """\b
Examples:
  kurvs survey
  kurvs survey --intrinsic steep --seed 7 --output steep-twin
  kurvs survey --intrinsic steep --seed 7 --output steep-twin --resume
  git clone https://github.com/zidianjun/kurvs public; kurvs survey --published public
"""


class Intrinsic(StrEnum):
    """Distributions of true gradients."""

    FLAT = "flat"
    SCATTERED = "scattered"
    STEEP = "steep"


def survey(
    *,
    intrinsic: Annotated[
        Intrinsic,
        typer.Option(
            help="True gradients: all 0; normal about 0 with 0.04 dex/kpc; all -0.05 dex/kpc."
        ),
    ] = Intrinsic.SCATTERED,
    published: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Clone of the survey's public repository (github.com/zidianjun/kurvs), whose "
            "points are drawn beside the twin.",
        ),
    ] = None,
    workers: Workers = 2,
    resume: Resume = False,
    output: Output = None,
    seed: Seed = 2025,
    quiet: Quiet = False,
    debug: Debug = False,
    overwrite: Overwrite = False,
) -> None:
    """Observe the 43 galaxies of KURVS with other gradients and noise, and publish them.

    Writes table-1.ecsv, table-a1.ecsv and tables.html, figure-1 to figure-9, figure-a1 to
    figure-a4, figure-b1, figure-c1 and figure-c2 (png), run.json, and the results of each galaxy
    in galaxies/KURVS-N, for --resume and kurvs plot. The table on the terminal
    sets the twin beside the survey, with the survey's stated errors and with calibrated ones.
    """
    from experiments.runs.run import start_run
    from experiments.runs.terminal import Terminal
    from experiments.survey.making import make_survey
    from experiments.survey.points import PublishedPoints
    from experiments.survey.twin import SCHEMES

    points = PublishedPoints(published)
    terminal = Terminal(quiet=quiet, debug=debug)
    if points.missing:
        terminal.tell(f"{published} does not have: {', '.join(points.missing)}; drawn without")
    configuration = {
        "intrinsic": intrinsic.value, "published": published, "workers": workers,
        "schemes": SCHEMES,
    }  # fmt: skip
    with start_run(
        "survey", output=output, overwrite=overwrite, resume=resume, seed=seed,
        configuration=configuration, design={"intrinsic": intrinsic.value},
        inputs=[] if published is None else sorted(published.rglob("*.csv")),
    ) as run:  # fmt: skip
        outcome = make_survey(
            intrinsic=intrinsic.value, published=points, workers=workers, seed=seed,
            resume=resume, run=run, terminal=terminal,
        )  # fmt: skip
    terminal.show(outcome)
    terminal.show(f"Results in {run.directory}")
