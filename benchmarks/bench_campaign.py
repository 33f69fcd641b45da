"""What running tasks as a campaign costs beside the tasks themselves.

Run with ``pytest benchmarks/bench_campaign.py`` on one thread (``OMP_NUM_THREADS=1``). Tasks
sleep, or do next to nothing, so that what is measured is the campaign; figures are in
``extra_info``, and docs/campaigns.md says what follows from them.
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

from experiments.campaign import run_campaign
from experiments.campaign_batches import run_batch
from experiments.recovery_experiment import RecoveryExperiment

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
    from experiments.campaign_description import described  # noqa: PLC0415
    from experiments.campaign_store import CampaignStore  # noqa: PLC0415

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

    from experiments.run import peak_memory_mib

    n_tasks, workers, path = sys.argv[1:]
    # Under the name by which workers can import it.
    run_campaign(bench_campaign.Sleeping(int(n_tasks)), Path(path), workers=int(workers))
    sys.stdout.write(json.dumps(peak_memory_mib()["this_process"]))
