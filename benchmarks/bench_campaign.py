"""What running tasks as a campaign costs beside the tasks themselves.

Run with ``pytest benchmarks/bench_campaign.py`` on one thread (``OMP_NUM_THREADS=1``). Tasks
sleep, or do next to nothing, so that what is measured is the campaign, or are mocks of a
recovery; figures are in ``extra_info``, and docs/campaigns.md says what follows from them.
"""

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from experiments.campaign.batches import run_batch
from experiments.campaign.campaign import run_campaign
from experiments.recovery.experiment import RecoveryExperiment

HERE = Path(__file__)
TEMPLATE = RecoveryExperiment().template()


@dataclass(frozen=True)
class Sleeping:
    """Tasks that take a while, with a result of the size of a recovery's.

    Parameters
    ----------
    n_tasks : int
        How many.
    sleep_s : float
        How long each takes.
    """

    n_tasks: int
    sleep_s: float = 0.0

    @property
    def description(self):
        """What decides the results."""
        return {"sleep_s": self.sleep_s}

    def template(self):
        """Return an empty result of a recovery."""
        return TEMPLATE

    def run(self, number):
        """Wait, and draw four gradients."""
        time.sleep(self.sleep_s)
        drawn = np.random.default_rng(number).normal(size=TEMPLATE["gradient"].shape)
        return TEMPLATE.assign(gradient=(TEMPLATE["gradient"].dims, drawn))


@dataclass(frozen=True)
class TimedRecovery:
    """Mocks of a recovery that say how long they took.

    Parameters
    ----------
    realisations : int
        Of the 24 galaxies of ``kurvs recover``.
    """

    realisations: int

    @property
    def recovery(self):
        """What is timed."""
        return RecoveryExperiment(realisations=self.realisations)

    @property
    def description(self):
        """What decides the results."""
        return {"timed": True, **self.recovery.description}

    @property
    def n_tasks(self):
        """How many mocks there are."""
        return self.recovery.n_tasks

    def template(self):
        """Return an empty result of a recovery, with its time."""
        return self.recovery.template().assign(wall_s=((), np.nan), processor_s=((), np.nan))

    def run(self, number):
        """Simulate and measure a mock."""
        wall, processor = time.perf_counter(), time.process_time()
        result = self.recovery.run(number)
        return result.assign(
            wall_s=((), time.perf_counter() - wall),
            processor_s=((), time.process_time() - processor),
        )


def steady(experiment, store, workers):
    """Return mocks a second and the mean times of one, after the first quarter.

    The first mocks of a process also load and compile what all of them need.
    """
    seen = []
    outcome = run_campaign(
        experiment, store, workers=workers, advance=lambda n: seen.append((time.monotonic(), n))
    )
    times, counts = np.array(seen).T
    quarter = experiment.n_tasks // 4
    begin = np.searchsorted(counts.cumsum(), quarter)
    later = outcome.results.isel(task=slice(quarter, None))
    return {
        "mocks a second": float(counts[begin + 1 :].sum() / (times[-1] - times[begin])),
        "wall time of a mock": float(later["wall_s"].mean()),
        "processor time of a mock": float(later["processor_s"].mean()),
    }


def test_efficiency_of_two_workers_on_mocks(benchmark, tmp_path):
    """Mocks a second of two workers over twice those of one; and what is not spent on mocks."""
    mocks, load = TimedRecovery(10), os.getloadavg()[0]
    one = steady(mocks, tmp_path / "one.zarr", 1)
    two = benchmark.pedantic(steady, args=(mocks, tmp_path / "two.zarr", 2), rounds=1)
    efficiency = two["mocks a second"] / (2.0 * one["mocks a second"])
    beside = 1.0 - two["mocks a second"] * two["wall time of a mock"] / 2.0
    benchmark.extra_info.update({
        "load before": load, "1 worker": one, "2 workers": two,
        "efficiency of 2 workers": round(efficiency, 3),
        "fraction of 2 workers' time beside mocks": round(beside, 4),
    })  # fmt: skip
    assert efficiency > 0.5


def test_efficiency_of_two_workers(benchmark, tmp_path):
    """From the first result to the last: starting the processes is a constant."""
    seen = []
    tasks = Sleeping(60, 0.5)
    benchmark.pedantic(
        run_campaign,
        args=(tasks, tmp_path / "two.zarr"),
        kwargs={"workers": 2, "advance": lambda n: seen.append((time.monotonic(), n))},
        rounds=1,
    )
    began, first = seen[1]
    n_timed = sum(n for _, n in seen) - first
    efficiency = n_timed * tasks.sleep_s / 2.0 / (seen[-1][0] - began)
    benchmark.extra_info["efficiency of 2 workers"] = round(efficiency, 3)
    assert efficiency > 0.5


def test_processor_time_of_two_workers_beside_their_tasks(benchmark, tmp_path):
    """Tasks sleep: all processor time is of the campaign. Starting it cancels out."""
    few, many = (
        processor_s(Sleeping(n, 0.5), tmp_path / f"{n}.zarr")
        if n < 50
        else benchmark.pedantic(processor_s, args=(Sleeping(n, 0.5), tmp_path / "n.zarr"), rounds=1)
        for n in (4, 64)
    )
    benchmark.extra_info["fraction of the tasks' time"] = round((many - few) / (60 * 0.5), 4)


def processor_s(tasks, store):
    """Return the processor time of a campaign and of its workers."""
    before = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    run_campaign(tasks, store, workers=2)
    after = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(
        b.ru_utime + b.ru_stime - a.ru_utime - a.ru_stime
        for a, b in zip(before, after, strict=True)
    )


def test_overhead_in_one_process(benchmark, tmp_path):
    """Processor time beside that of the tasks, for tasks of no work; 0.5 s is a mock's."""
    tasks = Sleeping(500)
    started = time.process_time()
    run_batch(tasks, range(500))
    alone = time.process_time() - started
    started = time.process_time()
    benchmark.pedantic(run_campaign, args=(tasks, tmp_path / "one.zarr"), rounds=1)
    beside = (time.process_time() - started - alone) / tasks.n_tasks
    benchmark.extra_info["ms a task"] = round(1e3 * beside, 3)
    benchmark.extra_info["fraction of a mock of 0.5 s"] = round(beside / 0.5, 5)
    files = [path for path in (tmp_path / "one.zarr").rglob("*") if path.is_file()]
    benchmark.extra_info["bytes a task"] = sum(path.stat().st_size for path in files) / 500
    benchmark.extra_info["files"] = len(files)


@pytest.mark.parametrize("workers", [1, 2])
def test_memory_does_not_grow_with_the_number_of_tasks(benchmark, tmp_path, workers):
    few, many = (
        benchmark.pedantic(peak_mib, args=(n, workers, tmp_path / f"{n}.zarr"), rounds=1)
        if n == 1000
        else peak_mib(n, workers, tmp_path / f"{n}.zarr")
        for n in (10, 1000)
    )
    benchmark.extra_info["MiB of the client, 10 and 1000 tasks"] = (few, many)
    assert many < 1.2 * few


def peak_mib(n_tasks, workers, store):
    """Return the largest resident memory of a process that runs a campaign."""
    done = subprocess.run(  # noqa: S603 - this file
        [sys.executable, str(HERE), str(n_tasks), str(workers), str(store)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), *sys.path])},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_writing_a_chunk(benchmark, tmp_path):
    """The one process that writes: how many tasks a second it can take."""
    from experiments.campaign.description import described  # noqa: PLC0415
    from experiments.campaign.store import CampaignStore  # noqa: PLC0415

    tasks = Sleeping(5000)
    store = CampaignStore.of(tasks, tmp_path / "chunk.zarr")
    store.create(described(tasks))
    chunk = store.blank(3)
    chunk["gradient"][...] = np.random.default_rng(1).normal(size=chunk["gradient"].shape)
    benchmark(store.write, 3, chunk)
    benchmark.extra_info["tasks a chunk"] = store.tasks_a_chunk
    benchmark.extra_info["tasks a second"] = round(store.tasks_a_chunk / benchmark.stats.stats.min)
    assert xr.open_zarr(store.path, consolidated=False).sizes["task"] == tasks.n_tasks


if __name__ == "__main__":
    import bench_campaign

    from experiments.runs.run import peak_memory_mib

    n_tasks, workers, path = sys.argv[1:]
    # Under the name by which workers can import it.
    run_campaign(bench_campaign.Sleeping(int(n_tasks)), Path(path), workers=int(workers))
    sys.stdout.write(json.dumps(peak_memory_mib()["this_process"]))
