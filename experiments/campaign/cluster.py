"""Batches of a campaign in this process, or on a cluster of Dask."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from experiments.campaign.batches import Batch, BatchSizes, Experiment, run_batch
from kurvs_pipeline.errors import ConfigurationError, KurvsError

if TYPE_CHECKING:
    from distributed import Client, Future, as_completed

CONNECT_S = 10.0
BATCHES_A_THREAD = 2
"""One that runs, one that waits: a worker is never idle, and few results are on their way."""

COUNT_EVERY_S = 2.0

POLL_S = 0.01

WITHOUT_WORKERS_S = 60.0
"""Workers that died are back after a few seconds, on a busy machine after some more."""

LOOPBACK = "127.0.0.1"
"""Where a local cluster listens. Who reaches a scheduler can run code as its user, and a port
alone, such as ``:0``, would be open on every network of the machine."""

WORKER_MEMORY = {"MALLOC_MMAP_THRESHOLD_": 2**25, "MALLOC_TRIM_THRESHOLD_": 2**27}
"""Bytes of free memory that a process keeps for its next arrays. Dask lets it keep 64 KiB: pages
that come and go then take as long as the mocks themselves."""


class ClusterLostError(KurvsError):
    """The scheduler that gave out the tasks does not answer any more."""


def batches_here(
    experiment: Experiment, numbers: Sequence[int], *, largest: int
) -> Iterator[Batch]:
    """Run tasks in this process.

    Parameters
    ----------
    experiment : Experiment
        The experiment that the tasks belong to.
    numbers : sequence of int
        Numbers of the tasks.
    largest : int
        Most tasks of a batch.

    Yields
    ------
    Batch
        In the order of the tasks.
    """
    sizes = BatchSizes(largest)
    for chosen in sizes.split(numbers):
        batch = run_batch(experiment, chosen)
        sizes.learn(batch)
        yield batch


def batches_on(
    client: "Client", experiment: Experiment, numbers: Sequence[int], *, largest: int
) -> Iterator[Batch]:
    """Run tasks on a cluster, a few batches at a time.

    Parameters
    ----------
    client : Client
        Connection to the cluster.
    experiment : Experiment
        The experiment that the tasks belong to.
    numbers : sequence of int
        Numbers of the tasks.
    largest : int
        Most tasks of a batch.

    Yields
    ------
    Batch
        As they are done, in any order.

    Raises
    ------
    ClusterLostError
        If the scheduler is gone.
    """
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError

    sizes = BatchSizes(largest)
    window = _Window(client, experiment, sizes.split(numbers))
    try:
        window.fill()
        for future, chosen in window.done():
            try:
                batch = future.result()
            except KilledWorker as error:
                if len(chosen) > 1:
                    # One of them takes its worker down: apart, the others are spared.
                    for number in chosen:
                        window.give((number,))
                    continue
                batch = Batch((), {}, {chosen[0]: f"{type(error).__name__}: {error}"}, 0.0)
            else:
                sizes.learn(batch)  # nobody knows how long a task took that killed its worker
            yield batch
            window.fill()
    except (FutureCancelledError, OSError) as error:
        raise ClusterLostError(
            f"{client.scheduler.address}: the scheduler is gone ({type(error).__name__}); results "
            "so far are in the store: start a scheduler, then resume the campaign"
        ) from error


def completed(client: "Client", running: "as_completed") -> Iterator["Future"]:
    """Give futures as they are done, those that are added meanwhile included.

    A scheduler elsewhere may wait for workers as long as it likes. On this machine they are
    started again when they die; if none is there for a minute, none can be.

    Raises
    ------
    ClusterLostError
        If all workers of a cluster of this machine are gone.
    """
    last_seen = next_look = time.monotonic()
    while not running.is_empty():
        if running.has_ready():
            yield next(running)
            last_seen = time.monotonic()
            continue
        time.sleep(POLL_S)
        now = time.monotonic()
        if client.cluster is None or now < next_look:
            continue
        next_look = now + COUNT_EVERY_S
        if client.nthreads():
            last_seen = now
        elif now - last_seen > WITHOUT_WORKERS_S:
            raise ClusterLostError(
                "all worker processes have ended, and none could be started again; results so far "
                "are kept: make room in memory and processes, then go on with --resume"
            )


class _Window:
    """The batches that are under way: few, whatever the number of tasks."""

    def __init__(
        self, client: "Client", experiment: Experiment, waiting: Iterator[tuple[int, ...]]
    ) -> None:
        from distributed import as_completed

        self._client, self._experiment, self._waiting = client, experiment, waiting
        self._running = as_completed()
        self._given: dict[str, tuple[int, ...]] = {}
        self._n_threads, self._count_at = 1, 0.0

    def fill(self) -> None:
        """Give out batches, so that no worker is idle."""
        room = BATCHES_A_THREAD * self._threads() - len(self._given)
        for _, chosen in zip(range(room), self._waiting, strict=False):
            self.give(chosen)

    def give(self, chosen: tuple[int, ...]) -> None:
        """Give out one batch."""
        future = self._client.submit(run_batch, self._experiment, chosen, pure=False)
        self._given[future.key] = chosen
        self._running.add(future)

    def done(self) -> Iterator[tuple["Future", tuple[int, ...]]]:
        """Give batches as they are done, until none is under way."""
        for future in completed(self._client, self._running):
            yield future, self._given.pop(future.key)

    def _threads(self) -> int:
        """Count threads now and then: workers come and go."""
        if time.monotonic() > self._count_at:
            self._n_threads = max(1, sum(self._client.nthreads().values()))
            self._count_at = time.monotonic() + COUNT_EVERY_S
        return self._n_threads


PROCESSES_A_CORE = 8
"""More only take memory."""


def check_workers(workers: int) -> None:
    """Refuse more processes than this machine can serve, with a ConfigurationError."""
    most = PROCESSES_A_CORE * (os.cpu_count() or 1)
    if workers > most:
        raise ConfigurationError(
            f"workers is {workers}; expected at most {most}, {PROCESSES_A_CORE} a processor of "
            "this machine: each takes a few hundred MB"
        )


@contextmanager
def local_cluster(workers: int, announce: Callable[[str], None]) -> Iterator["Client"]:
    """Start a cluster of processes on this machine, one thread each.

    Parameters
    ----------
    workers : int
        Number of processes.
    announce : callable
        Called with the address of the dashboard.

    Yields
    ------
    Client
        Connection to the cluster, which stops with the context.
    """
    import dask
    from distributed import Client, LocalCluster

    # The profiler looks at every worker 100 times a second.
    settings: dict[str, object] = {"distributed.worker.profile.enabled": False}
    for name, size in WORKER_MEMORY.items():
        settings[f"distributed.nanny.pre-spawn-environ.{name}"] = size
    with dask.config.set(settings), _deaf_to_interruption():
        cluster = LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, host=LOOPBACK,
            dashboard_address=f"{LOOPBACK}:0", silence_logs="CRITICAL",
        )  # fmt: skip
    with cluster, Client(cluster) as client:
        announce(f"dashboard: {client.dashboard_link}")
        yield client


@contextmanager
def _deaf_to_interruption() -> Iterator[None]:
    """Let processes that start now ignore Ctrl-C: it is this one's to report, once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def existing_cluster(address: str, announce: Callable[[str], None]) -> Iterator["Client"]:
    """Connect to a running cluster.

    Parameters
    ----------
    address : str
        Address of its scheduler, such as ``tcp://host:8786``.
    announce : callable
        Called with the address of the dashboard, and with a warning if there is no worker yet.

    Yields
    ------
    Client
        Connection to the cluster, which keeps running after the context.

    Raises
    ------
    ConfigurationError
        If no scheduler answers there.
    """
    from distributed import Client

    # What they would say of a lost scheduler is said in one line.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=CONNECT_S)
    # What another server says, such as the dashboard, is taken for the size of a message.
    except (OSError, TimeoutError, ValueError, MemoryError) as error:
        raise ConfigurationError(
            f"no scheduler answers at '{address}' ({type(error).__name__}); expected the address "
            "that 'dask scheduler' prints, such as tcp://host:8786"
        ) from error
    with client:
        if "dashboard" in client.scheduler_info().get("services", {}):
            announce(f"dashboard: {client.dashboard_link}")
        if not client.nthreads():
            announce(f"waiting: the scheduler at {address} has no workers yet")
        yield client
