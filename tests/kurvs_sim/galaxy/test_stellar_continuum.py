"""Stars under the lines: continuum, Balmer absorption, and where they are."""

import math
from dataclasses import replace

import numpy as np
import pytest
from astropy.modeling.models import PowerLaw1D
from hypothesis import given, settings
from hypothesis import strategies as st
from mock_checks import LIGHT_KMS, assert_is_a_value
from scipy.integrate import quad
from scipy.ndimage import gaussian_filter1d

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import MetadataError
from kurvs_sim.galaxy.stars import StellarContinuum

REDSHIFT = 1.5
HALPHA_UM, HBETA_UM = 0.656461, 0.4862683
IN_BAND = {"halpha": (HALPHA_UM, KMOS_BANDS["H"]), "hbeta": (HBETA_UM, KMOS_BANDS["YJ"])}


def stars(**changed):
    described = {"flux_density": 20.0, "effective_radius_kpc": 3.0, "spectral_slope": -1.2}
    return StellarContinuum(**(described | changed))


def equivalent_width_angstrom(continuum, band, rest_um):
    """Return the rest-frame equivalent width as an observer measures it on the channels."""
    depth = 1.0 - continuum.spectrum(band, REDSHIFT) / continuum.unabsorbed(
        band.wavelength_um / (1.0 + REDSHIFT)
    )
    near = np.abs(band.wavelength_um / (1.0 + REDSHIFT) / rest_um - 1.0) < 0.01
    return depth[near].sum() * band.channel_width_um / (1.0 + REDSHIFT) * 1e4


def test_stars_are_a_value_that_pickles_and_whose_repr_evaluates():
    assert_is_a_value(stars())


@pytest.mark.parametrize("line", ["halpha", "hbeta"])
@pytest.mark.parametrize("width_angstrom", [0.5, 2.0, 4.0])
@pytest.mark.parametrize("slope", [-2.0, 0.0, 2.0])
def test_the_absorption_has_its_equivalent_width(line, width_angstrom, slope):
    rest_um, band = IN_BAND[line]
    continuum = stars(
        **{f"{line}_absorption_angstrom": width_angstrom},
        spectral_slope=slope,
        dispersion_kms=200.0,
    )
    found = equivalent_width_angstrom(continuum, band, rest_um)
    assert found == pytest.approx(width_angstrom, rel=1e-3)


@given(st.floats(100.0, 400.0), st.floats(0.5, 5.0), st.floats(0.0, 4.0))
@settings(max_examples=30)
def test_neither_dispersion_nor_instrument_changes_the_equivalent_width(
    dispersion_kms, lsf_fwhm_channels, width_angstrom
):
    band = replace(KMOS_BANDS["H"], lsf_fwhm_channels=lsf_fwhm_channels)
    continuum = stars(dispersion_kms=dispersion_kms, halpha_absorption_angstrom=width_angstrom)
    found = equivalent_width_angstrom(continuum, band, HALPHA_UM)
    assert found == pytest.approx(width_angstrom, rel=1e-3, abs=1e-9)


def test_the_spectrum_is_that_of_a_fine_one_blurred_and_averaged_over_channels():
    continuum, band, finer = stars(dispersion_kms=150.0), KMOS_BANDS["H"], 20
    step = band.channel_width_um / finer
    fine = band.first_channel_um + step * (
        np.arange(band.n_channels * finer) - 0.5 * (finer - 1)
    )  # fmt: skip
    centre, sigma = HALPHA_UM * (1.0 + REDSHIFT), HALPHA_UM * (1.0 + REDSHIFT) * 150.0 / LIGHT_KMS
    depth = 2e-4 * (1.0 + REDSHIFT) / (math.sqrt(2.0 * math.pi) * sigma)
    power_law = PowerLaw1D(20.0, centre, 1.2)
    # The depth is relative to the continuum at the line's centre.
    narrow = power_law(fine) - 20.0 * depth * np.exp(-0.5 * ((fine - centre) / sigma) ** 2)
    blurred = gaussian_filter1d(narrow, band.lsf_sigma_um / step, mode="nearest", truncate=6.0)
    expected = blurred.reshape(-1, finer).mean(axis=1)
    found = continuum.spectrum(band, REDSHIFT)
    np.testing.assert_allclose(found[20:-20], expected[20:-20], rtol=2e-5)


def test_without_absorption_the_spectrum_is_a_power_law_of_rest_wavelength():
    bare = stars(
        halpha_absorption_angstrom=0.0, hbeta_absorption_angstrom=0.0, reference_rest_um=0.5
    )
    band = KMOS_BANDS["YJ"]
    expected = PowerLaw1D(20.0, 0.5 * (1.0 + REDSHIFT), 1.2)(band.wavelength_um)
    np.testing.assert_allclose(bare.spectrum(band, REDSHIFT), expected, rtol=1e-12)


def test_a_band_without_balmer_lines_has_no_absorption():
    band = KMOS_BANDS["IZ"]
    rest = band.wavelength_um / (1.0 + REDSHIFT)
    np.testing.assert_array_equal(stars().spectrum(band, REDSHIFT), stars().unabsorbed(rest))


def test_the_continuum_follows_from_the_equivalent_width_of_the_emission():
    continuum = StellarContinuum.from_halpha_equivalent_width(
        halpha_flux=1.6, equivalent_width_angstrom=80.0, redshift=REDSHIFT,
        effective_radius_kpc=3.0, spectral_slope=-1.0,
    )  # fmt: skip
    observed_width_angstrom = 1.6 / float(continuum.unabsorbed(HALPHA_UM)) * 1e4
    assert observed_width_angstrom / (1.0 + REDSHIFT) == pytest.approx(80.0)
    assert continuum.unabsorbed(HBETA_UM) / continuum.unabsorbed(HALPHA_UM) == pytest.approx(
        HALPHA_UM / HBETA_UM
    )


def test_the_spectrum_is_linear_in_the_flux_density():
    band = KMOS_BANDS["H"]
    np.testing.assert_allclose(
        stars(flux_density=60.0).spectrum(band, REDSHIFT), 3.0 * stars().spectrum(band, REDSHIFT)
    )


def test_stars_of_no_light_have_no_spectrum():
    assert not stars(flux_density=0.0).spectrum(KMOS_BANDS["H"], REDSHIFT).any()


def test_the_light_is_one_in_all_and_half_within_the_effective_radius():
    def within(radius):
        return quad(lambda r: 2.0 * np.pi * r * float(stars().light(r)), 0.0, radius)[0]

    assert within(100.0) == pytest.approx(1.0)
    assert within(3.0) == pytest.approx(0.5)


def test_a_line_may_be_black_but_not_blacker():
    black = math.sqrt(2.0 * math.pi) * HALPHA_UM * 1e4 * 100.0 / LIGHT_KMS
    stars(halpha_absorption_angstrom=0.999 * black)
    with pytest.raises(MetadataError, match=r"halpha_absorption_angstrom is .* larger dispersion"):
        stars(halpha_absorption_angstrom=1.001 * black)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"flux_density": -1.0}, "flux_density of the stars is -1.0"),
        ({"flux_density": float("nan")}, "flux_density of the stars is nan"),
        ({"effective_radius_kpc": 0.0}, "effective_radius_kpc"),
        ({"reference_rest_um": -0.5}, "reference_rest_um"),
        ({"spectral_slope": float("inf")}, "spectral_slope"),
        ({"hbeta_absorption_angstrom": -1.0}, "hbeta_absorption_angstrom is -1.0"),
        ({"dispersion_kms": 0.0}, "dispersion_kms"),
    ],
)
def test_impossible_stars_are_refused_by_name(changed, message):
    with pytest.raises(MetadataError, match=message):
        stars(**changed)


def test_an_impossible_redshift_is_refused():
    with pytest.raises(MetadataError, match=r"redshift is -0\.1; expected"):
        stars().spectrum(KMOS_BANDS["H"], -0.1)


@pytest.mark.parametrize("name", ["halpha_flux", "equivalent_width_angstrom", "redshift"])
def test_an_equivalent_width_needs_emission(name):
    values = {"halpha_flux": 1.0, "equivalent_width_angstrom": 50.0, "redshift": 1.5} | {name: 0.0}
    with pytest.raises(MetadataError, match=f"{name} is 0.0"):
        StellarContinuum.from_halpha_equivalent_width(**values, effective_radius_kpc=3.0)
