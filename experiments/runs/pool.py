"""Many independent tasks on a few processes, with the same result for any number of them."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import TypeVar

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run_tasks(
    function: Callable[[Task], Outcome],
    tasks: Sequence[Task],
    *,
    workers: int,
    advance: Callable[[int], None] = lambda _: None,
) -> list[Outcome]:
    """Call a function on every task.

    Parameters
    ----------
    function : callable
        At the top level of a module.
    tasks : sequence
        What it is called with.
    workers : int
        Processes, one thread each: no contention, and the same bits for any number.
    advance : callable
        Called with 1 after every task.

    Returns
    -------
    list
        In the order of the tasks.
    """
    outcomes: dict[int, Outcome] = {}
    with (
        _one_thread_each(),
        ProcessPoolExecutor(
            min(workers, len(tasks)),
            mp_context=get_context("spawn"),
            initializer=_prepare_worker,
        ) as pool,
    ):
        futures = {pool.submit(function, task): number for number, task in enumerate(tasks)}
        try:
            for future in as_completed(futures):
                outcomes[futures[future]] = future.result()
                advance(1)
        except BaseException:
            # Leaving the pool would begin and await all tasks that are left. Those under way are
            # awaited here: a second shutdown, on leaving, would take this one back.
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [outcomes[number] for number in range(len(tasks))]


def _prepare_worker() -> None:
    """Leave interruption to the parent, which reports it once, and do not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """End this process when its parent has: one that is killed takes no leave of its pool."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Keep linear algebra in new processes to one thread."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
