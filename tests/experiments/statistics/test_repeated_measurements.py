"""Calibration of a normal measurement, whose answers are known."""

import numpy as np
import pytest
from scipy.stats import norm

from experiments.statistics.repeated_measurements import (
    bias_by_truth,
    coverage,
    median_bias,
    rank_histogram,
    rms_error,
    robust_error,
)

NUMBER = 20_000
PRIOR, NOISE = 0.04, 0.03


@pytest.fixture(scope="module")
def linear_gaussian():
    """Truths of a normal prior, measured with normal noise: the posterior is normal."""
    random = np.random.default_rng(1)
    truth = random.normal(0.0, PRIOR, NUMBER)
    found = truth + random.normal(0.0, NOISE, NUMBER)
    width = (NOISE**-2 + PRIOR**-2) ** -0.5
    return truth, found, found * width**2 / NOISE**2, width


def test_coverage_of_right_errors_is_what_they_say(linear_gaussian):
    truth, found, _, _ = linear_gaussian
    inside = coverage(truth, found - NOISE, found + NOISE)
    assert inside.value == pytest.approx(0.6827, abs=4.0 * inside.error)
    assert inside.error == pytest.approx(0.0033, rel=0.02)


def test_coverage_leaves_out_what_has_no_interval():
    inside = coverage([0.0, 0.0, 0.0], [-1.0, np.nan, 1.0], [1.0, np.nan, 2.0])
    assert inside.value == pytest.approx(0.5)


def test_coverage_of_nothing_is_unknown():
    assert np.isnan(coverage([0.0], [np.nan], [np.nan]).value)


def test_robust_and_rms_error_of_normal_noise_are_its_standard_deviation(linear_gaussian):
    truth, found, _, _ = linear_gaussian
    assert robust_error(truth, found) == pytest.approx(NOISE, rel=0.02)
    assert rms_error(truth, found) == pytest.approx(NOISE, rel=0.02)


def test_wild_values_do_not_move_the_robust_error(linear_gaussian):
    truth, found, _, _ = linear_gaussian
    wild = found.copy()
    wild[::100] = 1e3
    assert robust_error(truth, wild) == pytest.approx(NOISE, rel=0.04)


def test_the_median_bias_and_its_error_are_those_put_in(linear_gaussian):
    truth, found, _, _ = linear_gaussian
    bias = median_bias(truth, found + 0.01)
    assert bias.value == pytest.approx(0.01, abs=4.0 * bias.error)
    assert bias.error == pytest.approx(NOISE * np.sqrt(np.pi / 2.0 / NUMBER), rel=0.05)


def test_ranks_of_the_right_posterior_are_uniform(linear_gaussian):
    truth, _, posterior, width = linear_gaussian
    counts, p_value = rank_histogram(norm.cdf(truth, posterior, width))
    assert p_value > 0.01
    np.testing.assert_allclose(counts, 1.0, atol=0.15)


@pytest.mark.parametrize(("factor", "middle"), [(0.5, "below"), (2.0, "above")])
def test_ranks_of_wrong_widths_make_a_trough_or_a_hump(linear_gaussian, factor, middle):
    truth, _, posterior, width = linear_gaussian
    counts, p_value = rank_histogram(norm.cdf(truth, posterior, factor * width))
    assert p_value < 1e-6
    assert (counts[9:11].mean() < counts[[0, -1]].mean()) == (middle == "below")


def test_bias_by_truth_shows_what_a_prior_does(linear_gaussian):
    truth, _, posterior, _ = linear_gaussian
    low, high = bias_by_truth(truth, posterior, [-0.1, -0.03, 0.03, 0.1])[::2]
    assert low.value > 10.0 * low.error
    assert high.value < -10.0 * high.error
