"""The intrinsic mean and scatter of a sample: normal errors have known answers."""

import numpy as np
import pytest
from scipy.stats import norm

from kurvs_pipeline.errors import FitError
from kurvs_pipeline.gradients.forward.posterior import GradientPosterior
from kurvs_pipeline.gradients.population import GRADIENTS, MEANS, SCATTERS, Population

MEAN, SCATTER = -0.01, 0.035


def sample(number, seed, *, error=0.02):
    random = np.random.default_rng(seed)
    errors = error * random.uniform(0.5, 2.0, number)
    truth = random.normal(MEAN, SCATTER, number)
    return truth + errors * random.standard_normal(number), errors


def test_the_posterior_is_that_of_normal_distributions():
    gradient, error = sample(10, 1)
    density = Population.of_measurements(gradient, error).posterior().density
    width = np.hypot(error, SCATTERS[:, None])
    log_expected = norm.logpdf(gradient, MEANS[:, None, None], width).sum(axis=2)
    expected = np.exp(log_expected - log_expected.max())
    np.testing.assert_allclose(density, expected / expected.sum(), atol=1e-4)


def test_exact_gradients_have_the_mean_and_scatter_of_their_values():
    gradient = np.random.default_rng(2).normal(MEAN, SCATTER, 300)
    found = Population.of_measurements(gradient, np.full(300, 0.002)).posterior()
    assert found.mean[0] == pytest.approx(gradient.mean(), abs=1e-3)
    assert found.scatter[0] == pytest.approx(gradient.std(), abs=1e-3)
    assert found.mean[1] == pytest.approx(gradient.std() / np.sqrt(300), rel=0.05)


def test_errors_do_not_pass_for_scatter():
    random = np.random.default_rng(3)
    gradient = random.normal(0.0, 0.03, 300)
    found = Population.of_measurements(gradient, np.full(300, 0.03)).posterior()
    assert found.scatter[0] < 0.01


def test_a_galaxy_that_says_nothing_changes_nothing():
    gradient, error = sample(20, 4)
    without = Population.of_measurements(gradient, error).posterior()
    silent = Population.of_measurements([*gradient, 0.3], [*error, 1e3]).posterior()
    assert silent.mean[0] == pytest.approx(without.mean[0], abs=1e-5)
    assert silent.scatter[0] == pytest.approx(without.scatter[0], abs=1e-5)


def test_likelihoods_of_fitted_galaxies_are_taken_as_they_are():
    gradient, error = sample(20, 5)
    grid = np.linspace(-6.0, 6.0, 61)
    fitted = [
        GradientPosterior((g + e * grid)[None], -0.5 * grid[None] ** 2)
        for g, e in zip(gradient, error, strict=True)
    ]
    found = Population.of_posteriors(fitted).posterior()
    expected = Population.of_measurements(gradient, error).posterior()
    assert found.mean == pytest.approx(expected.mean, abs=1e-4)
    assert found.scatter == pytest.approx(expected.scatter, abs=1e-4)


def test_selection_by_what_was_measured_is_corrected():
    """Only gradients that came out above -0.01 are kept: the mean shifts, and comes back."""
    random = np.random.default_rng(6)
    gradient = random.normal(MEAN, SCATTER, 2000) + 0.02 * random.standard_normal(2000)
    kept = gradient[gradient > -0.01]
    blind = Population.of_measurements(kept, np.full(kept.size, 0.02))
    chance = np.tile(norm.cdf(GRADIENTS, -0.01, 0.02), (kept.size, 1))
    aware = Population(blind.likelihood, chance).posterior()
    assert blind.posterior().mean[0] > MEAN + 0.01
    assert aware.mean[0] == pytest.approx(MEAN, abs=3.0 * aware.mean[1])
    assert aware.scatter[0] == pytest.approx(SCATTER, abs=3.0 * aware.scatter[1])


@pytest.mark.statistical
def test_intervals_of_mean_and_scatter_hold_the_truth_as_often_as_they_say():
    inside = []
    for seed in range(150):
        found = Population.of_measurements(*sample(34, seed)).posterior()
        ends = found.interval("mean"), found.interval("scatter")
        inside.append(
            [low < true < high for (low, high), true in zip(ends, (MEAN, SCATTER), strict=True)]
        )
    # The binomial error of 150 samples is 0.038.
    np.testing.assert_allclose(np.mean(inside, axis=0), 0.683, atol=0.1)


def test_one_galaxy_has_no_scatter():
    with pytest.raises(FitError, match="1 galaxies"):
        Population.of_measurements([0.0], [0.01]).posterior()


@pytest.mark.parametrize(("gradient", "error"), [(np.nan, 0.01), (0.0, 0.0), (0.0, np.nan)])
def test_galaxies_without_a_gradient_are_refused(gradient, error):
    with pytest.raises(FitError, match="finite"):
        Population.of_measurements([0.0, gradient], [0.01, error])


def test_gradients_in_another_unit_are_refused():
    with pytest.raises(FitError, match="dex/kpc"):
        Population.of_measurements([0.0, 5.0], [0.01, 0.01])
