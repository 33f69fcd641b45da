"""Many tasks on the workers of a campaign, with outcomes kept in memory."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from threadpoolctl import threadpool_limits

from experiments.campaign.cluster import local_cluster

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")


def run_tasks(
    function: Callable[[Task], Outcome],
    tasks: Sequence[Task],
    *,
    workers: int,
    advance: Callable[[int], None] = lambda _: None,
) -> list[Outcome]:
    """Call a function on every task; the first error ends the run.

    Outcomes have the same bits for any number of workers.

    Parameters
    ----------
    function : callable
        At the top level of a module, where workers import it.
    tasks : sequence
        What it is called with.
    workers : int
        Processes, one thread each; with 1 all is done in this process.
    advance : callable
        Called with 1 after every task.

    Returns
    -------
    list
        In the order of the tasks.
    """
    if min(workers, len(tasks)) <= 1:
        return [_called_here(function, task, advance) for task in tasks]
    from distributed import as_completed

    outcomes: dict[str, Outcome] = {}
    with local_cluster(min(workers, len(tasks)), lambda _: None) as client:
        futures = client.map(function, tasks, pure=False)
        for future, outcome in as_completed(futures, with_results=True):
            outcomes[future.key] = outcome
            advance(1)
        return [outcomes[future.key] for future in futures]


def _called_here(
    function: Callable[[Task], Outcome], task: Task, advance: Callable[[int], None]
) -> Outcome:
    with threadpool_limits(limits=1):
        outcome = function(task)
    advance(1)
    return outcome
