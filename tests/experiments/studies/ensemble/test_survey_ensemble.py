"""The published statistics, and ensembles of twins."""

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_array_equal

from experiments.campaign.campaign import run_campaign
from experiments.statistics.correlation import pearson
from experiments.studies.ensemble.ensemble import SurveyEnsemble, as_twins
from experiments.studies.ensemble.report import error_statistics, mixed, p_value
from experiments.survey.numbers import FORWARD, empty_numbers
from experiments.survey.statistics import PUBLISHED, SurveyTable, drawn_pearson, twin_statistics
from kurvs_sim.survey.catalogue import kurvs_catalogue


@pytest.fixture
def rng():
    return np.random.default_rng(2025)


def test_table_1_has_the_published_statistics():
    found = SurveyTable.published().statistics()
    for name in ("n_n2", "n_n2o2", "n_r23"):
        assert found[name] == PUBLISHED[name]
    for name in ("median", "percentile_16", "percentile_84"):
        assert found[name] == pytest.approx(PUBLISHED[name], abs=0.006)


def test_the_published_error_of_the_correlation_comes_from_drawing_errors_again():
    table = SurveyTable.published()
    n2, n2o2 = table.columns("n2"), table.columns("n2o2")
    assert pearson(n2[0], n2o2[0]) == pytest.approx(PUBLISHED["r_n2_n2o2"], abs=0.001)
    mean, scatter = drawn_pearson(n2, n2o2)
    assert scatter == pytest.approx(0.44, abs=0.03)
    assert abs(mean - PUBLISHED["mean_r_n2_n2o2"]) < 0.1


def test_drawing_errors_again_takes_correlations_towards_zero(rng):
    truth = rng.standard_normal(4000)
    error = np.ones(4000)
    first, second = (truth + rng.standard_normal(4000) for _ in range(2))
    # Of variances 1, 1 + 1 and 1 + 1 + 1.
    assert pearson(first, second) == pytest.approx(1.0 / 2.0, abs=0.03)
    assert drawn_pearson((first, error), (second, error))[0] == pytest.approx(1.0 / 3.0, abs=0.03)


def _measured(truth, slopes, forward):
    """Return the numbers of a twin with these gradients by N2, and none by the rest."""
    alike = empty_numbers().sel(definition="published").expand_dims(galaxy=truth.size)
    numbers = alike.copy(deep=True)
    numbers["gradient_true"][:] = truth
    numbers["gradient"].loc[{"scheme": "3x0.5", "diagnostic": "n2"}] = slopes
    for estimator, values in forward.items():
        numbers["forward_gradient"].loc[{"estimator": estimator}] = values
    return numbers


def test_robust_errors_are_the_sigmas_that_gradients_were_drawn_with(rng):
    truth = rng.normal(0.0, 0.04, 8000)
    sigmas = {"slope": 0.03, "forward": 0.02, "forward_prior": 0.01}
    drawn = {name: truth + sigma * rng.standard_normal(8000) for name, sigma in sigmas.items()}
    for values in drawn.values():
        values[:80] = 5.0
    found = error_statistics(_measured(truth, drawn.pop("slope"), drawn))
    for name, sigma in sigmas.items():
        # Of 8000, 1 per cent of them far off.
        assert found[f"error_{name}"] == pytest.approx(sigma, rel=0.06)


def test_forward_errors_are_those_of_galaxies_with_a_slope():
    truth, slopes = np.zeros(5), np.array([0.01, 0.02, 0.03, np.nan, np.nan])
    forward = np.array([0.02, 0.04, 0.06, 1.0, 2.0])
    found = error_statistics(_measured(truth, slopes, dict.fromkeys(FORWARD, forward)))
    assert found["error_slope"] == pytest.approx(1.4826 * 0.02, rel=1e-4)
    assert found["error_forward"] == pytest.approx(1.4826 * 0.04, rel=1e-4)
    assert found["error_forward_prior"] == found["error_forward"]


@pytest.mark.parametrize(
    ("published", "expected"), [(0.0, 2.0 / 101.0), (49.5, 1.0), (97.5, 8.0 / 101.0)]
)
def test_p_values_count_the_twins_beyond(published, expected):
    assert p_value(np.arange(1.0, 101.0), published) == pytest.approx(expected, abs=0.011)


def test_p_values_are_uniform_where_the_twins_are_like_the_survey(rng):
    found = [p_value(rng.standard_normal(99), rng.standard_normal()) for _ in range(3000)]
    assert np.mean(np.array(found) <= 0.1) == pytest.approx(0.1, abs=0.02)


def test_tasks_take_turns_between_distributions_then_galaxies():
    ensemble = SurveyEnsemble(2, seed=4)
    assert ensemble.n_tasks == 2 * 43 * 3
    members = [ensemble.member(number) for number in (0, 1, 2, 3, 129)]
    assert [m.kurvs_id for m in members] == [1, 1, 1, 2, 1]
    assert members[0].gradient == 0.0
    assert members[2].gradient == -0.05
    assert members[0].draws_seed != members[4].draws_seed


def _results(n_twins):
    """Return the results of a campaign whose numbers say which task they are of."""
    ensemble = SurveyEnsemble(n_twins)
    numbers = xr.concat([empty_numbers()] * ensemble.n_tasks, "task")
    numbers["gradient_true"][:] = np.arange(ensemble.n_tasks)
    done = np.ones(ensemble.n_tasks, dtype=bool)
    return numbers.assign(done=("task", done), failed=("task", ~done))


def test_results_become_twins_and_unfinished_ones_are_left_out():
    results = _results(2)
    results["done"][200] = False
    twins = as_twins(results)
    assert dict(twins.sizes) | {"twin": 1, "galaxy": 43, "intrinsic": 3} == dict(twins.sizes)
    assert_array_equal(twins["galaxy"], list(kurvs_catalogue()))
    assert float(twins["gradient_true"].sel(galaxy=2, intrinsic="steep")[0]) == 5.0


def test_mixed_twins_hold_each_galaxy_of_some_twin():
    twins = as_twins(_results(3))
    many = mixed(twins, 5)
    assert many.sizes["twin"] == 5
    first = many["gradient_true"].sel(galaxy=1, intrinsic="flat").to_numpy()
    assert set(first) <= {0.0, 129.0, 258.0}
    whole = twin_statistics(many.isel(twin=0).sel(definition="published", intrinsic="flat"))
    assert whole["n_n2"] == 0.0


class FewGalaxies(SurveyEnsemble):
    """The first galaxies of an ensemble."""

    @property
    def n_tasks(self):
        return 3


def test_a_campaign_of_galaxies_is_reproducible(tmp_path):
    ensemble = FewGalaxies(1, seed=2)
    results = run_campaign(ensemble, tmp_path / "few.zarr").results
    assert results["done"].all()
    assert_array_equal(results["kurvs_id"], 1)
    assert np.isfinite(results["flux"].sel(line="halpha", aperture="integrated")).all()
    again = ensemble.run(1)
    xr.testing.assert_identical(
        results[list(again.data_vars)].isel(task=1).reset_coords(drop=True).drop_attrs(),
        again.reset_coords(drop=True).drop_attrs(),
    )
