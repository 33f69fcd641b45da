"""Tasks whose outcomes are kept in memory, here and on several processes."""

import math
import os
import time

import pytest
from distributed import as_completed
from toy_tasks import die_at_two, die_once, process_id

from experiments.campaign import cluster
from experiments.campaign.tasks import WorkerLostError, run_tasks
from kurvs_pipeline.errors import ConfigurationError


def while_processes_start(test):
    """Let Dask complain: it may be stopped in the middle of starting a killed process again."""
    for kind in ("PytestUnraisableExceptionWarning", "PytestUnhandledThreadExceptionWarning"):
        test = pytest.mark.filterwarnings(f"ignore::pytest.{kind}")(test)
    return test


@pytest.mark.parametrize("workers", [1, 2])
def test_outcomes_are_in_the_order_of_the_tasks(workers):
    counts = []
    outcomes = run_tasks(math.factorial, [3, 1, 4], workers=workers, advance=counts.append)
    assert outcomes == [6, 1, 24]
    assert counts == [1, 1, 1]


def test_one_worker_is_this_process():
    assert run_tasks(process_id, [0, 1], workers=1) == [os.getpid()] * 2
    assert os.getpid() not in run_tasks(process_id, [0, 1], workers=2)


def test_a_task_whose_process_is_killed_is_tried_again(tmp_path):
    marks = [str(tmp_path / name) for name in ("first", "second")]
    assert run_tasks(die_once, marks, workers=2) == ["first", "second"]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_begins_no_further_tasks(workers):
    started = time.monotonic()
    with pytest.raises(ValueError, match="non-negative"):
        run_tasks(time.sleep, [-1.0, *[0.3] * 100], workers=workers)
    # All of them would take half a minute; a few were already on their way to the process.
    assert time.monotonic() - started < 15.0


@while_processes_start
def test_a_task_that_kills_every_process_has_a_stand_in():
    outcomes = run_tasks(
        die_at_two, [1, 2, 3], workers=2, lost=lambda task, error: f"{task}: {error}"
    )
    assert outcomes[::2] == [1, 3]
    assert outcomes[1].startswith("2: took down every process")


@while_processes_start
def test_a_task_that_kills_every_process_ends_the_run_with_what_to_do():
    with pytest.raises(WorkerLostError, match="try it alone, with --workers 1"):
        run_tasks(die_at_two, [1, 2, 3], workers=2)


def test_without_any_process_left_the_run_ends(monkeypatch):
    """Workers that cannot be started again: what watches over them is stopped with them."""
    monkeypatch.setattr(cluster, "WITHOUT_WORKERS_S", 1.0)
    with cluster.local_cluster(2, lambda _: None) as client:
        futures = client.map(time.sleep, [30.0, 30.0], pure=False)
        client.cluster.scale(0)
        with pytest.raises(cluster.ClusterLostError, match="all worker processes have ended"):
            list(cluster.completed(client, as_completed(futures)))


def test_more_processes_than_the_machine_can_serve_are_refused():
    with pytest.raises(ConfigurationError, match="workers is 100000; expected at most"):
        run_tasks(abs, [1, 2], workers=100_000)
