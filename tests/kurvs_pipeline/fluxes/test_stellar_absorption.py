"""Stars hide Balmer emission; what they hide comes back, with an error."""

from dataclasses import replace

import numpy as np
import pytest

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.fluxes.stellar_absorption import BalmerAbsorption
from kurvs_pipeline.observation import band_dataset
from kurvs_pipeline.pipeline import Pipeline
from kurvs_pipeline.spectra.calibration import calibrate
from kurvs_pipeline.spectra.coadded_continuum import coadded_continuum, continuum_level
from kurvs_pipeline.spectra.continuum import BlockContinuum
from kurvs_sim import Galaxy, observe
from kurvs_sim.galaxy.stars import StellarContinuum

STARS = StellarContinuum(
    flux_density=40.0, effective_radius_kpc=4.0, halpha_absorption_angstrom=2.0,
    hbeta_absorption_angstrom=3.0, dispersion_kms=100.0,
)  # fmt: skip
ABSORPTION = BalmerAbsorption(halpha_angstrom=2.0, hbeta_angstrom=3.0, dispersion_kms=100.0)


def cubes_of(inclination_deg, *, stars=(), halpha_snr=None, seed=0):
    galaxy = Galaxy(inclination_deg=inclination_deg, stars=stars)
    return observe(galaxy, bands=["YJ", "H"], halpha_snr=halpha_snr, seed=seed)


@pytest.fixture(scope="module")
def face_on():
    """Measure a face-on galaxy without noise and stars; observe it with stars."""
    return Pipeline().run(cubes_of(0.0)), cubes_of(0.0, stars=(STARS,))


@pytest.fixture(scope="module")
def corrected(face_on):
    return Pipeline(balmer_absorption=ABSORPTION).run(face_on[1])


def fluxes(measured, line, column="flux"):
    return measured.fluxes[column][measured.fluxes["line"] == line].value


def test_absorption_biases_hbeta_until_it_is_corrected(face_on, corrected):
    bare, cubes = face_on
    biased = Pipeline().run(cubes)
    assert np.all(fluxes(biased, "hbeta") < 0.95 * fluxes(bare, "hbeta"))
    assert np.all(fluxes(biased, "halpha") < 0.99 * fluxes(bare, "halpha"))
    assert biased.attenuation["a_v"][0] > bare.attenuation["a_v"][0] * 1.2
    for line in ("halpha", "hbeta", "nii_6584", "oiii_5007"):
        np.testing.assert_allclose(fluxes(corrected, line), fluxes(bare, line), rtol=1e-3)
    assert corrected.attenuation["a_v"][0].value == pytest.approx(
        bare.attenuation["a_v"][0].value, abs=0.005
    )


def test_stars_that_do_not_rotate_with_the_gas_leave_little():
    bare = Pipeline().run(cubes_of(60.0))
    measured = Pipeline(balmer_absorption=ABSORPTION).run(cubes_of(60.0, stars=(STARS,)))
    np.testing.assert_allclose(fluxes(measured, "hbeta"), fluxes(bare, "hbeta"), rtol=0.03)


def test_statistical_fluxes_are_corrected_as_well(face_on, corrected):
    expected = fluxes(face_on[0], "hbeta", "statistical_flux")
    np.testing.assert_allclose(fluxes(corrected, "hbeta", "statistical_flux"), expected, rtol=2e-3)


def test_the_spectra_are_kept_as_observed_and_the_model_holds_the_absorption(face_on, corrected):
    as_observed = Pipeline().run(face_on[1])
    fit = corrected.fits["YJ"]
    np.testing.assert_allclose(fit.spectra.flux, as_observed.fits["YJ"].spectra.flux, atol=1e-9)
    drawn, used = fit.model_spectra(), fit.model.channels
    peak = np.abs(fit.spectra.flux[:, used]).max()
    np.testing.assert_allclose(drawn[:, used], fit.spectra.flux[:, used], atol=0.02 * peak)


def test_the_error_of_the_width_is_carried_into_fluxes_and_covariance(face_on, corrected):
    uncertain = replace(ABSORPTION, hbeta_err_angstrom=0.5)
    measured = Pipeline(balmer_absorption=uncertain).run(face_on[1])
    shifted = Pipeline(balmer_absorption=replace(ABSORPTION, hbeta_angstrom=3.5)).run(face_on[1])
    before, after = corrected.fits["YJ"].fits, measured.fits["YJ"].fits
    change = shifted.fits["YJ"].fits.flux - before.flux
    added = after.flux_covariance - before.flux_covariance
    # Another width is fitted anew; the covariance takes it as a small change.
    np.testing.assert_allclose(
        np.diagonal(added, axis1=1, axis2=2)[:, 0], change[:, 0] ** 2, rtol=0.02
    )
    np.testing.assert_allclose(after.flux, before.flux)
    np.testing.assert_allclose(
        fluxes(measured, "halpha", "flux_err"), fluxes(corrected, "halpha", "flux_err")
    )


def test_a_galaxy_without_continuum_says_that_it_was_not_detected():
    cubes = cubes_of(0.0, halpha_snr=54.0, seed=3)
    plain = Pipeline().run(cubes)
    measured = Pipeline(balmer_absorption=ABSORPTION).run(cubes)
    assert all("faint_continuum" in flag for flag in measured.fluxes["flag"])
    change = np.abs(fluxes(measured, "hbeta") - fluxes(plain, "hbeta"))
    assert np.all(change < fluxes(plain, "hbeta", "flux_err"))


def test_a_detected_continuum_is_not_flagged():
    cubes = cubes_of(0.0, stars=(STARS,), halpha_snr=54.0, seed=3)
    measured = Pipeline(balmer_absorption=ABSORPTION).run(cubes)
    integrated = measured.fluxes[measured.fluxes["aperture"] == "integrated"]
    assert not any("faint_continuum" in flag for flag in integrated["flag"])


def test_with_noise_hbeta_is_corrected_on_average():
    bare = fluxes(Pipeline().run(cubes_of(0.0)), "hbeta")[0]
    pulls = []
    for seed in range(6):
        cubes = cubes_of(0.0, stars=(STARS,), halpha_snr=150.0, seed=seed)
        measured = Pipeline(balmer_absorption=ABSORPTION).run(cubes)
        pulls.append(
            (fluxes(measured, "hbeta")[0] - bare) / fluxes(measured, "hbeta", "flux_err")[0]
        )
    assert abs(np.mean(pulls)) < 3.0 / np.sqrt(6)
    assert np.std(pulls) < 2.0


def noise_band(level, slope=0.0, n_spaxels=24):
    band = KMOS_BANDS["H"]
    noise = np.random.default_rng(1).standard_normal((700, n_spaxels, n_spaxels))
    flux = level + slope * np.linspace(-0.5, 0.5, 700)[:, None, None] + noise
    centres = 0.2 * (np.arange(n_spaxels) - 0.5 * (n_spaxels - 1))
    dataset = band_dataset(
        flux=flux, variance=np.ones(flux.shape), mask=np.zeros(flux.shape, dtype=bool),
        wavelength_um=band.wavelength_um[700:1400], x_arcsec=centres, y_arcsec=centres,
        lsf_sigma_um=np.full(700, band.lsf_sigma_um),
    )  # fmt: skip
    return calibrate(dataset, redshift=1.5, source_radius_arcsec=0.5)


def blocks_of_spaxels(n_spaxels=24, size=3):
    index = np.arange(n_spaxels) // size
    row, column = np.meshgrid(index, index, indexing="ij")
    number = n_spaxels // size
    return np.stack([((row * number + column) == k) * 1.0 for k in range(number**2)])


def test_the_continuum_of_an_aperture_has_an_honest_error():
    band, weights = noise_band(level=2.0), blocks_of_spaxels()
    middle = band.wavelength_um[[349, 350]].mean()
    level = continuum_level(band, weights, middle)
    pulls = (level.value - 9 * 2.0) / level.error
    # 64 apertures know a standard deviation to 9 per cent.
    assert np.std(pulls) == pytest.approx(1.0, abs=0.2)
    assert np.mean(pulls) == pytest.approx(0.0, abs=0.4)


def test_the_level_is_the_coadded_continuum_at_its_wavelength():
    band, weights = noise_band(level=2.0, slope=1.0), blocks_of_spaxels()
    level = continuum_level(band, weights, band.wavelength_um[200])
    np.testing.assert_allclose(level.value, coadded_continuum(band, weights)[:, 200])


def test_a_continuum_is_bridged_over_the_blocks_that_are_left_out():
    flux = np.zeros((800, 1, 1))
    flux[200:400] = 9.0
    continuum = BlockContinuum.of(flux, np.ones(flux.shape, dtype=bool))
    assert continuum.cube()[299, 0, 0] == pytest.approx(9.0, abs=0.1)
    np.testing.assert_allclose(continuum.bridged(250, 350).cube(), 0.0)
    np.testing.assert_allclose(continuum.bridged(0, 799).cube(), continuum.cube())


def test_a_band_made_without_its_continuum_is_refused():
    band = replace(noise_band(level=0.0), continuum=None)
    with pytest.raises(ConfigurationError, match="does not hold the continuum"):
        continuum_level(band, blocks_of_spaxels(), 1.6)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"hbeta_angstrom": -1.0}, "hbeta_angstrom is -1"),
        ({"halpha_err_angstrom": float("nan")}, "halpha_err_angstrom is nan"),
        ({"dispersion_kms": 0.0}, "dispersion_kms is 0"),
    ],
)
def test_an_impossible_absorption_is_refused(changed, message):
    with pytest.raises(ConfigurationError, match=message):
        replace(ABSORPTION, **changed)
