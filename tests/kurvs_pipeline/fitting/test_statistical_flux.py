"""Sums over lines: the fitted flux for a Gaussian, and not for what is none."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import chi2 as chi2_distribution

from kurvs_pipeline.bands import KMOS_BANDS, SPEED_OF_LIGHT_KMS
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.fitting.fit import fit_lines
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.outcome import FitFlag
from kurvs_pipeline.fitting.sums import statistical_fluxes
from kurvs_pipeline.lines import REST_WAVELENGTH_UM

REDSHIFT = 1.5


def model_of(band_name, low_rest_um, high_rest_um):
    band = KMOS_BANDS[band_name]
    rest = band.wavelength_um / (1.0 + REDSHIFT)
    inside = (rest > low_rest_um) & (rest < high_rest_um)
    return BandLineModel.for_band(band.wavelength_um[inside], band.lsf_sigma_um, REDSHIFT)


@pytest.fixture
def halpha():
    return model_of("H", 0.645, 0.677)


def gaussians(model, lines):
    """Average lines over channels, written apart from the code under test."""
    step = np.diff(model.wavelength_um).mean()
    edges = np.append(model.wavelength_um - 0.5 * step, model.wavelength_um[-1] + 0.5 * step)
    total = np.zeros(model.wavelength_um.size)
    for name, flux, velocity_kms, sigma_kms in lines:
        observed = REST_WAVELENGTH_UM[name] * (1.0 + REDSHIFT)
        centre = observed * (1.0 + velocity_kms / SPEED_OF_LIGHT_KMS)
        width = np.hypot(observed * sigma_kms / SPEED_OF_LIGHT_KMS, model.lsf_sigma_um[0])
        total += flux * np.diff(ndtr((edges - centre) / width)) / step
    return total


def narrow(model, *, halpha=1.0, nii=0.3, sii=0.2, velocity_kms=40.0, sigma_kms=60.0):
    lines = {"halpha": halpha, "nii_6584": nii, "nii_6548": nii / 3.0, "sii_6716": sii,
             "sii_6731": 0.8 * sii}  # fmt: skip
    return gaussians(model, [(n, f, velocity_kms, sigma_kms) for n, f in lines.items()])


@pytest.fixture
def oiii():
    return model_of("YJ", 0.4915, 0.507)


def two_horns(model):
    lines = (("oiii_5007", 1.0), ("oiii_4959", 1.0 / 3.0))
    return gaussians(model, [(n, 0.5 * f, v, 20.0) for n, f in lines for v in (-110.0, 110.0)])


def measured(model, spectrum, variance=1.0, **options):
    flux = np.atleast_2d(spectrum)
    noise = np.full(flux.shape, variance)
    mask = options.pop("mask", None)
    fits = fit_lines(model, flux, noise, mask=mask)
    return fits, statistical_fluxes(fits, flux, noise, mask=mask, **options)


def of_line(found, name):
    return found.flux[:, found.names.index(name)]


@pytest.mark.parametrize("half_width_sigmas", [1.2, 2.0, 2.5])
def test_the_sum_over_a_gaussian_is_its_fitted_flux(halpha, half_width_sigmas):
    fits, found = measured(halpha, narrow(halpha) + 7.0, half_width_sigmas=half_width_sigmas)
    assert found.names == fits.to_lines().names
    # Doublets are tied: the fit and the sum differ where the wings of neighbours come in.
    np.testing.assert_allclose(found.flux, fits.to_lines().flux, rtol=0.01)


def test_two_horns_hold_what_is_known_beyond_their_gaussian(oiii):
    fits, found = measured(oiii, two_horns(oiii))
    _, per_kms, lsf_um = oiii.line_scale("oiii_5007")
    reach_kms = 2.5 * np.hypot(fits.sigma_kms[0], lsf_um / per_kms)
    horn_kms = np.hypot(20.0, lsf_um / per_kms)
    inside = ndtr((reach_kms - 110.0) / horn_kms) - ndtr((-reach_kms - 110.0) / horn_kms)
    # All of the line, on a continuum that the Gaussian has pushed down, over 98.8 per cent.
    assert inside > 0.999
    pushed_down = -2.0 * reach_kms * per_kms * fits.continuum[0, -1]
    expected = (inside + pushed_down) / (ndtr(2.5) - ndtr(-2.5))
    assert of_line(found, "oiii_5007")[0] == pytest.approx(expected, rel=0.002)
    # The Gaussian is a tenth too bright, the sum a few per cent.
    assert 1.0 < expected < 1.04
    assert fits.flux[0, 0] > 1.08


def test_blended_lines_have_no_sum_of_their_own(halpha):
    _, apart = measured(halpha, narrow(halpha, sigma_kms=60.0))
    _, blended = measured(halpha, narrow(halpha, sigma_kms=180.0))
    assert np.isfinite(of_line(apart, "halpha"))
    for name in ("halpha", "nii_6548", "sii_6716", "sii_6731"):
        assert np.isnan(of_line(blended, name)), name


def test_the_doublet_of_oxygen_is_summed_as_one():
    model = model_of("IZ", 0.367, 0.379)
    pair = [("oii_3726", 1.0, 0.0, 70.0), ("oii_3729", 1.3, 0.0, 70.0)]
    _, found = measured(model, gaussians(model, pair))
    assert np.isnan(of_line(found, "oii_3726"))
    assert of_line(found, "oii")[0] == pytest.approx(2.3, rel=0.01)


def test_a_masked_channel_of_the_line_is_made_up_for(halpha):
    spectrum = narrow(halpha)
    mask = np.zeros((1, spectrum.size), dtype=bool)
    mask[0, np.argmax(spectrum) + 1] = True
    _, found = measured(halpha, spectrum, mask=mask)
    assert of_line(found, "halpha")[0] == pytest.approx(1.0, rel=0.01)


def test_a_line_that_is_mostly_masked_has_no_sum(halpha):
    spectrum = narrow(halpha)
    mask = np.zeros((1, spectrum.size), dtype=bool)
    mask[0, np.argmax(spectrum) - 4 : np.argmax(spectrum) + 5] = True
    _, found = measured(halpha, spectrum, mask=mask)
    assert np.isnan(of_line(found, "halpha"))


def test_a_failed_fit_has_no_sum(halpha):
    _, found = measured(halpha, np.full(halpha.wavelength_um.size, np.nan))
    assert np.isnan(found.flux).all()
    assert np.isnan(found.flux_err).all()


def test_errors_are_those_of_noise():
    model = model_of("H", 0.645, 0.664)
    rng = np.random.default_rng(1)
    noise = 8.0
    truth = narrow(model, sii=0.0)
    flux = truth + rng.normal(0.0, noise, (2000, truth.size))
    _, found = measured(model, flux, noise**2)
    pulls = (of_line(found, "halpha") - 1.0) / found.flux_err[:, found.names.index("halpha")]
    assert np.nanstd(pulls) == pytest.approx(1.0, abs=0.05)
    assert np.nanmean(pulls) == pytest.approx(0.0, abs=0.1)
    assert np.nanmedian(found.snr[:, found.names.index("halpha")]) > 10.0


def test_the_probability_of_chi2_is_uniform_for_noise(halpha):
    rng = np.random.default_rng(2)
    flux = narrow(halpha) + rng.normal(0.0, 5.0, (1000, halpha.wavelength_um.size))
    fits, _ = measured(halpha, flux, 25.0)
    assert np.mean(fits.reduced_chi2) == pytest.approx(1.0, abs=0.01)
    np.testing.assert_allclose(fits.p_value, chi2_distribution.sf(fits.chi2, fits.dof))
    assert np.mean(fits.p_value < 0.1) == pytest.approx(0.1, abs=0.03)
    assert np.sum(fits.quality_flag == FitFlag.POOR_FIT) <= 5


def test_what_is_no_gaussian_is_flagged_as_a_poor_fit(oiii):
    fits, _ = measured(oiii, two_horns(oiii), 25.0)
    assert fits.quality_flag[0] == FitFlag.POOR_FIT
    assert fits.flag[0] == FitFlag.GOOD


def test_a_sum_over_nothing_is_refused(halpha):
    with pytest.raises(ConfigurationError, match="half_width_sigmas is 0"):
        measured(halpha, narrow(halpha), half_width_sigmas=0.0)
