"""Campaigns: every task once, in one store, the same for any number of workers."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading

import dask
import distributed  # noqa: F401 - its defaults must be there before a test sets some
import numpy as np
import pytest
import xarray as xr
from toy_campaign import Toy, wait_for_scheduler

from experiments.campaign.campaign import open_campaign, run_campaign
from experiments.campaign.cluster import local_cluster
from kurvs_pipeline.errors import ConfigurationError


@pytest.fixture
def store(tmp_path):
    return tmp_path / "toy.zarr"


@pytest.fixture
def small_chunks(monkeypatch):
    """Let 3 tasks make a chunk."""
    monkeypatch.setattr("experiments.campaign.store.MOST_TASKS_A_CHUNK", 3)


class Interrupted(BaseException):
    """As when a person presses Ctrl-C."""


def interrupt_after(n_tasks):
    """Return a progress callback that interrupts the campaign."""
    done = []

    def advance(n):
        done.extend([None] * n)
        if len(done) >= n_tasks:
            raise Interrupted

    return advance


def interrupted(toy, store, n_tasks=7):
    with pytest.raises(Interrupted):
        run_campaign(toy, store, advance=interrupt_after(n_tasks))


def test_results_are_those_of_the_tasks(store):
    toy = Toy(n_tasks=5)
    results = run_campaign(toy, store).results
    expected = xr.concat([toy.run(number) for number in range(5)], dim="task")
    for name in expected.data_vars:
        np.testing.assert_array_equal(results[name], expected[name])
    assert results["done"].all()
    assert not results["failed"].any()


def test_coordinates_attributes_and_types_are_those_of_the_template(store):
    toy = Toy(n_tasks=2)
    results = run_campaign(toy, store).results
    assert results["mean"].attrs == {"units": "dex"}
    assert list(results["method"].to_numpy()) == ["mean", "median"]
    assert results["count"].dtype == np.int32
    assert results["name"].dtype == np.dtype("<U8")


def test_two_processes_give_the_same_bits_as_one(store, tmp_path):
    toy = Toy(n_tasks=20, raising=(4,))
    alone = run_campaign(toy, tmp_path / "alone.zarr")
    together = run_campaign(toy, store, workers=2)
    xr.testing.assert_identical(together.results.load(), alone.results.load())
    assert together.failures == alone.failures


def test_workers_keep_the_memory_of_their_arrays(monkeypatch):
    """Thresholds of 32 and 128 MiB, as the documentation asks for where workers are one's own."""
    kept = {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "134217728"}
    for name in kept:
        monkeypatch.delenv(name, raising=False)
    with local_cluster(1, lambda _: None) as client:
        for name, size in kept.items():
            assert list(client.run(os.getenv, name).values()) == [size]


def test_a_campaign_can_be_opened_later(store):
    results = run_campaign(Toy(n_tasks=4, seed=7), store).results
    opened = open_campaign(store)
    xr.testing.assert_identical(opened.load(), results.load())
    assert opened.attrs["description"]["seed"] == 7
    xr.testing.assert_identical(open_campaign(str(store)).load(), opened)


@pytest.mark.usefixtures("small_chunks")
def test_progress_counts_every_task_once(store):
    interrupted(Toy(), store)
    counts = []
    run_campaign(Toy(), store, resume=True, advance=counts.append)
    assert counts[0] > 0
    assert sum(counts) == Toy().n_tasks


@pytest.mark.usefixtures("small_chunks")
def test_a_resumed_campaign_runs_only_what_is_left(store, tmp_path, monkeypatch):
    interrupted(Toy(), store)
    kept = np.flatnonzero(open_campaign(store)["done"])
    ran = []
    run = Toy.run
    monkeypatch.setattr(Toy, "run", lambda self, number: (ran.append(number), run(self, number))[1])
    resumed = run_campaign(Toy(), store, resume=True)
    assert sorted([*ran, *kept]) == list(range(Toy().n_tasks))
    whole = run_campaign(Toy(), tmp_path / "whole.zarr")
    xr.testing.assert_identical(resumed.results.load(), whole.results.load())


def test_a_task_that_raises_is_recorded_and_does_not_stop_the_others(store):
    outcome = run_campaign(Toy(n_tasks=6, seed=3, raising=(2, 5)), store)
    assert [(failure.number, failure.seed) for failure in outcome.failures] == [(2, 3), (5, 3)]
    assert "ValueError: task 5 was told to raise" in outcome.failures[1].traceback
    assert outcome.results["failed"].to_numpy().tolist() == [False, False, True] * 2
    np.testing.assert_array_equal(outcome.results["done"], ~outcome.results["failed"])
    assert np.isnan(outcome.results["mean"][2]).all()


def test_a_task_that_kills_its_workers_is_recorded_and_does_not_stop_the_others(store):
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        outcome = run_campaign(Toy(n_tasks=6, deadly=(3,)), store, workers=2)
    (failure,) = outcome.failures
    assert failure.number == 3
    assert failure.traceback.startswith("KilledWorker: ")
    assert outcome.results["done"].sum() == 5


def test_tasks_that_failed_are_tried_again(store, monkeypatch):
    run_campaign(Toy(n_tasks=4, raising=(1,)), store)
    run = Toy.run
    # The cause is gone, the design the same.
    monkeypatch.setattr(Toy, "run", lambda _, number: run(Toy(), number))
    resumed = run_campaign(Toy(n_tasks=4, raising=(1,)), store, resume=True)
    assert resumed.failures == ()
    assert resumed.results["done"].all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda result: result.drop_vars("count"), "expected the variables of the template"),
        (lambda result: result.assign(count=1.5), "count has dimensions {} and type float64"),
        (lambda result: result.assign(name="longer than eight"), "type <U17"),
        (lambda result: result.isel(method=[0]), "mean has dimensions {'method': 1}"),
    ],
)
def test_a_result_unlike_the_template_is_a_failure_that_says_so(
    store, monkeypatch, change, message
):
    run = Toy.run
    monkeypatch.setattr(Toy, "run", lambda self, number: change(run(self, number)))
    (failure,) = run_campaign(Toy(n_tasks=1), store).failures
    assert message in failure.traceback


def test_a_scheduler_and_workers_started_by_hand_give_the_same_bits(store, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    toy = Toy(n_tasks=20, raising=(4,))
    with contextlib.ExitStack() as stack:
        for arguments in (
            ["scheduler", "--host", "127.0.0.1", "--port", str(port), "--dashboard-address", ":0"],
            ["worker", address, "--nthreads", "1"],
            ["worker", address, "--nthreads", "1"],
        ):
            stack.enter_context(dask_command(*arguments))
        wait_for_scheduler(port)
        said = []
        outcome = run_campaign(toy, store, scheduler=address, announce=said.append)
    alone = run_campaign(toy, tmp_path / "alone.zarr")
    xr.testing.assert_identical(outcome.results.load(), alone.results.load())
    assert said[0].startswith("dashboard: http://127.0.0.1:")


@contextlib.contextmanager
def dask_command(*arguments):
    """Run the command ``dask`` until the block is left."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(  # noqa: S603 - a fixed command
        [sys.executable, "-m", "dask", *arguments],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def test_more_processes_than_a_machine_can_bear_are_refused(store):
    with pytest.raises(ConfigurationError, match="workers is 100000; expected at most"):
        run_campaign(Toy(n_tasks=2), store, workers=100_000)


def test_a_campaign_without_tasks_is_refused(store):
    with pytest.raises(ConfigurationError, match="0 tasks on 1 workers"):
        run_campaign(Toy(n_tasks=0), store)
    assert not store.exists()


def test_an_address_of_another_server_is_told(store):
    def answer(server):
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 100)
            connection.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, args=(server,), daemon=True).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ConfigurationError, match="no scheduler answers at 'tcp"):
            run_campaign(Toy(n_tasks=2), store, scheduler=address)


def test_an_address_without_a_scheduler_is_told(store, monkeypatch):
    monkeypatch.setattr("experiments.campaign.cluster.CONNECT_S", 0.2)
    with pytest.raises(ConfigurationError, match="no scheduler answers at 'tcp"):
        run_campaign(Toy(n_tasks=2), store, scheduler="tcp://127.0.0.1:1")


def test_what_a_task_raised_is_told_without_the_folders_of_one_machine(tmp_path):
    outcome = run_campaign(Toy(n_tasks=4, raising=(1,)), tmp_path / "store.zarr")
    (failure,) = outcome.failures
    places = re.findall(r'File "([^"]*)"', failure.traceback)
    assert places
    assert all(place.count("/") == 1 for place in places)
