"""What is known of the seeing, and what is assumed where little is said."""

import math

import numpy as np
import pytest

from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_pipeline.smearing.point_spread import Seeing
from kurvs_pipeline.smearing.seeing import SeeingKnowledge

GAUSSIAN = ObservationMetadata(seeing_fwhm_arcsec=0.6)
MOFFAT = ObservationMetadata(seeing_fwhm_arcsec=0.6, psf_kind="moffat", psf_moffat_beta=2.5)
KOLMOGOROV = ObservationMetadata(seeing_fwhm_arcsec=0.6, psf_kind="kolmogorov")


def test_exact_seeing_is_as_stated_and_has_nothing_to_vary():
    assert SeeingKnowledge.exact(GAUSSIAN).best == Seeing(0.6)
    assert SeeingKnowledge.exact(MOFFAT).best == Seeing(0.6, "moffat", 2.5)
    assert SeeingKnowledge.exact(MOFFAT).directions.shape == (0, 2)


def test_a_kolmogorov_profile_is_near_its_moffat():
    near, exact = SeeingKnowledge.exact(KOLMOGOROV).best, Seeing(0.6, "kolmogorov")
    wavenumber = np.linspace(0.0, 10.0, 20)
    there, here = (one.transform(wavenumber, np.zeros(20)) for one in (exact, near))
    np.testing.assert_allclose(here, there, atol=0.03)


def test_a_gaussian_that_is_stated_leaves_the_wings_open():
    assumed = SeeingKnowledge.assumed(GAUSSIAN)
    assert assumed.inverse_beta - 1.5 * assumed.inverse_beta_err < 0.0
    assert assumed.inverse_beta + 2.2 * assumed.inverse_beta_err > 1.0 / 3.0


def test_wings_that_are_stated_are_believed_with_an_error():
    assumed = SeeingKnowledge.assumed(MOFFAT)
    assert assumed.inverse_beta == pytest.approx(0.4)
    assert 0.0 < assumed.inverse_beta_err < 0.1


def test_directions_have_the_covariance_of_the_errors():
    known = SeeingKnowledge(0.6, 0.3, 0.05, 0.04, -0.7)
    covariance = known.directions.T @ known.directions
    expected = [[0.05**2, -0.7 * 0.05 * 0.04], [-0.7 * 0.05 * 0.04, 0.04**2]]
    np.testing.assert_allclose(covariance, expected)


def test_wings_do_not_go_below_those_of_a_gaussian():
    known = SeeingKnowledge(0.6, 0.05, 0.0, 0.1)
    assert known.moved(np.array([0.0, -0.1])) == Seeing(0.6)


def test_a_move_in_width_is_relative():
    moved = SeeingKnowledge(0.6).moved(np.array([math.log(1.1), 0.0]))
    assert moved.fwhm_arcsec == pytest.approx(0.66)


@pytest.mark.parametrize(
    "impossible",
    [{"fwhm_arcsec": 0.0}, {"fwhm_arcsec": math.nan}, {"inverse_beta": 1.0},
     {"inverse_beta": -0.1}, {"log_fwhm_err": -0.1}, {"inverse_beta_err": math.nan},
     {"correlation": 1.0}],
)  # fmt: skip
def test_impossible_values_are_refused(impossible):
    with pytest.raises(MetadataError):
        SeeingKnowledge(**({"fwhm_arcsec": 0.6} | impossible))
