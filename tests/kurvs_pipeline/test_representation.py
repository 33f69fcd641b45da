"""What public objects look like at a prompt and in a notebook, and that they can be compared."""

import copy
import importlib
import pkgutil
from dataclasses import is_dataclass, make_dataclass, replace

import numpy as np
import pytest
from astropy.table import QTable

import kurvs_pipeline
import kurvs_sim
from kurvs_pipeline import BinningScheme, Pipeline
from kurvs_pipeline.representation import short_repr

LINES_OF_A_SCREEN = 40
SCREEN = 4000
"""Characters; a terminal of 80 columns and 50 lines."""


def public_classes():
    """Return the dataclasses that any room of the two packages offers."""
    found = set()
    for package in (kurvs_pipeline, kurvs_sim):
        rooms = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        for name in [package.__name__, *(room.name for room in rooms)]:
            module = importlib.import_module(name)
            offered = [getattr(module, item) for item in getattr(module, "__all__", ())]
            found |= {item for item in offered if isinstance(item, type) and is_dataclass(item)}
    return sorted(found, key=lambda item: item.__qualname__)


def holds_arrays(item):
    """Return whether a field of a class is an array or a table."""
    kinds = ("Array", "BoolArray", "IntArray", "StrArray", "Cube", "Map", "QTable", "Table")
    return any(
        str(getattr(kind, "__name__", kind)) in kinds or kind == "NDArray[np.float64]"
        or str(kind).startswith("numpy.ndarray")
        for kind in item.__annotations__.values()
    )  # fmt: skip


@pytest.mark.parametrize("item", list(filter(holds_arrays, public_classes())))
def test_classes_that_hold_arrays_show_shapes_and_compare_by_identity(item):
    assert item.__repr__ is short_repr
    # Made by dataclass, it would compare array with array and ask for the truth of the answer.
    assert not item.__dataclass_params__.eq


@pytest.fixture(scope="module")
def measured():
    """Return a measured galaxy of one band."""
    galaxy = kurvs_sim.Galaxy(redshift=1.5, inclination_deg=40.0)
    psf = kurvs_sim.PointSpreadFunction("gaussian", 0.6)
    mock = kurvs_sim.observe(galaxy, bands=["H"], psf=psf, halpha_snr=60.0, seed=5)
    return Pipeline(BinningScheme.parse("3x0.4"), seed=4).run(mock)


def parts(thing, depth=3):
    """Yield a measured galaxy and all objects of this product inside it."""
    yield thing
    for value in vars(thing).values() if depth else ():
        for one in value.values() if isinstance(value, dict) else (value,):
            if type(one).__module__.startswith("kurvs_") and is_dataclass(one):
                yield from parts(one, depth - 1)


def test_a_measured_galaxy_and_its_parts_fit_a_screen(measured):
    for part in parts(measured):
        written = repr(part)
        assert len(written) < SCREEN, type(part).__name__
        lines = written.splitlines()
        assert len(lines) <= LINES_OF_A_SCREEN, type(part).__name__


def test_what_the_simulator_takes_fits_a_screen():
    for item in (kurvs_sim.Galaxy(), kurvs_sim.Effects(), kurvs_sim.NoiseModel(),
                 kurvs_sim.Numerics(), kurvs_sim.SpaxelGrid(), kurvs_sim.ExposureModel(),
                 Pipeline(), BinningScheme.parse("3x0.4")):  # fmt: skip
        assert len(repr(item)) < SCREEN


def test_a_short_value_is_shown_and_a_long_one_by_its_shape(measured):
    written = repr(measured)
    assert "redshift_err=" in written
    assert "weights=<float64 array, shape (4, " in written
    assert f"fluxes=<table of {len(measured.fluxes)} rows: aperture, line" in written


def test_a_notebook_shows_the_gradients_as_a_table(measured):
    shown = measured._repr_html_()
    assert shown.count("<tr") == len(measured.gradients) + 2
    assert "forward" in shown
    row = measured.gradients[measured.gradients["estimator"] == "forward"][0]
    assert f"{row['gradient'].value:.4f}" in shown


def test_a_name_in_a_notebook_is_no_markup(measured):
    named = replace(measured, metadata=replace(measured.metadata, name="<script>"))
    assert "<script>" not in named._repr_html_()


def test_a_copy_can_be_compared(measured):
    assert (measured == copy.deepcopy(measured)) in {True, False}
    assert measured == measured  # noqa: PLR0124 - what identity means


def test_tables_and_arrays_say_what_they_hold():
    table = QTable({"radius": [1.0, 2.0]})
    made = make_dataclass("Made", ["table", "array"], repr=False)(table, np.zeros((2, 3)))
    assert short_repr(made) == (
        "Made(\n    table=<table of 2 rows: radius>,\n    array=<float64 array, shape (2, 3)>,\n)"
    )
