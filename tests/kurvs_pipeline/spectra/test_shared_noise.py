"""Annuli share noise: it is predicted from the cube, and carried into what is fitted to them."""

import numpy as np
import pytest

from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.gradients.forward.fluxes import ApertureFluxes
from kurvs_pipeline.spectra.calibration import CalibratedBand
from kurvs_pipeline.spectra.coaddition import shared_noise
from kurvs_pipeline.spectra.noise import measure_correlation

SIZE = 24
STILL = np.zeros((SIZE, SIZE))


def annuli():
    radius = np.hypot(*np.indices((SIZE, SIZE)) - 0.5 * (SIZE - 1))
    edges = ((0.0, 4.0), (4.0, 8.0), (8.0, 11.0))
    return np.array([(radius >= low) & (radius < high) for low, high in edges], dtype=float)


def correlated_noise(*, common=0.0, channels=3000):
    """Noise of boxes of two by two spaxels, with a part that the whole field shares."""
    random = np.random.default_rng(5)
    white = random.standard_normal((channels, SIZE + 1, SIZE + 1))
    boxes = 0.5 * (white[:, 1:, 1:] + white[:, :-1, 1:] + white[:, 1:, :-1] + white[:, :-1, :-1])
    return boxes + common * random.standard_normal((channels, 1, 1))


def band_of(noise):
    valid = np.ones(noise.shape, dtype=bool)
    sigma = np.full(noise.shape, noise.std())
    correlation = measure_correlation(noise / noise.std(), valid, reach=2, line_sigma_channels=2.0)
    channel = np.linspace(1.6, 1.7, len(noise))
    return CalibratedBand(noise, sigma, valid, channel, channel, correlation, 1.0, "")


@pytest.mark.parametrize("common", [0.0, 0.3])
def test_it_is_the_correlation_that_sums_over_annuli_show(common):
    noise = correlated_noise(common=common)
    sums = np.einsum("ayx,kyx->ak", annuli(), noise)
    found = shared_noise(band_of(noise), annuli(), STILL)
    np.testing.assert_allclose(found, np.corrcoef(sums), atol=0.06)
    assert found[0, 1] > 0.05


def test_an_annulus_without_data_shares_nothing():
    weights = annuli()
    weights[2] = 0.0
    found = shared_noise(band_of(correlated_noise(channels=200)), weights, STILL)
    np.testing.assert_array_equal(found[2], [0.0, 0.0, 1.0])


def joint_fluxes(correlation):
    names = ("halpha", "nii_6584", "oii_3726", "oii_3729")
    covariance = np.tile(np.diag([1.0, 4.0, 9.0, 16.0]), (4, 1, 1))
    covariance[:, 0, 1] = covariance[:, 1, 0] = 0.4
    return JointFluxes(
        ("integrated", "A", "B", "C"), names, np.ones((4, 4)), covariance, correlation
    )


def correlation_of(value):
    return np.full((3, 3), value) + (1.0 - value) * np.eye(3)


def test_a_line_is_correlated_between_annuli_as_its_band_is():
    bands = np.stack([correlation_of(0.5)] * 2 + [correlation_of(0.2)] * 2)
    covariance = joint_fluxes(bands).covariance_of_annuli
    assert covariance[0, 0, 0, 1] == pytest.approx(0.5)
    assert covariance[0, 0, 1, 1] == pytest.approx(0.5 * 0.4)
    assert covariance[2, 0, 2, 1] == pytest.approx(0.2 * 9.0)
    assert covariance[0, 0, 2, 1] == 0.0
    assert np.linalg.eigvalsh(covariance.reshape(12, 12)).min() > 0.0


def test_a_line_that_was_not_measured_leaves_the_others_alone():
    fluxes = joint_fluxes(np.stack([correlation_of(0.5)] * 4))
    fluxes.flux[2, 2], fluxes.covariance[2, 2], fluxes.covariance[2, :, 2] = np.nan, np.nan, np.nan
    taken = ApertureFluxes.of_annuli(fluxes, ("halpha", "oii"))
    np.testing.assert_array_equal(taken.measured, [[True, True, True], [True, False, True]])
    assert taken.covariance[0, 0, 0, 1] == pytest.approx(0.5)
