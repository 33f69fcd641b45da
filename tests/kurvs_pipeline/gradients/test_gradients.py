"""A gradient is the weighted slope of the bins that were detected."""

import numpy as np
import pytest

from kurvs_pipeline.gradients.slope import weighted_slope

RADIUS = np.array([2.0, 6.0, 10.0])


def test_a_line_gives_back_its_slope():
    slope = weighted_slope(RADIUS, 8.6 - 0.03 * RADIUS, np.array([0.01, 0.05, 0.2]))
    assert slope.gradient == pytest.approx(-0.03)
    assert slope.flag == "ok"


def test_the_slope_and_its_error_are_those_of_numpy():
    abundance, error = np.array([8.6, 8.45, 8.5]), np.array([0.02, 0.04, 0.1])
    expected, covariance = np.polyfit(RADIUS, abundance, 1, w=1.0 / error, cov="unscaled")
    slope = weighted_slope(RADIUS, abundance, error)
    assert slope.gradient == pytest.approx(expected[0])
    assert slope.gradient_err == pytest.approx(np.sqrt(covariance[0, 0]))


def test_two_bins_give_the_line_between_them():
    slope = weighted_slope(RADIUS, np.array([8.6, np.nan, 8.4]), np.array([0.1, np.nan, 0.1]))
    assert slope.gradient == pytest.approx(-0.2 / 8.0)
    assert (slope.n_bins, slope.flag) == (2, "two_bins")


def test_one_bin_gives_no_number():
    slope = weighted_slope(RADIUS, np.array([8.6, np.nan, np.nan]), np.full(3, 0.1))
    assert np.isnan(slope.gradient)
    assert slope.flag == "too_few_bins"
