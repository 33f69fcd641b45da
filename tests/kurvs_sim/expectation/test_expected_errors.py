"""Expected errors of integrated lines, as they are and as the survey states them."""

import math
from dataclasses import replace

import numpy as np
import pytest

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import ConfigurationError
from kurvs_sim import ExposureModel, Galaxy, PointSpreadFunction, SpaxelGrid
from kurvs_sim.expectation.errors import BAND_OF_LINE, IntegratedExpectation, _interpolated
from kurvs_sim.expectation.least_squares import LeastSquares, LineModel
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.numerics import Numerics
from kurvs_sim.scene.scene import Scene
from kurvs_sim.survey.galaxies import kurvs_galaxy

YJ = KMOS_BANDS["YJ"]
SIGMA_UM = 10.0 * YJ.channel_width_um
LINE = LineModel(YJ, (("hbeta", 3.0),), redshift=1.5, sigma_um=SIGMA_UM)
WHITE = np.full(YJ.n_channels, 4.0)
GALAXY = Galaxy(redshift=1.5, inclination_deg=40.0, effective_radius_arcsec=0.4)


def expectation(exposures=None, *, galaxy=GALAXY, covariance=None):
    scene = Scene(galaxy, SpaxelGrid(), PointSpreadFunction(), Numerics())
    return IntegratedExpectation(scene, exposures or ExposureModel(), covariance)


def flux_variance(correlation=0.0, **free):
    derivatives = LINE.derivatives(**{"continuum": False, **free})
    return LeastSquares(derivatives, WHITE).variance([0], WHITE, correlation_channels=correlation)


def test_the_flux_of_a_gaussian_in_white_noise_has_its_textbook_error():
    # Square of the noise over the integral of the squared profile, 1 / (2 sqrt(pi) sigma).
    expected = 4.0 * 2.0 * math.sqrt(math.pi) * SIGMA_UM * YJ.channel_width_um
    assert flux_variance() == pytest.approx(expected, rel=2e-3)
    assert flux_variance(free_position=True) == pytest.approx(expected, rel=2e-3)


def test_a_free_width_raises_the_variance_of_the_flux_by_a_half():
    # Fisher: 1 - I_Fs^2 / (I_FF I_ss) = 2/3 for a Gaussian.
    assert flux_variance(free_width=True) / flux_variance() == pytest.approx(1.5, rel=2e-3)


def test_neighbours_that_correlate_raise_the_variance_of_a_broad_line():
    # Of weights wider than a channel, each neighbour adds its whole correlation.
    assert flux_variance(0.07) / flux_variance() == pytest.approx(1.14, rel=2e-3)


def test_channels_that_the_fit_does_not_see_do_not_matter():
    near = np.abs(YJ.wavelength_um - 1.2157) < 8.0 * SIGMA_UM
    fit = LeastSquares(LINE.derivatives(continuum=False), np.where(near, 1.0, np.inf))
    loud = np.where(near, 4.0, 1e12)
    assert fit.variance([0], loud) == pytest.approx(flux_variance(), rel=1e-6)


def test_interpolated_noise_has_the_variance_of_drawn_noise():
    random = np.random.default_rng(4)
    white = random.standard_normal((3, 200_000))
    first, second = random.random((2, 200_000))
    once = (1.0 - first) * white[:-1] + first * white[1:]
    twice = (1.0 - second) * once[0] + second * once[1]
    square, neighbours = _interpolated(1.0, 0.0)
    assert once.var() == pytest.approx(square, rel=0.01)
    assert np.mean(once[0] * once[1]) == pytest.approx(neighbours, rel=0.02)
    assert twice.var() == pytest.approx(_interpolated(square, neighbours)[0], rel=0.01)


@pytest.mark.parametrize("line", list(BAND_OF_LINE))
def test_all_errors_fall_as_the_root_of_the_number_of_exposures(line):
    few = ExposureModel()
    many = replace(few, **{
        name: replace(getattr(few, name), n_exposures=4 * getattr(few, name).n_exposures)
        for name in ("iz", "yj", "h")
    })  # fmt: skip
    one, other = expectation(few).expected(line), expectation(many).expected(line)
    assert other.flux == one.flux
    for name in ("calibrated_error", "published_error", "published_scatter"):
        assert getattr(one, name) / getattr(other, name) == pytest.approx(2.0, rel=1e-5)


def test_ratios_are_flux_over_error():
    line = expectation().expected("halpha")
    assert line.calibrated_snr == line.flux / line.calibrated_error
    assert line.published_snr == line.flux / line.published_error


def test_a_fit_with_the_right_weights_beats_one_without():
    # At a known width and continuum; so for lines that take the kinematics of H-alpha.
    expected = expectation(covariance=NoiseCovariance())
    for line in ("hbeta", "oiii_5007", "oii"):
        found = expected.expected(line)
        assert found.calibrated_error < found.published_scatter


def test_the_weaker_line_of_a_doublet_counts_where_the_stronger_lies_under_airglow():
    """[O III] 5007 of KURVS 5 is on an OH line. Without 4959 the error is far larger."""
    band = expectation(galaxy=kurvs_galaxy(5)).bands["YJ"]
    near_5007 = np.abs(band.band.wavelength_um / (2.51724 * 0.500824) - 1.0) < 2000.0 / 299792.458
    alone = LeastSquares(
        LineModel(band.band, (("oiii_5007", 1.0),), 1.51724, 4e-4).derivatives(),
        np.where(near_5007, band.channel_variance, np.inf),
    ).variance([0], band.channel_variance)
    assert band.calibrated_error(["oiii_5007"]) < 0.75 * np.sqrt(alone)


def test_a_line_beyond_the_grating_is_not_usable():
    # [O III] of KURVS 43 lies at 1.356 um; YJ ends at 1.34.
    expected = expectation(galaxy=kurvs_galaxy(43))
    assert not expected.usable("oiii_5007")
    assert all(expected.usable(line) for line in ("halpha", "nii_6584", "hbeta", "oii"))


def test_an_unknown_line_is_refused_with_those_that_are_known():
    with pytest.raises(ConfigurationError, match="'paschen'; expected one of \\['halpha'"):
        expectation().expected("paschen")
