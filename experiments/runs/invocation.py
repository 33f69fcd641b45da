"""The command line that runs, for the record of its run."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

ARGUMENTS: ContextVar[tuple[str, ...]] = ContextVar("arguments", default=())
"""What was typed after ``kurvs``; nothing for a run that was started from Python."""


@contextmanager
def invoked_with(arguments: Sequence[str]) -> Iterator[None]:
    """State the command line that runs within the context."""
    token = ARGUMENTS.set(tuple(arguments))
    try:
        yield
    finally:
        ARGUMENTS.reset(token)
