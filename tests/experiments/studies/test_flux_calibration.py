"""Errors of lines are the errors made, on mocks with the noise of real cubes."""

import numpy as np
import pytest
from astropy.table import QTable

from experiments.studies.flux_errors import empty_counts, measure_mock, measure_mocks, summarise


def rows(truth, pulls, line="halpha"):
    """Lines of unit error as far from the truth as told."""
    number = len(pulls)
    return QTable({
        "mock": np.arange(number), "effective_radius_arcsec": np.full(number, 0.5),
        "aperture": ["A"] * number, "line": [line] * number, "kinematics": ["free"] * number,
        "truth": np.full(number, truth), "flux": truth + pulls, "flux_err": np.ones(number),
    })  # fmt: skip


@pytest.fixture
def pulls():
    return np.random.default_rng(0).standard_normal(400)


def test_pulls_and_bias_of_a_line_are_those_put_in(pulls):
    cell = summarise(rows(50.0, 1.5 * pulls + 0.5))[0]
    assert cell["pull_std"] == pytest.approx(1.5, rel=0.1)
    assert cell["bias"] == pytest.approx(0.5 / 50.0, abs=0.005)
    assert cell["bias_err"] == pytest.approx(1.0 / 50.0 / 20.0)


def test_brightness_is_told_by_the_truth_and_not_by_the_noise(pulls):
    assert set(summarise(rows(5.1, pulls))["brightness"]) == {"bright"}
    assert set(summarise(rows(4.9, pulls))["brightness"]) == {"faint"}


def test_lines_found_in_empty_spectra_are_counted(pulls):
    assert empty_counts(rows(0.0, np.append(pulls, [4.1, 9.0, -6.0]), line="empty")) == {
        "fitted": 403,
        "detected": 2,
    }


def test_a_mock_gives_the_same_rows_each_time():
    first, again = measure_mock(3, seed=1), measure_mock(3, seed=1)
    np.testing.assert_array_equal(first["flux"], again["flux"])


@pytest.mark.statistical
def test_errors_hold_with_the_noise_of_real_cubes():
    table = measure_mocks(60, seed=0, workers=2)
    pull = (table["flux"] - table["truth"]) / table["flux_err"]
    for line in np.unique(table["line"]):
        of_line = np.asarray(pull[(table["line"] == line) & np.isfinite(pull)])
        # Apertures of a galaxy share light: some 100 of 240 pulls are independent.
        assert 0.8 < np.std(of_line) < 1.2, line
        assert abs(np.mean(of_line)) < 0.3, line
    empty = empty_counts(table)
    assert empty["detected"] < empty["fitted"] / 1000
