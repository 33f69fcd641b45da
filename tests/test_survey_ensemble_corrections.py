"""Slopes of twins, corrected as the survey's were."""

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from experiments.beam_smearing import AXIS_RATIOS, GillmanCurves
from experiments.survey_ensemble_corrections import LARGEST_PUBLISHED, corrected, factors


@pytest.fixture
def curves():
    """Return curves by which less of a gradient is seen the wider the seeing is."""
    x = np.linspace(0.0, 10.0, 101)
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
    found = factors(curves)
    assert found["curves"].size == 43
    assert found["curves"].max() > LARGEST_PUBLISHED
    assert_allclose(found["curves, 2.3 at most"], np.minimum(found["curves"], 2.3))


def test_without_another_factor_gradients_are_those_of_the_twins(numbers):
    assert_allclose(corrected(numbers, None), [[-0.04, 0.04]])


def test_another_factor_multiplies_the_slope_as_measured(numbers):
    assert_allclose(corrected(numbers, np.array([3.0, 1.0])), [[-0.06, 0.01]])
