"""Campaigns: many tasks of one experiment, on any number of workers, in one store.

An experiment says what a task is (:class:`~experiments.campaign.batches.Experiment`);
:func:`run_campaign` runs all of its tasks, and goes on where it was interrupted;
:func:`open_campaign` reads the results.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from experiments.campaign.batches import Batch, Experiment
from experiments.campaign.cluster import (
    ClusterLostError,
    batches_here,
    batches_on,
    check_workers,
    existing_cluster,
    local_cluster,
)
from experiments.campaign.description import described
from experiments.campaign.recorder import Recorder
from experiments.campaign.store import CampaignStore, damage_report, open_campaign, reported
from experiments.runs.lock import locked
from kurvs_pipeline.arrays import BoolArray
from kurvs_pipeline.errors import ConfigurationError, OutputError

__all__ = [
    "CampaignOutcome",
    "ClusterLostError",
    "Experiment",
    "Failure",
    "open_campaign",
    "run_campaign",
]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """A task that raised.

    Parameters
    ----------
    number : int
        Number of the task.
    seed : int or None
        Of the experiment, if its description has one: with the number it repeats the task.
    traceback : str
        The end of the traceback, if it is long.
    """

    number: int
    seed: int | None
    traceback: str

    @property
    def reason(self) -> str:
        """Last line of the traceback: the error and, where it has one line, its message."""
        return self.traceback.strip().rpartition("\n")[2]


@dataclass(frozen=True)
class CampaignOutcome:
    """Results and failures of a campaign.

    Parameters
    ----------
    results : Dataset
        As :func:`open_campaign` returns them.
    failures : tuple of Failure
        Ordered by number.
    store : Path
        The zarr group of the results.
    """

    results: xr.Dataset
    failures: tuple[Failure, ...]
    store: Path


def run_campaign(
    experiment: Experiment,
    store: Path,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    resume: bool = False,
    advance: Callable[[int], None] = lambda _: None,
    announce: Callable[[str], None] = lambda _: None,
) -> CampaignOutcome:
    """Run the tasks of an experiment that have no result yet.

    Results have the same bits for any number of workers, however often the campaign was
    interrupted. Only this process writes the store.

    Parameters
    ----------
    experiment : Experiment
        What to run. Workers import its class: it belongs at the top level of a module.
    store : Path
        Where results go, a zarr group.
    workers : int
        Processes on this machine, one thread each; with 1 all is done in this process.
    scheduler : str, optional
        Address of the scheduler of a cluster of Dask that runs already, to use instead.
    resume : bool
        Whether to go on with the store, if it exists. Tasks that failed are tried again, and
        those in damaged chunks too.
    advance : callable
        Called with the number of tasks just done, first of all with those done before.
    announce : callable
        Called with lines for the person who waits, such as the address of the dashboard.

    Returns
    -------
    CampaignOutcome

    Raises
    ------
    OutputError
        If the store exists and is not to be resumed, another client is at work on it, or it
        cannot be written.
    ConfigurationError
        If there is no task or workers are too many, the store is of another design, or no
        scheduler answers.
    ResultsError
        If the store is not of a campaign, or of another format.
    ClusterLostError
        If the scheduler is gone before all tasks are done. Results until then are kept.
    """
    if workers < 0 or experiment.n_tasks < 1:
        raise ConfigurationError(
            f"{experiment.n_tasks} tasks on {workers} workers; expected at least 1 task and no "
            "negative number of workers"
        )
    check_workers(workers)
    with reported(store), locked(store, store.with_name(f"{store.name}.lock")):
        done = _prepare(experiment, store, resume=resume)
        waiting = np.flatnonzero(~done)
        advance(int(np.count_nonzero(done)))
        target = CampaignStore.of(experiment, store)
        with (
            _batches(experiment, waiting, target, workers, scheduler, announce) as batches,
            Recorder(target, done) as recorder,
        ):
            for batch in batches:
                recorder.add(batch)
                advance(len(batch))
    results = open_campaign(store)
    return CampaignOutcome(results, _failures(results), store)


def _prepare(experiment: Experiment, store: Path, *, resume: bool) -> BoolArray:
    """Make or check the store; return which tasks are done."""
    target = CampaignStore.of(experiment, store)
    description = described(experiment)
    if not store.exists():
        target.create(description)
    elif not resume:
        raise OutputError(
            f"{store}: exists; expected a new place, or to be told to resume what is there"
        )
    target.check(description)
    damaged = target.damaged()
    if damaged:
        logger.warning("%s", damage_report(target, damaged))
    return target.states(without=damaged)


@contextmanager
def _batches(
    experiment: Experiment,
    numbers: NDArray[np.int64],
    target: CampaignStore,
    workers: int,
    scheduler: str | None,
    announce: Callable[[str], None],
) -> Iterator[Iterator[Batch]]:
    """Give the batches of the tasks, from wherever they are to run."""
    chosen, largest = numbers.tolist(), target.tasks_a_chunk
    if not chosen:
        yield iter(())
    elif scheduler is None and workers <= 1:
        yield batches_here(experiment, chosen, largest=largest)
    else:
        cluster = (
            local_cluster(min(workers, len(chosen)), announce)
            if scheduler is None
            else existing_cluster(scheduler, announce)
        )
        with cluster as client:
            yield batches_on(client, experiment, chosen, largest=largest)


def _failures(results: xr.Dataset) -> tuple[Failure, ...]:
    seed = results.attrs["description"].get("seed")
    return tuple(
        Failure(
            int(number),
            seed if isinstance(seed, int) else None,
            bytes(results["traceback"][int(number)].to_numpy())
            .rstrip(b"\0")
            .decode(errors="replace"),
        )
        for number in np.flatnonzero(results["failed"])
    )
