"""Workers, schedulers and clients die without notice; results are those of an undisturbed run."""

import contextlib
import signal
import socket
import threading
import time
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest
import xarray as xr
from toy_campaign import Toy, run_client, run_dask, wait_for_scheduler

from experiments.campaign.campaign import ClusterLostError, open_campaign, run_campaign

N_TASKS = 60
RAISING = (17,)
UNDISTURBED = Toy(n_tasks=N_TASKS, raising=RAISING)
SLOW = replace(UNDISTURBED, wait_s=0.01)
HANGING = replace(SLOW, endless=(N_TASKS - 1,))
"""The same design: how long a task takes decides no result. The second does not end by itself."""

# Imported once; every process of these tests is a copy that starts at once.
processes = get_context("forkserver")
processes.set_forkserver_preload(["toy_campaign", "experiments.campaign.campaign", "distributed"])


def random_points(kind, n_runs):
    """Return after how many tasks, and how many seconds later, to kill in each run."""
    random = np.random.default_rng(np.random.SeedSequence(6, spawn_key=(kind,)))
    counts = random.integers(1, N_TASKS - 15, n_runs).tolist()
    return list(zip(counts, random.uniform(0.0, 0.05, n_runs).tolist(), strict=True))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr("experiments.campaign.store.MOST_TASKS_A_CHUNK", 4)
    monkeypatch.setattr("experiments.campaign.batches.TARGET_S", 0.03)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return run_campaign(UNDISTURBED, tmp_path_factory.mktemp("whole") / "toy.zarr").results.load()


class Cluster:
    """A scheduler and two workers of it, each a process that can be killed."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler = self._started(
            "scheduler", ["--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard"]
        )
        wait_for_scheduler(self.port)
        self.workers = [self.new_worker(), self.new_worker()]

    def _started(self, kind, arguments):
        process = processes.Process(target=run_dask, args=(kind, arguments))
        process.start()
        return process

    def new_worker(self):
        return self._started(
            "worker", [self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
        )

    def close(self):
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.join()


@pytest.fixture
def clusters():
    """Return a function that starts clusters, which end with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(contextlib.closing(Cluster()))


def kill_after(n_tasks, delay_s, process):
    """Return a progress callback that kills a process a moment after so many tasks."""
    done = []

    def advance(n):
        before = len(done)
        done.extend([None] * n)
        if before < n_tasks <= len(done):
            threading.Timer(delay_s, process.kill).start()

    return advance


@pytest.mark.parametrize(("n_tasks", "delay_s"), random_points(0, 8))
def test_a_client_may_die(tmp_path, undisturbed, n_tasks, delay_s):
    counts, sent = processes.Pipe(duplex=False)
    client = processes.Process(target=run_client, args=(HANGING, tmp_path / "toy.zarr", sent))
    client.start()
    done = 0
    while done < n_tasks:
        done += counts.recv()
    time.sleep(delay_s)
    client.kill()
    client.join()
    assert client.exitcode == -signal.SIGKILL
    assert not open_campaign(tmp_path / "toy.zarr")["done"].all()
    resumed = run_campaign(UNDISTURBED, tmp_path / "toy.zarr", resume=True)
    xr.testing.assert_identical(resumed.results.load(), undisturbed)


def test_workers_may_die(tmp_path, undisturbed, clusters):
    cluster = clusters()
    for number, (n_tasks, delay_s) in enumerate(random_points(1, 6)):
        victim = cluster.workers.pop(0)
        cluster.workers.append(cluster.new_worker())
        advance = kill_after(n_tasks, delay_s, victim)
        store = tmp_path / f"{number}.zarr"
        outcome = run_campaign(SLOW, store, scheduler=cluster.address, advance=advance)
        victim.join()
        assert victim.exitcode == -signal.SIGKILL
        xr.testing.assert_identical(outcome.results.load(), undisturbed)


@pytest.mark.parametrize(("n_tasks", "delay_s"), random_points(2, 6))
def test_a_scheduler_may_die(tmp_path, undisturbed, clusters, n_tasks, delay_s):
    first = clusters()
    advance = kill_after(n_tasks, delay_s, first.scheduler)
    with pytest.raises(ClusterLostError, match="resume the campaign"):
        run_campaign(HANGING, tmp_path / "toy.zarr", scheduler=first.address, advance=advance)
    assert not open_campaign(tmp_path / "toy.zarr")["done"].all()
    resumed = run_campaign(UNDISTURBED, tmp_path / "toy.zarr", resume=True)
    xr.testing.assert_identical(resumed.results.load(), undisturbed)
