"""What users import: quick to import, and complete."""

import pkgutil
import subprocess
import sys
from importlib import import_module
from types import ModuleType

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
    "module", ["kurvs_sim.observing", "kurvs_sim.configuration.file", "kurvs_pipeline.pipeline"]
)
def test_simulator_and_pipeline_load_heavy_libraries_only_on_use(module):
    assert loaded_by(f"import {module}") == []


@pytest.mark.parametrize("package", ["kurvs_sim", "kurvs_pipeline"])
def test_a_package_alone_loads_nothing_that_takes_time(package):
    names = (*HEAVY, "numpy", "scipy", "astropy", "xarray")
    assert loaded_by(f"import {package}", names) == []
    assert loaded_by(f"from {package} import *; import {package}", names) != []


@pytest.mark.parametrize("package", ["kurvs_sim", "kurvs_pipeline"])
def test_a_package_without_a_name_says_so(package):
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'Galaxi'"):
        import_module(package).Galaxi  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Galaxi'"):
        exec(f"from {package} import Galaxi")  # noqa: S102


def test_what_is_loaded_is_seen():
    assert loaded_by("import numba, photutils") == ["numba", "photutils"]


def packages():
    """Name every package that says what it offers."""
    found = []
    for name in ("kurvs_pipeline", "kurvs_sim", "experiments"):
        rooms = pkgutil.walk_packages(import_module(name).__path__, f"{name}.")
        found += [name, *(room.name for room in rooms if room.ispkg)]
    return [name for name in found if hasattr(import_module(name), "__all__")]


@pytest.mark.parametrize("package", packages())
def test_a_package_has_and_lists_what_it_offers(package):
    room = import_module(package)
    assert set(room.__all__) <= set(dir(room))
    assert [name for name in room.__all__ if not hasattr(room, name)] == []
    assert len(set(room.__all__)) == len(room.__all__)


@pytest.mark.parametrize("package", packages())
def test_a_package_offers_no_name_that_hides_one_of_its_modules(package):
    room = import_module(package)
    offered = {name for name in room.__all__ if not isinstance(getattr(room, name), ModuleType)}
    assert offered & {module.name for module in pkgutil.iter_modules(room.__path__)} == set()
