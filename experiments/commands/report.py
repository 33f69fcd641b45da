"""``kurvs report``: where the estimators of a recovery may be trusted."""

# ruff: noqa: PLC0415 - the body imports what it needs: --help appears at once.

from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.options import Debug, Output, Overwrite, Quiet

EXAMPLES = """\b
Examples:
  kurvs report kurvs-out/recover
  kurvs report hypercube --output hypercube-report
"""


def report(
    recovery: Annotated[
        Path, typer.Argument(metavar="RECOVERY", help="Folder that kurvs recover wrote.")
    ],
    *,
    output: Output = None,
    quiet: Quiet = False,
    debug: Debug = False,
    overwrite: Overwrite = False,
) -> None:
    """Say where each estimator of a gradient may be trusted, in words, numbers and figures.

    Judges bias, scatter and coverage by every property that differs between the mocks, with the
    rules stated. Writes report.html, one page that needs no other file, and run.json.
    """
    from experiments.recovery.report import TABLE, read_recovery, run_report
    from experiments.runs.run import start_run
    from experiments.runs.terminal import Terminal

    read_recovery(recovery)
    terminal = Terminal(quiet=quiet, debug=debug)
    with start_run(
        "report", output=output, overwrite=overwrite, configuration={"recovery": recovery},
        inputs=[recovery / TABLE],
    ) as run:  # fmt: skip
        sentences = run_report(recovery, run=run)
    for sentence in sentences:
        terminal.show(sentence)
    terminal.show(f"Results in {run.directory}")
