"""``kurvs rerun``: a run again, from its record."""

# ruff: noqa: PLC0415 - the body imports what it needs: --help appears at once.

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.options import Debug, Output, Overwrite, Quiet
from experiments.runs.invocation import invoked_with

DIFFERENT = 1
"""Exit code if a file has other bytes than then."""

EXAMPLES = """\b
Examples:
  kurvs rerun kurvs-out/recover/run.json
  kurvs rerun kurvs-out/measure --output again
"""


def rerun(
    context: typer.Context,
    record: Annotated[
        Path, typer.Argument(metavar="RUN", help="run.json of a run, or the folder that holds it.")
    ],
    *,
    output: Output = None,
    quiet: Quiet = False,
    debug: Debug = False,
    overwrite: Overwrite = False,
) -> None:
    """Repeat a run of any command, and compare its files with those of then.

    The command line that run.json records runs again, in the folder where it was typed, with
    results elsewhere. Input files that differ end it; other versions of kurvs, Python or its
    libraries are said, and may change bits. Leaves with exit code 1 if a file has other bytes.
    """
    from experiments.runs.rerun import RunRecord
    from experiments.runs.rerun import rerun as repeated
    from experiments.runs.terminal import Terminal

    stated = RunRecord.read(record)
    stated.require_inputs()
    differences = stated.differences_of_software()
    for line in differences:
        typer.echo(f"kurvs: {line}: files may differ", err=True)
    command = context.find_root().command

    def run(arguments: Sequence[str]) -> int:
        with invoked_with(arguments):
            code = command.main(list(arguments), prog_name="kurvs", standalone_mode=False)
        return code if isinstance(code, int) else 0

    given = {"--quiet": quiet, "--debug": debug, "--overwrite": overwrite}
    options = [name for name, is_given in given.items() if is_given]
    code, different, number = repeated(stated, run, output=output, options=options)
    if different:
        cause = "versions differ, see above" if differences else "with the same software"
        typer.echo(f"kurvs: not the bytes of then ({cause}): {', '.join(different)}", err=True)
        raise typer.Exit(DIFFERENT)
    Terminal(quiet=quiet, debug=debug).show(f"all {number} files have the bytes of then")
    if code:
        raise typer.Exit(code)
