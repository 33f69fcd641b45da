"""Posteriors on a grid: normal ones have known answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from kurvs_pipeline.gradients.forward.posterior import (
    GradientPosterior,
    _damped_step,
    _Expansion,
)

MEANS = np.array([-0.05, 0.0, 0.031])
WIDTH = 0.01


@pytest.fixture
def normal():
    gradient = MEANS[:, None] + WIDTH * np.linspace(-5.0, 5.0, 25)
    return GradientPosterior(gradient, -0.5 * ((gradient - MEANS[:, None]) / WIDTH) ** 2)


def test_the_mode_of_a_normal_posterior_is_its_mean(normal):
    np.testing.assert_allclose(normal.mode, MEANS, atol=1e-10)


def test_the_mode_is_found_between_the_points_of_the_grid():
    gradient = np.linspace(-0.1, 0.1, 25)[None]
    posterior = GradientPosterior(gradient, -0.5 * ((gradient - 0.0123) / 0.02) ** 2)
    np.testing.assert_allclose(posterior.mode, 0.0123, atol=1e-10)


def test_quantiles_are_those_of_the_normal_distribution(normal):
    fractions = np.array([0.025, 0.15865, 0.5, 0.84135, 0.975])
    expected = MEANS[:, None] + WIDTH * norm.ppf(fractions)
    np.testing.assert_allclose(normal.quantile(fractions), expected, atol=0.03 * WIDTH)


def test_the_rank_of_a_gradient_is_the_probability_below_it(normal):
    given_at = MEANS + np.array([-1.0, 0.0, 2.0]) * WIDTH
    np.testing.assert_allclose(normal.rank(given_at), norm.cdf([-1.0, 0.0, 2.0]), atol=0.01)


def test_a_rank_beyond_the_grid_is_zero_or_one(normal):
    np.testing.assert_array_equal(normal.rank(-1.0), 0.0)
    np.testing.assert_array_equal(normal.rank(1.0), 1.0)


def test_likelihood_intervals_of_a_normal_likelihood_are_its_standard_deviations(normal):
    for number in (1.0, 1.96):
        low, high = normal.likelihood_interval(number)
        np.testing.assert_allclose(low, MEANS - number * WIDTH, atol=1e-6)
        np.testing.assert_allclose(high, MEANS + number * WIDTH, atol=1e-6)


def test_a_likelihood_interval_does_not_depend_on_what_is_measured_by():
    """The interval of g is that of exp(g): quantiles with a flat prior are not."""
    gradient = np.linspace(-0.2, 0.2, 201)[None]
    skewed = GradientPosterior(gradient, -0.5 * ((np.exp(10.0 * gradient) - 1.0) / 0.3) ** 2)
    low, high = skewed.likelihood_interval(1.0)
    assert low[0] == pytest.approx(np.log(0.7) / 10.0, abs=1e-4)
    assert high[0] == pytest.approx(np.log(1.3) / 10.0, abs=1e-4)


@given(mean=st.floats(-0.05, 0.05), scatter=st.floats(0.01, 0.1))
def test_a_normal_prior_gives_the_product_of_normal_distributions(mean, scatter):
    gradient = np.linspace(-0.1, 0.1, 81)[None]
    flat = GradientPosterior(gradient, -0.5 * ((gradient - 0.02) / 0.015) ** 2)
    posterior = flat.with_prior(mean, scatter)
    weight = 0.015**-2 / (0.015**-2 + scatter**-2)
    np.testing.assert_allclose(posterior.mode, weight * 0.02 + (1.0 - weight) * mean, atol=1e-9)


def test_a_posterior_that_rises_to_the_end_of_its_prior_has_its_mode_there():
    gradient = np.linspace(-0.4, 0.4, 25)[None]
    posterior = GradientPosterior(gradient, 5.0 * gradient)
    assert posterior.mode[0] == pytest.approx(0.4, abs=0.04)


def test_parameters_that_cannot_be_told_apart_share_the_step():
    """As where damaged voxels of 1e38 leave one direction only."""
    precision, downhill = np.ones((1, 2, 2)), np.array([[1.0, 1.0]])
    expansion = _Expansion(np.zeros((1, 2)), np.zeros(1), downhill, precision)
    np.testing.assert_allclose(_damped_step(expansion, np.zeros(1)), [[0.5, 0.5]], rtol=1e-12)
