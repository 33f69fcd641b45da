"""``kurvs explain``: what a flag or a column of a table means."""

# ruff: noqa: PLC0415 - the body imports what it needs: --help appears at once.

from typing import Annotated

import typer

EXAMPLES = """\b
Examples:
  kurvs explain poor_fit
  kurvs explain beyond_turnover
  kurvs explain two_bins+truncated
  kurvs explain
"""


def explain(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...", help="Flags, also joined by +, or columns.  [default: list them all]"
        ),
    ] = None,
) -> None:
    """Say what a flag or a column of a table means, and what to do about a flag.

    The same texts are on the page of the documentation about tables, and those of columns in
    every table that is written.
    """
    from experiments.runs.explanation import every_name, explained
    from experiments.runs.terminal import Terminal

    terminal = Terminal()
    if not names:
        terminal.show(every_name())
    for name in names or []:
        for part in name.split("+"):
            terminal.show(explained(part))
