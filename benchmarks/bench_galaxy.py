"""What one whole galaxy costs, from three bands to gradients by every estimator.

That is an ellipse and three annuli, the velocity map and all diagnostics with 2000 draws of the
noise. Run with ``pytest benchmarks/bench_galaxy.py --benchmark-timer=time.process_time`` on one
thread (``OMP_NUM_THREADS=1``). The procedure of the survey was measured on synthetic cubes at some
7.7 s and 0.9 GB a galaxy with 200 draws; it is not public as a package, so there is no ratio in
one run.
"""

import subprocess
import sys

import pytest

from kurvs_pipeline.io.fits.writing import write_eso
from kurvs_pipeline.pipeline import Pipeline
from kurvs_sim import ExposureModel, Galaxy, observe

MEASURE_ONE = """
from pathlib import Path
from kurvs_pipeline.io.reading import read_observation
from kurvs_pipeline.pipeline import Pipeline

def peak_kb():  # of this process alone; getrusage counts what its parent had
    status = Path("/proc/self/status").read_text()
    return next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))

paths = sorted(Path({folder!r}).glob("*.fits"))
before = peak_kb()
Pipeline().run(read_observation(paths))
print(before, peak_kb())
"""


@pytest.fixture(scope="module")
def mock():
    return observe(Galaxy(), noise=ExposureModel(), seed=1)


def test_one_galaxy(benchmark, mock):
    Pipeline().run(mock)  # numba has its compiled code, GalSim its tables
    measured = benchmark.pedantic(Pipeline().run, args=(mock,), rounds=5)
    assert len(measured.apertures) == 4


def test_memory_of_one_galaxy(benchmark, mock, tmp_path):
    """Peak of a process that reads three cubes and measures them, imports included."""
    write_eso(mock, tmp_path)
    script = MEASURE_ONE.format(folder=str(tmp_path))
    told = benchmark.pedantic(
        subprocess.run, args=([sys.executable, "-c", script],),
        kwargs={"capture_output": True, "text": True, "check": True}, rounds=1,
    )  # fmt: skip
    imports_kb, peak_kb = map(int, told.stdout.split())
    benchmark.extra_info.update(imports_mb=imports_kb / 1024, peak_mb=peak_kb / 1024)
