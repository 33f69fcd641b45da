"""The bias of abundances over mocks is counted as it should be."""

import numpy as np
import pytest
from astropy.table import QTable, vstack

from experiments.studies.abundance_errors import measure_mock, summarise
from experiments.studies.flux_errors import measure_mocks


def rows(deviation, *, per_galaxy=1):
    number = len(deviation)
    return QTable({
        "mock": np.repeat(np.arange(number // per_galaxy), per_galaxy), "aperture": ["A"] * number,
        "quantity": ["n2"] * number, "truth": np.full(number, 8.5), "value": 8.5 + deviation,
        "err_low": np.full(number, 0.1), "err_high": np.full(number, 0.2),
    })  # fmt: skip


def test_bias_and_its_error_are_those_of_the_mean():
    deviation = np.random.default_rng(0).normal(0.03, 0.1, 400)
    found = summarise(rows(deviation))[0]
    assert found["bias"] == pytest.approx(deviation.mean())
    assert found["bias_err"] == pytest.approx(0.1 / 20.0, rel=0.1)


def test_apertures_of_one_galaxy_count_once_in_the_error():
    once = np.random.default_rng(0).normal(0.0, 0.1, 100)
    alone, fourfold = summarise(rows(once))[0], summarise(rows(np.repeat(once, 4), per_galaxy=4))[0]
    assert fourfold["number"] == 4 * alone["number"]
    assert fourfold["bias_err"] == pytest.approx(alone["bias_err"])


def test_pulls_take_the_error_on_the_side_of_the_truth():
    found = summarise(rows(np.array([0.1, -0.2] * 10)))[0]
    assert found["pull_mean"] == pytest.approx(0.0)
    assert found["pull_std"] == pytest.approx(1.0)


def test_values_that_were_not_found_are_counted():
    deviation = np.zeros(20)
    deviation[:3] = np.nan
    assert summarise(rows(deviation))[0]["lost"] == 3


def test_a_quantity_that_was_found_in_few_galaxies_has_no_row():
    rare = rows(np.full(20, np.nan))
    rare["quantity"] = "r3"
    summary = summarise(vstack([rows(np.linspace(-0.1, 0.1, 20)), rare]))
    assert list(summary["quantity"]) == ["n2"]


def test_a_mock_gives_the_same_rows_each_time():
    first, again = measure_mock(2, seed=1), measure_mock(2, seed=1)
    np.testing.assert_array_equal(first["value"], again["value"])


@pytest.mark.statistical
def test_n2_and_n2s2_are_unbiased_with_the_noise_of_real_cubes():
    summary = summarise(measure_mocks(40, seed=0, workers=2, measure=measure_mock))
    for name in ("n2", "n2s2"):
        found = summary[summary["quantity"] == name][0]
        assert abs(found["significance"]) < 3.5, name
        assert 0.7 < found["pull_std"] < 1.3, name
