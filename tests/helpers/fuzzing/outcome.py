"""Run damaged cases, each within a limit of time and memory, and count what becomes of them."""

import os
import resource
import signal
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Protocol

import numpy as np

from kurvs_pipeline.errors import KurvsError

LIMIT_S = 60.0
"""Of the processor; a case that waits may wait longer, as the machine may be busy."""

LONGEST_WAIT_S = 300.0
MEMORY_BYTES = 4 * 2**30
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Outcome(StrEnum):
    """What may become of damaged input."""

    TYPED = "refused, typed"
    RIGHT = "right"
    FLAGGED = "flagged"
    RESTATED = "another statement"  # the damage says something else that could be true
    UNTYPED = "untyped error"
    WRONG = "silently wrong"
    HUNG = "hung"


OUTCOMES = tuple(Outcome)
BAD = (Outcome.UNTYPED, Outcome.WRONG, Outcome.HUNG)


@dataclass(frozen=True)
class Case:
    """One damaged input: how it was damaged, and what became of it."""

    target: str
    number: int
    damage: str
    outcome: Outcome
    detail: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.target} {self.number}: {self.outcome}: [{self.damage}] {self.detail}"


class Target(Protocol):
    """A kind of input."""

    name: str
    full: int
    """Cases of the whole set."""

    def damage(self, rng: np.random.Generator, folder: Path) -> str:
        """Write a damaged example into a folder, and say what was done."""

    def judge(self, folder: Path) -> tuple[Outcome, str]:
        """Use the damaged example; return what became of it, and why."""


class _TooSlow(BaseException):
    """Passes through code that catches every Exception."""


def run_cases(target: Target, numbers: Iterable[int]) -> Iterator[Case]:
    """Run the cases of these numbers, each seeded by its own."""
    for number in numbers:
        rng = np.random.default_rng([*target.name.encode(), number])
        with tempfile.TemporaryDirectory() as folder:
            yield _run(target, number, rng, Path(folder))


def _run(target: Target, number: int, rng: np.random.Generator, folder: Path) -> Case:
    damage, begun = target.damage(rng, folder), time.perf_counter()
    try:
        with warnings.catch_warnings(), _limits():
            warnings.simplefilter("ignore")
            outcome, detail = target.judge(folder)
    except KurvsError as error:
        outcome, detail = Outcome.TYPED, f"{type(error).__name__}: {error}"
    except _TooSlow:
        outcome, detail = Outcome.HUNG, f"more than {LIMIT_S:g} s of work, or {LONGEST_WAIT_S:g} s"
    except Exception as error:  # noqa: BLE001 - these are what is looked for
        outcome, detail = Outcome.UNTYPED, f"{type(error).__name__}: {error} ({_where(error)})"
    return Case(target.name, number, damage, outcome, detail, time.perf_counter() - begun)


def _where(error: Exception) -> str:
    """Return the innermost line of the project's own code."""
    trace, place = error.__traceback__, "?"
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if any(part in {"kurvs_pipeline", "kurvs_sim", "experiments"} for part in path.parts):
            place = f"{path.parent.name}/{path.name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


@contextmanager
def _limits() -> Iterator[None]:
    """Stop a case that takes too long, and refuse it memory that the machine may not have."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * _PAGE_BYTES + MEMORY_BYTES, before[1]))
    timers = {
        signal.ITIMER_PROF: (signal.SIGPROF, LIMIT_S),
        signal.ITIMER_REAL: (signal.SIGALRM, LONGEST_WAIT_S),
    }
    handlers = {number: signal.signal(number, _stop) for number, _ in timers.values()}
    for timer, (_, seconds) in timers.items():
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for timer in timers:
            signal.setitimer(timer, 0.0)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _TooSlow


def table_of_counts(cases: Mapping[str, Sequence[Case]]) -> str:
    """Lay out how many cases of each kind had each outcome."""
    head = f"{'':<14}{'cases':>7}" + "".join(f"{name:>19}" for name in OUTCOMES) + f"{'max s':>8}"
    lines = [head]
    for name, found in cases.items():
        counts = Counter(case.outcome for case in found)
        slowest = max((case.seconds for case in found), default=0.0)
        row = f"{name:<14}{len(found):>7}" + "".join(f"{counts[o]:>19}" for o in OUTCOMES)
        lines.append(f"{row}{slowest:>8.1f}")
    return "\n".join(lines)
