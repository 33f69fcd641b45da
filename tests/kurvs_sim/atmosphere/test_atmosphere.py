"""Seeing, airglow and line profiles of the simulator."""

from importlib import resources

import numpy as np
import pytest
from mock_checks import assert_is_a_value

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import MetadataError
from kurvs_sim.atmosphere.airglow import sky_photon_rate, transmission
from kurvs_sim.atmosphere.seeing import PSF_KINDS, PointSpreadFunction
from kurvs_sim.channels import channel_integrated_gaussian, chebyshev_line_profile
from kurvs_sim.instrument.spaxels import NoiseModel, SpaxelGrid


@pytest.mark.parametrize("kind", PSF_KINDS)
def test_the_image_of_a_star_keeps_its_flux_and_width(kind):
    psf = PointSpreadFunction(kind, 0.6, moffat_beta=3.0)
    image = psf.image(0.02, 1200)
    assert image.sum() == pytest.approx(1.0, abs=1e-3)
    profile = image[600, 600:]
    half_width = np.interp(-0.5 * profile[0], -profile, 0.02 * np.arange(600))
    assert 2.0 * half_width == pytest.approx(0.6, rel=2e-3)
    assert_is_a_value(psf)


@pytest.mark.parametrize("n_pixels", [8, 9])
def test_no_seeing_leaves_the_light_in_one_pixel(n_pixels):
    image = PointSpreadFunction("moffat", 0.0).image(0.1, n_pixels)
    assert image[n_pixels // 2, n_pixels // 2] == image.sum() == 1.0


def test_a_moffat_has_the_textbook_profile():
    beta, fwhm = 2.5, 0.6
    image = PointSpreadFunction("moffat", fwhm, moffat_beta=beta).image(0.05, 101)
    radius = 0.05 * np.arange(51)
    core = 0.5 * fwhm / np.sqrt(2.0 ** (1.0 / beta) - 1.0)
    expected = (beta - 1.0) / (np.pi * core**2) * (1.0 + (radius / core) ** 2) ** -beta
    assert image[50, 50:] == pytest.approx(expected * 0.05**2, rel=1e-6)


@pytest.mark.parametrize(
    "options", [("airy", 0.6), ("gaussian", -0.1), ("gaussian", 0.001), ("moffat", 0.6, 1.0)]
)
def test_an_impossible_psf_is_refused(options):
    with pytest.raises(MetadataError, match="PSF"):
        PointSpreadFunction(*options)


@pytest.mark.parametrize(("name", "published"), [("IZ", 386.0), ("YJ", 1203.0), ("H", 5480.0)])
def test_airglow_lines_keep_the_sums_of_the_sky_model(name, published):
    """Line sums over the usable range, as published with the table."""
    band = KMOS_BANDS[name]
    low, high = band.usable_range_um
    used = (band.wavelength_um >= low) & (band.wavelength_um <= high)
    text = resources.files("kurvs_sim").joinpath("data", "sky_continuum.csv").read_text("utf-8")
    continuum_table = np.loadtxt(text.splitlines(), delimiter=",", skiprows=5)
    at = (continuum_table[:, 0] >= low) & (continuum_table[:, 0] <= high)
    continuum = np.trapezoid(continuum_table[at, 1], continuum_table[at, 0])
    assert sky_photon_rate(band)[used].sum() - continuum == pytest.approx(published, rel=0.01)


def test_transmission_is_a_fraction():
    for band in KMOS_BANDS.values():
        assert np.all((transmission(band) > 0.0) & (transmission(band) <= 1.0))


def test_noise_is_higher_on_airglow_and_lower_with_more_time():
    band = KMOS_BANDS["H"]
    variance = NoiseModel().relative_variance(band)
    bright = np.argmax(sky_photon_rate(band)[200:1900]) + 200
    assert variance[bright] > 10.0 * np.median(variance)
    longer = NoiseModel(exposure_hours_h=160.0).relative_variance(band)
    assert longer == pytest.approx(0.5 * variance)


@pytest.mark.parametrize("sigma_channels", [0.05, 0.75, 3.0])
@pytest.mark.parametrize("phase", [0.0, 0.3, 0.5])
def test_a_line_keeps_its_flux_and_centroid_on_channels(sigma_channels, phase):
    step = 2e-4
    wavelength = 1.6 + step * np.arange(60)
    centre = wavelength[30] + phase * step
    profile = channel_integrated_gaussian(wavelength, step, centre, sigma_channels * step)[:, 0]
    assert profile.sum() * step == pytest.approx(1.0, abs=1e-12)
    if sigma_channels > 0.5:
        centroid = (profile * wavelength).sum() / profile.sum()
        assert centroid == pytest.approx(centre, abs=1e-3 * step)


def test_the_chebyshev_expansion_returns_the_line_at_any_velocity():
    step = 2e-4
    wavelength = 1.64 + step * np.arange(-40, 41)
    options = {"systemic_um": 1.64, "sigma_um": 3.5e-4, "maximum_velocity_kms": 200.0}
    coefficients = chebyshev_line_profile(wavelength, step, n_moments=24, **options)
    for velocity in (-200.0, -37.0, 0.0, 151.0):
        expanded = np.polynomial.chebyshev.chebval(velocity / 200.0, coefficients.T)
        centre = 1.64 * (1.0 + velocity / 299792.458)
        exact = channel_integrated_gaussian(wavelength, step, centre, 3.5e-4)[:, 0]
        assert expanded == pytest.approx(exact, abs=1e-5 * exact.max())


def test_spaxels_are_centred_on_the_field():
    grid = SpaxelGrid(n_x=14, n_y=15, spaxel_arcsec=0.2)
    assert grid.x_arcsec[[0, -1]] == pytest.approx([-1.3, 1.3])
    assert grid.y_arcsec[7] == pytest.approx(0.0)
