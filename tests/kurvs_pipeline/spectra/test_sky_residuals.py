"""What subtraction leaves of sky lines is fitted away, and what stays is in the errors."""

import numpy as np
import pytest

from kurvs_pipeline.spectra.calibration import around_lines, calibrate, near_lines
from kurvs_pipeline.spectra.coaddition import ApertureSpectra
from kurvs_pipeline.spectra.sky_errors import REACH_OF_RESIDUALS, with_sky_residuals
from kurvs_pipeline.spectra.sky_templates import between_sky_lines, sky_lines, sky_residual
from kurvs_sim import ExposureModel, Galaxy, observe
from kurvs_sim.effects.effects import Effects
from kurvs_sim.effects.sky_residuals import SkyResiduals
from kurvs_sim.instrument.noise_covariance import NoiseCovariance

N_CHANNELS, FIELD = 1200, (4, 5)
CHANNEL = np.arange(N_CHANNELS)


def airglow(shift=0.0, width=1.1, strength=1.0):
    """Lines of the width of the line-spread function at random places and strengths."""
    rng = np.random.default_rng(5)
    centres = rng.uniform(20.0, N_CHANNELS - 20.0, 45)
    fluxes = 10.0 ** rng.uniform(0.5, 1.7, 45)
    profile = np.exp(-0.5 * ((CHANNEL - centres[:, None] - shift) / width) ** 2)
    return strength * fluxes @ profile


VARIANCE = 1.0 + airglow()


def cube_of(spectrum):
    return np.broadcast_to(spectrum[:, None, None], (N_CHANNELS, *FIELD)).copy()


SIGMA = cube_of(np.sqrt(VARIANCE))
EVERYWHERE = np.ones(SIGMA.shape, dtype=bool)


def test_sky_lines_stand_out_of_their_variance_in_proportion():
    found = sky_lines(VARIANCE, np.ones(N_CHANNELS, dtype=bool))
    assert np.corrcoef(found, airglow())[0, 1] > 0.99


@pytest.mark.parametrize("error", [{"shift": 0.03}, {"width": 1.13}, {"strength": 1.02}])
def test_an_error_of_the_sky_model_is_fitted_away(error):
    left = cube_of(airglow(**error) - airglow())
    corrected = left - sky_residual(left, SIGMA, EVERYWHERE)
    assert np.std(corrected / SIGMA) < 0.15 * np.std(left / SIGMA)


def test_a_residual_under_the_lines_of_the_galaxy_is_known_from_elsewhere():
    left = cube_of(airglow(shift=0.03) - airglow())
    free = EVERYWHERE.copy()
    free[500:600] = False
    galaxy = np.where(free, 0.0, 7.0)
    corrected = left + galaxy - sky_residual(left + galaxy, SIGMA, free)
    assert np.std((corrected - galaxy)[500:600]) < 0.15 * np.std(left[500:600])


def test_nothing_is_taken_away_between_sky_lines():
    left = cube_of(airglow(shift=0.03) - airglow())
    dark = airglow() < 1e-3
    assert dark.sum() > 200
    assert np.abs(sky_residual(left, SIGMA, EVERYWHERE)[dark]).max() < 0.02


def test_one_voxel_with_a_wrong_error_is_no_sky_line():
    left = cube_of(airglow(shift=0.03) - airglow())
    spoiled = SIGMA.copy()
    spoiled[555, 1, 1] = 1e3
    change = sky_residual(left, spoiled, EVERYWHERE) - sky_residual(left, SIGMA, EVERYWHERE)
    assert np.abs(change / SIGMA).max() < 0.1 * np.abs(left / SIGMA).max()


def test_channels_between_sky_lines_are_found():
    found = between_sky_lines(SIGMA, EVERYWHERE)
    assert found[airglow() < 0.1].all()
    assert not found[airglow() > 2.0].any()


def test_where_lines_cover_nearly_all_the_rest_is_not_taken_for_dark():
    usable = EVERYWHERE.copy()
    usable[90:] = False
    assert between_sky_lines(SIGMA, usable).all()


def test_calibration_fits_residuals_where_the_sky_is_bright():
    mock = observe(
        Galaxy(), bands=("H",), noise=ExposureModel(), seed=3,
        effects=Effects(sky_residuals=SkyResiduals(), covariance=NoiseCovariance()),
    )  # fmt: skip
    band = around_lines(mock["H"].to_dataset(), 1.5)
    found = calibrate(band, redshift=1.5, source_radius_arcsec=1.5)
    wavelength = band["wavelength"].to_numpy()
    noise = np.nanmedian(found.sigma, axis=(1, 2))
    bright = ~near_lines(wavelength, 1.5) & (noise > 2.0 * np.median(noise))
    assert np.nanstd((found.flux / found.sigma)[bright]) < 1.2


def test_a_spectrum_without_sky_lines_is_left_alone():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(SIGMA.shape)
    assert not sky_residual(noise, np.ones(SIGMA.shape), EVERYWHERE).any()


def test_a_spaxel_with_few_channels_is_left_alone():
    rng = np.random.default_rng(0)
    usable = EVERYWHERE.copy()
    usable[150:, 0, 0] = False
    fitted = sky_residual(rng.standard_normal(SIGMA.shape) * SIGMA, SIGMA, usable)
    assert not fitted[:, 0, 0].any()
    assert fitted[:, 1, 1].any()


def test_the_fit_takes_next_to_no_noise_away():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(SIGMA.shape) * SIGMA
    corrected = noise - sky_residual(noise, SIGMA, EVERYWHERE)
    assert np.var(corrected / SIGMA) == pytest.approx(np.var(noise / SIGMA), rel=0.01)


def spectra_with(residual_fraction, n_spectra=8):
    """Noise as stated, and on top a residual that is independent from channel to channel."""
    rng = np.random.default_rng(3)
    lines = sky_lines(VARIANCE, np.ones(N_CHANNELS, dtype=bool))
    sky = np.sqrt(np.convolve(lines**2, REACH_OF_RESIDUALS, mode="same"))
    noise = rng.standard_normal((n_spectra, N_CHANNELS)) * np.sqrt(VARIANCE)
    residual = residual_fraction * sky * rng.standard_normal((n_spectra, N_CHANNELS))
    variance = np.broadcast_to(VARIANCE, noise.shape)
    valid = np.ones(noise.shape, dtype=bool)
    return ApertureSpectra(noise + residual, variance, valid), sky


def calibrated(spectra):
    free = np.ones(N_CHANNELS, dtype=bool)
    return with_sky_residuals(spectra, free, line_sigma_channels=1.6)


def test_what_is_left_of_the_sky_is_added_to_the_variance():
    spectra, sky = spectra_with(0.5)
    added = calibrated(spectra).variance - spectra.variance
    fraction = np.sqrt(added.sum(axis=1) / np.sum(sky**2))
    assert np.median(fraction) == pytest.approx(0.5, rel=0.15)


def test_errors_that_are_right_stay_nearly_as_they_are():
    spectra, _ = spectra_with(0.0)
    ratio = calibrated(spectra).variance / spectra.variance
    assert np.all(ratio >= 1.0)
    assert np.median(ratio.mean(axis=1)) < 1.02


def test_a_spectrum_with_few_free_channels_keeps_its_errors():
    spectra, _ = spectra_with(0.5)
    few = np.arange(N_CHANNELS) < 50
    kept = with_sky_residuals(spectra, few, line_sigma_channels=1.6)
    np.testing.assert_array_equal(kept.variance, spectra.variance)


def errors_of_position(n_spectra=12, channels=0.1):
    """Noise, and sky lines each subtracted at a place of its own."""
    rng = np.random.default_rng(4)
    centres, fluxes = np.arange(15.0, N_CHANNELS, 21.0), 10.0 ** rng.uniform(0.5, 2.0, 57)
    offset = (CHANNEL - centres[:, None]) / 1.1
    lines = fluxes[:, None] * np.exp(-0.5 * offset**2)
    wrong = channels * rng.standard_normal((n_spectra, 57)) @ (lines * offset / 1.1)
    variance = np.broadcast_to(1.0 + lines.sum(axis=0), wrong.shape)
    noise = rng.standard_normal(wrong.shape) * np.sqrt(variance)
    valid = np.ones(noise.shape, dtype=bool)
    return ApertureSpectra(noise + wrong, variance, valid), centres.astype(int)


def test_lines_on_sky_lines_scatter_by_their_errors():
    spectra, places = errors_of_position()
    found = calibrated(spectra)
    profile = np.exp(-0.5 * (np.arange(-6, 7) / 1.6) ** 2)
    pulls = []
    for place in places[1:-1]:
        here = slice(place - 6, place + 7)
        weight = 1.0 / found.variance[:, here]
        pulls.append((weight * found.flux[:, here]) @ profile / np.sqrt(weight @ profile**2))
    assert np.std(pulls) == pytest.approx(1.0, abs=0.1)
