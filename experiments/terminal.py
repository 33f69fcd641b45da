"""What a command shows: progress on a terminal, and its outcome."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

_WIDTH_OF_FILES = 120

RATE_OVER_S = 300.0
"""Rate and time left are those of the last minutes: batches come seconds apart."""


@dataclass(frozen=True)
class Terminal:
    """Where a command talks to the person who runs it.

    Parameters
    ----------
    quiet : bool
        Show nothing.
    debug : bool
        Log what the pipeline decides to standard error.
    """

    quiet: bool = False
    debug: bool = False
    _waiting: Console = field(default_factory=lambda: Console(stderr=True), repr=False)

    def __post_init__(self) -> None:
        """Send log messages to standard error."""
        if self.debug:
            logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")

    def show(self, content: object) -> None:
        """Print text, or anything that rich can draw, to standard output.

        Text is printed as it is: never wrapped, coloured or read as markup, so that a path
        can be copied.

        Parameters
        ----------
        content : object
            Text, or what rich draws.
        """
        if not self.quiet:
            width = None if sys.stdout.isatty() else _WIDTH_OF_FILES
            Console(width=width, markup=False, highlight=False).print(content, soft_wrap=True)

    def tell(self, line: str) -> None:
        """Print a line for the person who waits to standard error, above a progress bar.

        Parameters
        ----------
        line : str
            Without markup.
        """
        if not self.quiet:
            self._waiting.print(line, soft_wrap=True, markup=False, highlight=False)

    @contextmanager
    def progress(self, description: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a progress bar on standard error while it is a terminal.

        Parameters
        ----------
        description : str
            What is counted.
        total : int
            How many there are.

        Yields
        ------
        callable
            To be called with the number of items just done.
        """
        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            _RateColumn(), TimeRemainingColumn(),
        )  # fmt: skip
        hidden = self.quiet or not sys.stderr.isatty()
        with Progress(
            *columns, console=self._waiting, disable=hidden, transient=True,
            speed_estimate_period=RATE_OVER_S,
        ) as bar:  # fmt: skip
            task = bar.add_task(description, total=total)
            yield lambda done: bar.advance(task, done)


class _RateColumn(ProgressColumn):
    """How many items are done in a second, or in a minute where that is less than one."""

    def render(self, task: Task) -> Text:
        if task.speed is None:
            return Text("")
        return Text(f"{task.speed:.1f}/s" if task.speed >= 1.0 else f"{60.0 * task.speed:.1f}/min")
