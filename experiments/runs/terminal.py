"""What a command shows: progress on a terminal, and its outcome."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import typer
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

from kurvs_pipeline.errors import KurvsError

_WIDTH_OF_FILES = 120

BAD_INPUT = 2
"""Exit code for input that cannot be used."""

LEAST_BETWEEN_LINES_S = 30.0

RATE_OVER_S = 300.0
"""Rate and time left are averages of the last minutes: batches come seconds apart."""


@dataclass(frozen=True)
class Terminal:
    """Output of a command: nothing if quiet, with the pipeline's log if debugging."""

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
        """
        if not self.quiet:
            width = None if sys.stdout.isatty() else _WIDTH_OF_FILES
            Console(width=width, markup=False, highlight=False).print(content, soft_wrap=True)

    def tell(self, line: str) -> None:
        """Print a line of plain text to standard error, above a progress bar."""
        if not self.quiet:
            self._waiting.print(line, soft_wrap=True, markup=False, highlight=False)

    @contextmanager
    def progress(self, description: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show progress on standard error: a bar on a terminal, else a line now and then.

        Yields
        ------
        callable
            To be called with the number of items just done.
        """
        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            _RateColumn(), TimeRemainingColumn(),
        )  # fmt: skip
        if not sys.stderr.isatty():
            yield _ProgressLines(self.tell, description, total).advance
            return
        with Progress(
            *columns, console=self._waiting, disable=self.quiet, transient=True,
            speed_estimate_period=RATE_OVER_S,
        ) as bar:  # fmt: skip
            task = bar.add_task(description, total=total)
            yield lambda done: bar.advance(task, done)


def run_alone(main: Callable[..., None]) -> None:
    """Run the typer command of a module that is started as a script.

    An error that is raised on purpose is one line on standard error.
    """
    try:
        typer.run(main)
    except KurvsError as error:
        typer.echo(" ".join(str(error).split()), err=True)
        sys.exit(BAD_INPUT)


class _ProgressLines:
    """Progress in a file: at most a line in half a minute, and one for each per cent."""

    def __init__(self, tell: Callable[[str], None], description: str, total: int) -> None:
        self._tell, self._description, self._total = tell, description, total
        self._done = self._told = 0
        self._start = self._told_at_s = time.monotonic()

    def advance(self, done: int) -> None:
        self._done += done
        now_s = time.monotonic()
        is_time = now_s - self._told_at_s >= LEAST_BETWEEN_LINES_S
        if is_time and self._done - self._told >= 0.01 * self._total:
            minutes = (now_s - self._start) / 60.0
            self._tell(f"{self._description}: {self._done} of {self._total} in {minutes:.1f} min")
            self._told, self._told_at_s = self._done, now_s


class _RateColumn(ProgressColumn):
    """How many items are done in a second, or in a minute where that is less than one."""

    def render(self, task: Task) -> Text:
        if task.speed is None:
            return Text("")
        return Text(f"{task.speed:.1f}/s" if task.speed >= 1.0 else f"{60.0 * task.speed:.1f}/min")
