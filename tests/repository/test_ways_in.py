"""What users import: quick to import, and complete."""

import subprocess
import sys

import pytest

HEAVY = ("dask", "distributed", "galsim", "matplotlib", "numba", "photutils", "zarr")
"""Slow to import, or not there in a browser."""


def loaded_by(code, names=HEAVY):
    """Return which modules a fresh interpreter has after running some code."""
    report = f"{code}\nimport sys; print(*[name for name in {names!r} if name in sys.modules])"
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", report], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    "module", ["kurvs_sim.observe", "kurvs_sim.configuration.file", "kurvs_pipeline.measure"]
)
def test_simulator_and_pipeline_load_heavy_libraries_only_on_use(module):
    assert loaded_by(f"import {module}") == []


def test_what_is_loaded_is_seen():
    assert loaded_by("import numba, photutils") == ["numba", "photutils"]
