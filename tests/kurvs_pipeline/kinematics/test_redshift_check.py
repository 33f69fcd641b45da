"""Lines that are brighter than H-alpha tell of a wrong redshift."""

import logging

import numpy as np
import pytest

from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.gas.classes import StellarMass
from kurvs_pipeline.kinematics.redshift import IntegratedSpectrum
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.pipeline import Pipeline
from kurvs_pipeline.spectra.calibration import CalibratedBand
from kurvs_pipeline.spectra.noise import SpatialCorrelation
from kurvs_sim import Galaxy, observe
from kurvs_sim.profiles.radial import Linear

REDSHIFT = 1.5
HALPHA_UM = REST_WAVELENGTH_UM["halpha"] * (1.0 + REDSHIFT)
NII_KMS = (REST_WAVELENGTH_UM["nii_6584"] / REST_WAVELENGTH_UM["halpha"] - 1.0) * SPEED_OF_LIGHT_KMS
WIDTH_UM = 80.0 / SPEED_OF_LIGHT_KMS * HALPHA_UM


def band_with(peaks):
    """Make a cube of 3 x 3 spaxels with noise of 1 and lines by velocity, peaks in its units."""
    wavelength = HALPHA_UM + 2.158e-4 * np.arange(-260, 261)
    flux = np.random.default_rng(2).standard_normal((wavelength.size, 3, 3))
    for velocity, peak in peaks.items():
        centre = HALPHA_UM * (1.0 + velocity / SPEED_OF_LIGHT_KMS)
        line = peak * np.exp(-0.5 * ((wavelength - centre) / WIDTH_UM) ** 2)
        flux += line[:, None, None]
    return CalibratedBand(
        flux=flux, sigma=np.ones_like(flux), valid=np.ones(flux.shape, dtype=bool),
        wavelength_um=wavelength, lsf_sigma_um=np.full(wavelength.size, 1.6e-4),
        correlation=SpatialCorrelation(), noise_scale=1.0, units="1e-16 erg / (s cm2 um)",
    )  # fmt: skip


def brighter_line_in(peaks):
    return IntegratedSpectrum.of(band_with(peaks), REDSHIFT, np.ones((3, 3))).brighter_line_kms()


@pytest.mark.parametrize(
    "peaks",
    [
        {},
        {0.0: 5.0, NII_KMS: 2.0},
        {200.0: 5.0, NII_KMS + 200.0: 2.0},
        {-390.0: 5.0, NII_KMS - 390.0: 2.0},
        {0.0: 5.0, NII_KMS: 10.0},
    ],
    ids=["noise", "a galaxy", "200 km/s away", "390 km/s away", "an active nucleus"],
)
def test_what_a_galaxy_shows_is_not_doubted(peaks):
    assert np.isnan(brighter_line_in(peaks))


@pytest.mark.parametrize("offset", [-390.0, 0.0, 200.0])
def test_the_velocity_is_that_of_a_fit_in_the_usual_window(offset):
    """One fit in a wider window serves the doubt and the redshift: it starts from the same grid."""
    whole = IntegratedSpectrum.of(
        band_with({offset: 5.0, NII_KMS + offset: 2.0}), REDSHIFT, np.ones((3, 3))
    )
    fits = whole._fit((-400.0, 400.0))
    assert whole.systemic_velocity == (fits.velocity_kms[0], fits.velocity_err_kms[0])


@pytest.mark.parametrize("offset", [-1800.0, -1200.0, -600.0, 600.0, 1200.0, 1800.0])
def test_a_line_where_none_is_expected_is_found(offset):
    found = brighter_line_in({offset: 5.0, offset + NII_KMS: 2.0})
    assert found == pytest.approx(offset, abs=60.0)


def test_a_faint_line_beside_h_alpha_is_no_doubt():
    assert np.isnan(brighter_line_in({0.0: 5.0, NII_KMS: 2.0, -1500.0: 5.0}))


@pytest.mark.parametrize("size", [410.0, 430.0, 450.0, 475.0, 500.0, 550.0, 700.0])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_line_whose_wing_is_at_h_alpha_is_found(sign, size):
    offset = sign * size
    found = brighter_line_in({offset: 5.0, offset + NII_KMS: 2.0})
    assert found == pytest.approx(offset, abs=60.0)


def test_one_side_of_a_faint_rotating_disk_is_no_other_line():
    """The fit puts it at 308 km/s, though its brightest channel is at 496."""
    galaxy = Galaxy(redshift=1.6467, inclination_deg=60.0)
    observation = observe(galaxy, bands=("H",), halpha_snr=10.0, seed=1052)
    observation.attrs["redshift"] -= 300.0 / SPEED_OF_LIGHT_KMS * (1.0 + galaxy.redshift)
    measured = Pipeline().run(observation)
    assert measured.metadata.redshift == pytest.approx(galaxy.redshift, abs=2e-4)


@pytest.mark.parametrize("error", [-0.01, 0.0035, 0.00375, 0.005, 0.01])
def test_a_wrong_redshift_gives_no_gradient_and_the_likely_one(error, caplog):
    galaxy = Galaxy(oxygen_abundance=Linear(central=8.68, gradient=-0.03))
    observation = observe(galaxy, bands=("H",), halpha_snr=400.0, seed=1)
    observation.attrs["redshift"] += error
    with caplog.at_level(logging.WARNING):
        measured = Pipeline().run(observation)
    assert not np.isfinite(measured.gradients["gradient"]).any()
    assert set(measured.gradients["flag"]) == {"doubtful_redshift"}
    for table in (measured.fluxes, measured.abundances):
        assert all(flag.startswith("doubtful_redshift") for flag in table["flag"])
    (note,) = [note for note in measured.assumptions if "the redshift is 1.500" in note]
    assert note in caplog.text


@pytest.mark.parametrize("gap", [(200.0, 600.0), (250.0, 700.0), (-700.0, -150.0), (150.0, 9e9)])
def test_channels_without_data_beside_h_alpha_are_no_line(gap):
    band = band_with({0.0: 50.0, NII_KMS: 10.0})
    velocity = (band.wavelength_um / HALPHA_UM - 1.0) * SPEED_OF_LIGHT_KMS
    band.valid[(velocity > gap[0]) & (velocity < gap[1])] = False
    assert np.isnan(IntegratedSpectrum.of(band, REDSHIFT, np.ones((3, 3))).brighter_line_kms())


def test_a_wrong_redshift_gives_neither_attenuation_nor_classes():
    """H-alpha taken for [N II] would be an active nucleus."""
    observation = observe(Galaxy(), bands=("YJ", "H"), halpha_snr=60.0, seed=1)
    observation.attrs["redshift"] -= 0.0078
    mass = StellarMass(log_solar=10.3, err=0.1)
    measured = Pipeline().run(observation, stellar_mass=mass)
    classes, by_mass = measured.classes, measured.mass_excitation
    assert set(measured.attenuation["source"]) == {"doubtful_redshift"}
    for found in (classes["class_local"], classes["class_at_redshift"]):
        assert set(found) == {"unknown"}
    assert by_mass["class_mass_excitation"][0] == "unknown"
    assert by_mass["log_stellar_mass"][0].value == 10.3
    for table, column in (
        (classes, "p_agn"), (classes, "log_nii_halpha"), (by_mass, "p_agn"),
        (measured.attenuation, "a_v"), (measured.attenuation, "lower_limit"),
        (measured.ionization, "log_u"),
    ):  # fmt: skip
        assert not np.isfinite(table[column]).any()
