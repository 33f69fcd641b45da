"""Radial profiles of a simulated galaxy."""

import numpy as np
import pytest
from astropy.modeling.models import Sersic1D
from hypothesis import given
from hypothesis import strategies as st
from mock_checks import assert_is_a_value
from profile_examples import PROFILES
from scipy.integrate import quad

from kurvs_pipeline.errors import MetadataError
from kurvs_sim.profiles.radial import (
    Arctan,
    Constant,
    Exponential,
    Linear,
    Product,
    RadialProfile,
    Sum,
)
from kurvs_sim.profiles.shapes import Broken, FreemanDisk, Ring, Sersic, Tabulated

RADII = np.linspace(0.0, 20.0, 41)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: type(p).__name__)
def test_a_profile_is_a_value_that_pickles_and_whose_repr_evaluates(profile):
    assert isinstance(profile, RadialProfile)
    assert_is_a_value(profile)


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


@pytest.mark.parametrize("index", [0.5, 1.0, 2.5, 4.0])
def test_a_sersic_profile_is_that_of_astropy(index):
    found = Sersic(at_effective_radius=2.0, effective_radius=3.0, index=index)(RADII)
    np.testing.assert_allclose(found, Sersic1D(amplitude=2.0, r_eff=3.0, n=index)(RADII))


def test_a_sersic_profile_of_index_1_is_exponential():
    profile = Sersic(at_effective_radius=1.0, effective_radius=1.67834699, index=1.0)
    np.testing.assert_allclose(
        profile(RADII) / profile(0.0), Exponential(central=1.0, scale_length=1.0)(RADII), rtol=1e-6
    )


def test_half_of_the_light_of_a_sersic_profile_is_within_its_effective_radius():
    profile = Sersic(at_effective_radius=1.0, effective_radius=2.0, index=3.0)
    inside, everything = (
        quad(lambda r: float(profile(r)) * r, 0.0, edge, limit=200)[0] for edge in (2.0, 2000.0)
    )
    assert inside / everything == pytest.approx(0.5, abs=1e-4)


def test_a_ring_peaks_where_it_is():
    profile = Ring(peak=0.3, ring_radius=4.0, ring_sigma=1.0)
    assert profile(4.0) == 0.3
    assert profile(5.0) == profile(3.0) == pytest.approx(0.3 * np.exp(-0.5))


def test_a_broken_line_has_one_gradient_inside_and_another_outside():
    profile = Broken(central=8.8, inner_gradient=-0.05, outer_gradient=0.02, break_radius=4.0)
    np.testing.assert_allclose(profile([0.0, 2.0, 4.0, 6.0]), [8.8, 8.7, 8.6, 8.64])


def test_a_table_is_kept_constant_beyond_its_ends():
    profile = Tabulated(radius=(1.0, 3.0), value=(5.0, 7.0))
    np.testing.assert_allclose(profile([0.0, 1.0, 2.0, 3.0, 9.0]), [5.0, 5.0, 6.0, 7.0, 7.0])


def test_a_freeman_disk_peaks_at_2_15_scale_lengths():
    profile, fine = FreemanDisk(peak=220.0, scale_length=2.0), np.linspace(0.0, 20.0, 200_001)
    assert fine[np.argmax(profile(fine))] == pytest.approx(2.15 * 2.0, abs=0.01)
    assert np.max(profile(fine)) == pytest.approx(220.0)


def test_a_freeman_disk_is_keplerian_far_out():
    profile = FreemanDisk(peak=220.0, scale_length=1.0)
    assert profile(400.0) / profile(100.0) == pytest.approx(0.5, rel=1e-3)


def test_a_freeman_disk_is_at_rest_at_its_centre():
    assert FreemanDisk(peak=220.0, scale_length=1.0)(0.0) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: type(p).__name__)
def test_profiles_add_and_multiply_as_their_values_do(profile):
    other = Ring(peak=0.3, ring_radius=4.0, ring_sigma=1.0)
    np.testing.assert_allclose((profile + other)(RADII), profile(RADII) + other(RADII))
    np.testing.assert_allclose((profile * other)(RADII), profile(RADII) * other(RADII))


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_numbers_may_stand_on_either_side(added, factor):
    profile = Exponential(central=1.0, scale_length=2.0)
    np.testing.assert_allclose((factor * profile + added)(RADII), factor * profile(RADII) + added)
    np.testing.assert_allclose((added + profile * factor)(RADII), factor * profile(RADII) + added)


def test_sums_of_sums_are_one_sum():
    a, b, c = Constant(1.0), Constant(2.0), Constant(3.0)
    assert (a + b) + c == a + (b + c) == Sum((a, b, c))
    assert (a * b) * c == Product((a, b, c))


@pytest.mark.parametrize(
    "build",
    [
        lambda: Sersic(at_effective_radius=1.0, effective_radius=-1.0, index=1.0),
        lambda: Sersic(at_effective_radius=1.0, effective_radius=1.0, index=0.0),
        lambda: Ring(peak=1.0, ring_radius=2.0, ring_sigma=0.0),
        lambda: Broken(central=5.0, inner_gradient=0.0, outer_gradient=0.0, break_radius=1.0),
        lambda: Tabulated(radius=(0.0, 0.0), value=(1.0, 2.0)),
        lambda: Tabulated(radius=(0.0, 1.0), value=(1.0,)),
        lambda: Tabulated(radius=(0.0, 1.0), value=(1.0, float("nan"))),
        lambda: FreemanDisk(peak=float("nan"), scale_length=1.0),
        lambda: Sum(()),
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


@pytest.mark.parametrize("number", [2, 2.0, np.float32(2.0), np.int64(2)])
def test_profiles_take_numbers_of_any_kind(number):
    assert float((Constant(3.0) + number)(1.0)) == 5.0
    assert float((number * Constant(3.0))(1.0)) == 6.0
