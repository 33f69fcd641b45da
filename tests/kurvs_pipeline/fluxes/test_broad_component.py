"""A broad H-alpha is found where there is one, and nothing changes where there is none."""

import numpy as np
import pytest
from scipy.special import ndtr

from kurvs_pipeline.bands import FWHM_PER_SIGMA, KMOS_BANDS, SPEED_OF_LIGHT_KMS
from kurvs_pipeline.fitting.fit import fit_lines_or_fix
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.outcome import FitFlag
from kurvs_pipeline.fluxes.broad_line import fit_broad_halpha
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.pipeline import Pipeline
from kurvs_pipeline.spectra.coaddition import ApertureSpectra
from kurvs_sim import Galaxy, observe

REDSHIFT = 1.5
NARROW = {"halpha": 1.0, "nii_6584": 0.4, "nii_6548": 0.4 / 3.0, "sii_6716": 0.1, "sii_6731": 0.08}
NOISE = 12.0


@pytest.fixture(scope="module")
def model():
    band = KMOS_BANDS["H"]
    rest = band.wavelength_um / (1.0 + REDSHIFT)
    inside = (rest > 0.634) & (rest < 0.695)
    return BandLineModel.for_band(band.wavelength_um[inside], band.lsf_sigma_um, REDSHIFT)


def line(wavelength_um, lsf_sigma_um, name, velocity_kms, sigma_kms, redshift=REDSHIFT):
    """Average a line of unit flux over channels, apart from the code under test."""
    step = np.diff(wavelength_um).mean()
    edges = np.append(wavelength_um - 0.5 * step, wavelength_um[-1] + 0.5 * step)
    observed = REST_WAVELENGTH_UM[name] * (1.0 + redshift)
    centre = observed * (1.0 + velocity_kms / SPEED_OF_LIGHT_KMS)
    width = np.hypot(observed * sigma_kms / SPEED_OF_LIGHT_KMS, lsf_sigma_um)
    return np.diff(ndtr((edges - centre) / width)) / step


def spectrum(model, *, broad=0.0, broad_velocity=-120.0, broad_sigma=800.0, narrow=1.0):
    axis = (model.wavelength_um, model.lsf_sigma_um[0])
    total = broad * line(*axis, "halpha", broad_velocity, broad_sigma)
    return total + narrow * sum(f * line(*axis, name, 30.0, 80.0) for name, f in NARROW.items())


def fitted(model, flux, noise=NOISE, **options):
    flux = np.atleast_2d(flux)
    variance, fallback = np.full(flux.shape, noise**2), np.full(len(flux), 64.0)
    spectra = ApertureSpectra(flux, variance, np.ones(flux.shape, dtype=bool))
    narrow = fit_lines_or_fix(
        model, flux, variance, fallback_velocity_kms=0.0 * fallback, fallback_sigma_kms=fallback
    )
    found = fit_broad_halpha(spectra, narrow, fallback_kms=(0.0 * fallback, fallback), **options)
    return narrow, found


def noisy(truth, n_spec, seed):
    return truth + np.random.default_rng(seed).normal(0.0, NOISE, (n_spec, truth.size))


@pytest.mark.parametrize("sigma_kms", [400.0, 800.0, 2000.0])
def test_without_noise_both_components_are_recovered_exactly(model, sigma_kms):
    truth = spectrum(model, broad=2.0, broad_sigma=sigma_kms) + 5.0
    narrow, found = fitted(model, truth)
    assert found.flux[0] == pytest.approx(2.0, rel=1e-4)
    assert found.velocity_kms[0] == pytest.approx(-120.0, abs=0.1)
    assert found.sigma_kms[0] == pytest.approx(sigma_kms, rel=1e-4)
    np.testing.assert_allclose(found.narrow.flux[0], [1.0, 0.4, 0.1, 0.08], rtol=1e-4)
    assert found.narrow.velocity_kms[0] == pytest.approx(30.0, abs=0.01)
    assert found.narrow.sigma_kms[0] == pytest.approx(80.0, abs=0.01)
    np.testing.assert_allclose(found.narrow.continuum[0], 5.0, atol=0.01)
    assert found.narrow.flag[0] == FitFlag.BROAD_LINE
    # Alone, the narrow lines take what they can of the broad one.
    assert narrow.flux[0, 0] > 1.04


def test_narrow_lines_and_broad_light_make_up_the_spectrum(model):
    truth = spectrum(model, broad=2.0) + 5.0
    _, found = fitted(model, truth)
    drawn = (found.narrow.model_spectra() + found.light)[0, model.channels]
    np.testing.assert_allclose(drawn, truth[model.channels], atol=0.02)


def test_errors_of_both_components_are_those_of_noise(model):
    _, found = fitted(model, noisy(spectrum(model, broad=1.0), 150, seed=1))
    assert found.kept.all()
    pulls = np.column_stack([
        (found.flux - 1.0) / found.flux_err,
        (found.velocity_kms + 120.0) / found.velocity_err_kms,
        (found.sigma_kms - 800.0) / found.sigma_err_kms,
        (found.narrow.flux - [1.0, 0.4, 0.1, 0.08]) / found.narrow.flux_err,
        (found.narrow.velocity_kms - 30.0) / found.narrow.velocity_err_kms,
        (found.narrow.sigma_kms - 80.0) / found.narrow.sigma_err_kms,
    ])  # fmt: skip
    # 150 draws know a standard deviation to 6 per cent, a mean to 0.08.
    np.testing.assert_allclose(pulls.std(axis=0), 1.0, atol=0.18)
    np.testing.assert_allclose(pulls.mean(axis=0), 0.0, atol=0.25)
    assert np.mean(found.narrow.chi2 / found.narrow.dof) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("narrow", [1.0, 0.0])
def test_noise_makes_no_broad_line_and_leaves_the_narrow_fit_as_it_was(model, narrow):
    before, found = fitted(model, noisy(spectrum(model, narrow=narrow), 60, seed=2))
    assert not found.kept.any()
    np.testing.assert_array_equal(found.narrow.flux, before.flux)
    np.testing.assert_array_equal(found.narrow.flag, before.flag)
    assert np.all(found.light == 0.0)
    assert np.isnan(found.sigma_kms).all()


def test_an_absorption_is_no_broad_line(model):
    _, found = fitted(model, spectrum(model, broad=-0.5))
    assert not found.kept.any()


@pytest.mark.parametrize(("velocity_kms", "sigma_kms"), [(900.0, 800.0), (0.0, 250.0)])
def test_what_runs_to_the_end_of_its_range_is_not_kept(model, velocity_kms, sigma_kms):
    truth = spectrum(model, broad=2.0, broad_velocity=velocity_kms, broad_sigma=sigma_kms)
    _, found = fitted(model, truth)
    assert found.bic_difference[0] > 10.0
    assert not found.kept.any()


def test_faint_narrow_lines_beside_a_broad_one_are_held_at_the_fallback(model):
    _, found = fitted(model, noisy(spectrum(model, broad=2.0, narrow=0.02), 5, seed=3))
    assert found.kept.all()
    assert set(found.narrow.kinematics) == {"fixed"}
    assert set(found.narrow.sigma_kms) == {64.0}
    assert np.all(np.abs(found.narrow.flux[:, 0] - 0.02) < 5.0 * found.narrow.flux_err[:, 0])


def test_a_spectrum_without_data_has_no_broad_line(model):
    _, found = fitted(model, np.full(model.wavelength_um.size, np.nan))
    assert not found.kept.any()
    assert np.isnan(found.bic_difference[0])


def test_what_the_continuum_took_away_is_given_back(model):
    broad = spectrum(model, broad=2.0, broad_sigma=1500.0)
    taken = 0.4 * np.exp(-0.5 * ((model.wavelength_um - 1.641) / 0.02) ** 2) * broad.max()
    _, found = fitted(model, broad - taken, hidden=taken[None])
    assert found.flux[0] == pytest.approx(2.0, rel=1e-3)
    drawn = (found.narrow.model_spectra() + found.light)[0, model.channels]
    np.testing.assert_allclose(drawn, (broad - taken)[model.channels], atol=0.02)


def with_nucleus(observation, flux, velocity_kms, sigma_kms):
    """Add a point source with a broad H-alpha to the middle of an H cube."""
    changed = observation.copy(deep=True)
    band = changed["H"]
    profile = line(
        band["wavelength"].to_numpy(), float(band["lsf_sigma"].mean()), "halpha", velocity_kms,
        sigma_kms, redshift=float(observation.attrs["redshift"]),
    )  # fmt: skip
    x, y = np.meshgrid(band["x"], band["y"])
    image = np.exp(-0.5 * (x**2 + y**2) * (FWHM_PER_SIGMA / 0.6) ** 2)
    image /= image.sum()
    band["flux"].values[:] += (flux * profile[:, None, None] * image).astype(np.float32)
    return changed, image


@pytest.fixture(scope="module")
def cubes():
    return observe(Galaxy(), bands=["H"], seed=4)


@pytest.fixture(scope="module")
def without_nucleus(cubes):
    return Pipeline().run(cubes)


def rows(measured, name):
    table = measured.fluxes[measured.fluxes["line"] == name]
    return {row["aperture"]: row for row in table}


@pytest.mark.parametrize("sigma_kms", [500.0, 1000.0, 2000.0])
def test_a_galaxy_with_a_broad_nucleus_keeps_its_narrow_lines(cubes, without_nucleus, sigma_kms):
    truth = rows(without_nucleus, "halpha")
    nucleus = 2.0 * truth["integrated"]["flux"].value
    observed, image = with_nucleus(cubes, nucleus, 80.0, sigma_kms)
    measured = Pipeline(broad_halpha=True).run(observed)
    narrow, broad = rows(measured, "halpha"), rows(measured, "halpha_broad")
    for index, name in enumerate(("integrated", "A")):
        assert narrow[name]["flag"] == "broad_line"
        assert abs(narrow[name]["flux"] - truth[name]["flux"]) < 1.5 * narrow[name]["flux_err"]
        inside = nucleus * np.sum(measured.weights[index] * image)
        assert broad[name]["flux"].value == pytest.approx(inside, rel=0.1)
        assert broad[name]["sigma"].value == pytest.approx(sigma_kms, rel=0.1)
    fit = next(iter(measured.fits.values()))
    drawn = fit.model_spectra()[0]
    spectra = fit.spectra
    pulls = ((spectra.flux - drawn) / np.sqrt(spectra.variance))[0, fit.model.channels]
    assert np.std(pulls) < 1.1
    alone = rows(Pipeline().run(observed), "halpha")["integrated"]["flux"].value
    assert alone > truth["integrated"]["flux"].value


def test_a_galaxy_without_a_nucleus_is_measured_as_without_the_option(cubes, without_nucleus):
    measured = Pipeline(broad_halpha=True).run(cubes)
    assert "halpha_broad" not in measured.fluxes["line"]
    np.testing.assert_array_equal(measured.fluxes["flux"], without_nucleus.fluxes["flux"])
    np.testing.assert_array_equal(measured.fluxes["flux_err"], without_nucleus.fluxes["flux_err"])
