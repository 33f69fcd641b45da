"""The recorder collects batches that come in any order and writes whole chunks."""

import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from experiments.campaign.batches import Batch
from experiments.campaign.store import TRACEBACK_BYTES, CampaignStore
from kurvs_pipeline.arrays import BoolArray
from kurvs_pipeline.errors import OutputError

CHECKPOINT_S = 5.0
"""Work of so many seconds is lost at most when the client dies."""

MOST_TIME_WRITING = 0.03
"""Checkpoints of many open chunks come less often, so that they take no more of the time."""


class Recorder:
    """Collects results, and writes a chunk when it is full or a checkpoint is due.

    Leaving it writes what it still holds, after an error too.

    Parameters
    ----------
    store : CampaignStore
        Where results go.
    done : array of bool, shape (n_tasks,)
        Tasks whose results are there already; every other one is to be added.
    """

    def __init__(self, store: CampaignStore, done: BoolArray) -> None:
        self._store = store
        self._done = done
        self._open: dict[int, _OpenChunk] = {}
        self._checkpoint_at = time.monotonic() + CHECKPOINT_S

    def __enter__(self) -> Self:
        """Begin to collect."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what is left."""
        if isinstance(error, OSError | OutputError):
            # The disk that refused a moment ago may take it now; what matters is that error.
            with suppress(OSError):
                self._checkpoint()
        else:
            self._checkpoint()

    def add(self, batch: Batch) -> None:
        """Take the results of a batch.

        Parameters
        ----------
        batch : Batch
            Of tasks that were to be done.
        """
        for place, number in enumerate(batch.numbers):
            result = {name: values[place] for name, values in batch.values.items()}
            self._put(number, {**result, "done": True, "failed": False, "traceback": 0})
        for number, text in batch.tracebacks.items():
            self._put(number, {"failed": True, "traceback": _end_as_bytes(text)})
        self._write([number for number, chunk in self._open.items() if chunk.n_waiting == 0])
        if time.monotonic() > self._checkpoint_at:
            self._checkpoint()

    def _put(self, number: int, values: dict[str, Any]) -> None:
        chunk = number // self._store.tasks_a_chunk
        if chunk not in self._open:
            self._open[chunk] = self._opened(chunk)
        self._open[chunk].put(number - self._store.bounds(chunk)[0], values)

    def _opened(self, chunk: int) -> "_OpenChunk":
        start, stop = self._store.bounds(chunk)
        done = self._done[start:stop]
        results = self._store.read(chunk) if done.any() else self._store.blank(chunk)
        return _OpenChunk(results, n_waiting=int(np.count_nonzero(~done)))

    def _checkpoint(self) -> None:
        started = time.monotonic()
        self._write([number for number, chunk in self._open.items() if chunk.is_new])
        now = time.monotonic()
        self._checkpoint_at = now + max(CHECKPOINT_S, (now - started) / MOST_TIME_WRITING)

    def _write(self, chunks: list[int]) -> None:
        for number in chunks:
            chunk = self._open[number]
            self._store.write(number, chunk.results)
            chunk.is_new = False
            if chunk.n_waiting == 0:
                del self._open[number]


class _OpenChunk:
    """A chunk of which some tasks are still to come."""

    def __init__(self, results: xr.Dataset, n_waiting: int) -> None:
        self.results = results
        self.n_waiting = n_waiting
        self.is_new = False
        self._arrays = {str(name): results[name].to_numpy() for name in results.data_vars}

    def put(self, index: int, values: dict[str, Any]) -> None:
        for name, value in values.items():
            self._arrays[name][index] = value
        self.n_waiting -= 1
        self.is_new = True


def _end_as_bytes(text: str) -> NDArray[np.uint8]:
    """Return the end of a text, filled up with zeros."""
    encoded = text.encode()[-TRACEBACK_BYTES:]
    return np.frombuffer(encoded.ljust(TRACEBACK_BYTES, b"\0"), np.uint8)
