"""Radial profiles of a simulated galaxy."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kurvs_pipeline.errors import MetadataError
from kurvs_sim.profiles import Arctan, Constant, Exponential, Linear, RadialProfile

PROFILES = (
    Constant(0.4),
    Exponential(central=1.2, scale_length=3.0),
    Linear(central=8.7, gradient=-0.03),
    Arctan(asymptote=200.0, turnover_radius=1.0),
)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: type(p).__name__)
def test_a_profile_is_a_value_that_pickles_and_whose_repr_evaluates(profile):
    assert isinstance(profile, RadialProfile)
    assert pickle.loads(pickle.dumps(profile)) == profile  # noqa: S301
    assert eval(repr(profile)) == profile  # noqa: S307
    assert hash(profile) == hash(pickle.loads(pickle.dumps(profile)))  # noqa: S301


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: type(p).__name__)
def test_a_profile_keeps_the_shape_of_the_radius(profile):
    assert profile(np.ones((3, 4))).shape == (3, 4)
    assert profile(1.0).shape == ()


def test_an_exponential_falls_by_e_in_a_scale_length():
    assert Exponential(central=2.0, scale_length=3.0)(3.0) == pytest.approx(2.0 / np.e)


def test_an_arctan_reaches_half_its_asymptote_at_the_turnover_radius():
    assert Arctan(asymptote=200.0, turnover_radius=1.5)(1.5) == pytest.approx(100.0)


@given(st.floats(0.0, 1e6), st.floats(-10.0, 10.0))
def test_a_linear_profile_never_leaves_its_limits(radius, gradient):
    assert 7.0 <= Linear(central=8.5, gradient=gradient)(radius) <= 9.2


@pytest.mark.parametrize(
    "build",
    [
        lambda: Exponential(central=1.0, scale_length=0.0),
        lambda: Linear(central=12.0, gradient=0.0),
        lambda: Linear(central=8.0, gradient=float("nan")),
        lambda: Arctan(asymptote=-100.0, turnover_radius=1.0),
        lambda: Constant(float("inf")),
    ],
)
def test_an_impossible_profile_is_refused(build):
    with pytest.raises(MetadataError, match="expected"):
        build()
