"""Experiments, batches of their tasks, and seeds for the tasks."""

import math
import re
import time
import traceback
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits


def seed_of(key: np.random.SeedSequence) -> int:
    """Return a seed of 63 bits, which a signed integer of a file holds.

    Parameters
    ----------
    key : SeedSequence
        Root and branch, such as ``SeedSequence(seed, spawn_key=(galaxy, use))``.
    """
    return int(key.generate_state(1, np.uint64)[0] >> np.uint64(1))


TARGET_S = 1.5
"""A batch should take so long: starting and reporting one takes milliseconds."""


class Experiment(Protocol):
    """Many tasks that differ by a number only. A frozen dataclass that is small when pickled."""

    @property
    def description(self) -> Mapping[str, object]:
        """All that decides the results, the seed included, as JSON has it."""

    @property
    def n_tasks(self) -> int:
        """How many tasks there are."""

    def template(self) -> xr.Dataset:
        """Return a result of one task as it is before the task is done.

        Without a dimension ``task``; with the shapes and types that every task has: NaN, -1 or
        "" in variables, text of fixed width.
        """

    def run(self, number: int) -> xr.Dataset:
        """Return the variables of the template for one task.

        Parameters
        ----------
        number : int
            From 0; random draws come from ``SeedSequence(seed, spawn_key=(number, ...))``.
        """


@dataclass(frozen=True)
class Batch:
    """The outcome of a few tasks.

    Parameters
    ----------
    numbers : tuple of int
        Tasks that gave a result.
    values : mapping of str to array, shape (len(numbers), ...)
        Their results.
    tracebacks : mapping of int to str
        Of the tasks that raised.
    seconds : float
        Time they all took.
    """

    numbers: tuple[int, ...]
    values: Mapping[str, NDArray[Any]]
    tracebacks: Mapping[int, str]
    seconds: float

    def __len__(self) -> int:
        """Return how many tasks it was."""
        return len(self.numbers) + len(self.tracebacks)


def run_batch(experiment: Experiment, numbers: Sequence[int]) -> Batch:
    """Run a few tasks, going on past those that raise.

    Parameters
    ----------
    experiment : Experiment
        The experiment that the tasks belong to.
    numbers : sequence of int
        Numbers of the tasks.

    Returns
    -------
    Batch
        Results, tracebacks of the tasks that raised, and the time of all, in seconds.
    """
    started = time.perf_counter()
    template = experiment.template()
    results: dict[int, dict[str, NDArray[Any]]] = {}
    tracebacks: dict[int, str] = {}
    # With more threads sums are added up in another order: results would depend on the machine.
    with threadpool_limits(limits=1):
        for number in numbers:
            try:
                results[number] = _conforming(experiment.run(number), template)
            except Exception:  # noqa: BLE001 - one task must not stop the rest
                tracebacks[number] = _traceback()
    values = {
        str(name): np.stack([result[str(name)] for result in results.values()])
        for name in (template.data_vars if results else ())
    }
    return Batch(tuple(results), values, tracebacks, time.perf_counter() - started)


def _traceback() -> str:
    """Say what was raised, and where, in the same words wherever the software is installed."""
    return re.sub(r'File "[^"]*?([^/"]+/[^/"]+)"', r'File "\1"', traceback.format_exc())


def _conforming(result: xr.Dataset, template: xr.Dataset) -> dict[str, NDArray[Any]]:
    """Return the values of a result, which are what the template promises."""
    if set(result.data_vars) != set(template.data_vars):
        raise ValueError(
            f"the task returned {sorted(map(str, result.data_vars))}; "
            f"expected the variables of the template, {sorted(map(str, template.data_vars))}"
        )
    return {
        str(name): _as_promised(str(name), result[name], expected)
        for name, expected in template.data_vars.items()
    }


def _as_promised(name: str, found: xr.DataArray, expected: xr.DataArray) -> NDArray[Any]:
    values = found.to_numpy()
    fits = values.dtype.kind == expected.dtype.kind and np.can_cast(
        values.dtype, expected.dtype, "safe"
    )
    if found.dims != expected.dims or found.shape != expected.shape or not fits:
        raise ValueError(
            f"{name} has dimensions {dict(found.sizes)} and type {values.dtype}; expected those "
            f"of the template, {dict(expected.sizes)} and {expected.dtype}"
        )
    return values.astype(expected.dtype)


@dataclass
class BatchSizes:
    """Sizes of batches, chosen from the time that the latest ones took.

    Parameters
    ----------
    largest : int
        Upper limit.
    """

    largest: int
    _task_s: deque[float] = field(default_factory=lambda: deque(maxlen=32))

    def learn(self, batch: Batch) -> None:
        """Take account of a batch that is done.

        Parameters
        ----------
        batch : Batch
            Its size and time decide the next sizes.
        """
        self._task_s.append(batch.seconds / len(batch))

    def split(self, numbers: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """Divide numbers into batches of the size that is right at the time.

        Parameters
        ----------
        numbers : sequence of int
            Tasks to do.

        Yields
        ------
        tuple of int
            The next of them, ``largest`` at most.
        """
        begin = 0
        while begin < len(numbers):
            end = begin + self._size
            yield tuple(int(number) for number in numbers[begin:end])
            begin = end

    @property
    def _size(self) -> int:
        if not self._task_s:
            return 1
        # The median: the first task of a worker also loads what all of them need.
        return min(self.largest, math.ceil(TARGET_S / max(median(self._task_s), 1e-9)))
