"""Slopes of twins, corrected as the survey's were."""

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from experiments.beam_smearing.f_grad import AXIS_RATIOS, GillmanCurves
from experiments.studies.ensemble.corrections import LIMITED, corrected, factors, summary
from experiments.survey.statistics import SurveyTable
from experiments.survey.twin import INTRINSIC
from kurvs_sim.survey.catalogue import kurvs_catalogue


@pytest.fixture
def curves():
    """Return curves by which slopes are to be multiplied by 1 + seeing / effective radius."""
    x = np.linspace(0.0, 10.0, 10_001)
    return GillmanCurves(dict.fromkeys(AXIS_RATIOS, (x, 1.0 / (1.0 + x))))


@pytest.fixture
def numbers():
    """Return one twin of two galaxies with slopes of -0.02 and 0.01, corrected by 2 and 4."""
    dims = ("twin", "galaxy", "scheme", "diagnostic")
    slope, factor = np.array([-0.02, 0.01]), np.array([2.0, 4.0])
    values = {"gradient": slope * factor, "f_grad": factor}
    return xr.Dataset(
        {name: (dims, value.reshape(1, 2, 1, 1)) for name, value in values.items()},
        coords={"diagnostic": ["n2"]},
    )


def test_factors_are_those_of_the_curves_and_limited(curves):
    """Behind the survey's seeing of 0.6 arcsec."""
    found = factors(curves)
    expected = [1.0 + 0.6 / g.effective_radius_arcsec for g in kurvs_catalogue().values()]
    assert min(expected) < 2.3 < max(expected)
    assert_allclose(found["curves"], expected, rtol=1e-6)
    assert LIMITED == "curves, 2.3 at most"
    assert_allclose(found[LIMITED], [min(factor, 2.3) for factor in expected], rtol=1e-6)
    assert_allclose(found["none"], 1.0)


def test_without_another_factor_gradients_are_those_of_the_twins(numbers):
    assert_allclose(corrected(numbers, None), [[-0.04, 0.04]])


def test_another_factor_multiplies_the_slope_as_measured(numbers):
    assert_allclose(corrected(numbers, np.array([3.0, 1.0])), [[-0.06, 0.01]])


def twins_of(gradient, *, number):
    """Return twins that all have these gradients, in every distribution."""
    dims = ("definition", "intrinsic", "twin", "galaxy", "scheme", "diagnostic")
    shape = (1, len(INTRINSIC), number, gradient.size, 1, 1)
    values = np.broadcast_to(gradient.reshape(1, 1, 1, -1, 1, 1), shape)
    return xr.Dataset(
        {"gradient": (dims, values), "f_grad": (dims, np.full(shape, 2.0))},
        coords={"definition": ["published"], "intrinsic": list(INTRINSIC), "diagnostic": ["n2"]},
    )


def p_values(twins, factor=None):
    """Return those of every statistic, which is the same in all distributions."""
    table = summary(twins, {"of the test": factor})
    assert list(dict.fromkeys(table["intrinsic"])) == list(INTRINSIC)
    return {row["statistic"]: row["p_value"] for row in table}


def test_twins_with_the_published_gradients_are_like_the_survey():
    published = SurveyTable.published().gradient["n2"]
    expected = dict.fromkeys(("median", "percentile_16", "percentile_84", "width"), 1.0)
    assert p_values(twins_of(published, number=9)) == expected


def test_shifted_twins_are_as_unlike_the_survey_as_their_number_can_tell():
    shifted = SurveyTable.published().gradient["n2"] + 0.02
    found = p_values(twins_of(shifted, number=9))
    for name in ("median", "percentile_16", "percentile_84"):
        assert found[name] == pytest.approx(2.0 / 10.0)


def test_twins_without_a_correction_are_compared_with_nothing():
    published = SurveyTable.published().gradient["n2"]
    twins = twins_of(published, number=3)
    table = summary(twins, {"none": np.ones(published.size)})
    assert np.isnan(table["p_value"]).all()
    middle = table["median"][table["statistic"] == "median"]
    assert_allclose(middle, 0.5 * np.nanmedian(published))


def test_a_summary_corrects_the_slopes_before_it_counts():
    published = SurveyTable.published().gradient["n2"]
    doubled = p_values(twins_of(2.0 * published, number=9))
    assert doubled["width"] == pytest.approx(0.2)
    halved = p_values(twins_of(2.0 * published, number=9), np.ones(published.size))
    assert halved["width"] == 1.0
