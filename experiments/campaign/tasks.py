"""Many tasks on the workers of a campaign, with outcomes kept in memory."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from threadpoolctl import threadpool_limits

from experiments.campaign.cluster import ClusterLostError, check_workers, completed, local_cluster
from kurvs_pipeline.errors import KurvsError

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")


class WorkerLostError(KurvsError):
    """A task took down every process that it was given to."""


def run_tasks(
    function: Callable[[Task], Outcome],
    tasks: Sequence[Task],
    *,
    workers: int,
    advance: Callable[[int], None] = lambda _: None,
    lost: Callable[[Task, WorkerLostError], Outcome] | None = None,
) -> list[Outcome]:
    """Call a function on every task; the first error ends the run.

    Outcomes have the same bits for any number of workers.

    Parameters
    ----------
    function : callable
        What is called; it must stand at the top level of a module, where workers import it.
    tasks : sequence
        Its argument in each call.
    workers : int
        Processes, one thread each; with 1, or one task, all is done in this process.
    advance : callable
        Called with 1 after every task.
    lost : callable, optional
        Gives the outcome of a task that took down four processes, from the task and the error.
        By default such a task ends the run.

    Returns
    -------
    list
        Outcomes, in the order of the tasks.

    Raises
    ------
    ConfigurationError
        If workers are too many.
    WorkerLostError
        If a task took down four processes, and ``lost`` does not stand in for it.
    experiments.campaign.cluster.ClusterLostError
        If no process can be started any more.
    """
    check_workers(workers)
    if min(workers, len(tasks)) <= 1:
        return [_called_here(function, task, advance) for task in tasks]
    from distributed import KilledWorker, as_completed

    outcomes: dict[int, Outcome] = {}

    def run_waiting() -> None:
        waiting = [number for number in range(len(tasks)) if number not in outcomes]
        with local_cluster(min(workers, len(waiting)), lambda _: None) as client:
            futures = client.map(function, [tasks[number] for number in waiting], pure=False)
            number_of = {future.key: n for future, n in zip(futures, waiting, strict=True)}
            for future in completed(client, as_completed(futures)):
                number = number_of[future.key]
                try:
                    outcomes[number] = future.result()
                except KilledWorker:
                    error = WorkerLostError(
                        "took down every process that it was given to, as one does that runs out "
                        "of memory: try it alone, with --workers 1"
                    )
                    if lost is None:
                        raise error from None
                    outcomes[number] = lost(tasks[number], error)
                advance(1)

    try:
        run_waiting()
    except ClusterLostError:
        # Dask can fail to start a killed process again: what is left has one more try.
        run_waiting()
    return [outcomes[number] for number in range(len(tasks))]


def _called_here(
    function: Callable[[Task], Outcome], task: Task, advance: Callable[[int], None]
) -> Outcome:
    with threadpool_limits(limits=1):
        outcome = function(task)
    advance(1)
    return outcome
