"""Compiled and plain line fits are the same fits; a given start finds the same minimum."""

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import norm

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.fitting import engines, plain
from kurvs_pipeline.fitting import variable_projection as projection
from kurvs_pipeline.fitting.fit import fit_lines, fit_lines_or_fix
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.outcome import FitFlag

N_SPEC = 60

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")


def model_of(band_name):
    band = KMOS_BANDS[band_name]
    return BandLineModel.for_band(band.wavelength_um, band.lsf_sigma_um, 1.5)


def spectra_of(model, *, snr, seed=1, velocity_kms=350.0, sigma_kms=(20.0, 150.0), sign=1.0):
    """Spectra whose brightest line has about this S/N, and the kinematics put in."""
    rng = np.random.default_rng(seed)
    velocity = rng.uniform(-velocity_kms, velocity_kms, N_SPEC)
    sigma = rng.uniform(*sigma_kms, N_SPEC)
    n_groups = len(model.groups)
    amplitudes = sign * rng.uniform(0.2, 1.0, (N_SPEC, n_groups))
    lines = np.einsum("nup,np->nu", model.design(velocity, sigma)[:, :, :n_groups], amplitudes)
    noise = np.sqrt(np.median(np.sum(lines**2, axis=1))) / snr
    flux = rng.normal(0.0, noise, (N_SPEC, model.wavelength_um.size))
    flux[:, model.channels] += lines
    variance = noise**2 * rng.uniform(0.5, 2.0, (N_SPEC, 1)) * np.ones_like(flux)
    return flux, variance, (velocity, sigma)


def assert_same_fits(found, expected):
    """All that is given, to 1e-6 of its error."""
    np.testing.assert_array_equal(found.flag, expected.flag)
    errors = {"flux": "flux_err", "velocity_kms": "velocity_err_kms", "sigma_kms": "sigma_err_kms"}
    for name, error_name in errors.items():
        value, reference = getattr(found, name), getattr(expected, name)
        error = getattr(expected, error_name)
        where = np.isfinite(error)
        assert np.all(np.abs(value - reference)[where] < 1e-6 * error[where])
        np.testing.assert_array_equal(np.isnan(value), np.isnan(reference))
    np.testing.assert_allclose(found.flux_covariance, expected.flux_covariance, rtol=1e-6)
    np.testing.assert_allclose(found.velocity_err_kms, expected.velocity_err_kms, rtol=1e-6)
    np.testing.assert_allclose(found.sigma_err_kms, expected.sigma_err_kms, rtol=1e-6)
    np.testing.assert_allclose(found.continuum, expected.continuum, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(found.chi2, expected.chi2, rtol=1e-9)
    np.testing.assert_array_equal(found.dof, expected.dof)


def assert_engines_agree(model, flux, variance, **options):
    compiled = fit_lines(model, flux, variance, **options)
    assert_same_fits(compiled, fit_lines(model, flux, variance, compiled=False, **options))
    return compiled


@needs_numba
@pytest.mark.parametrize("snr", [3.0, 30.0, 3000.0])
@pytest.mark.parametrize("band", ["IZ", "YJ", "H"])
def test_engines_agree_at_any_signal_to_noise(band, snr):
    model = model_of(band)
    flux, variance, kinematics = spectra_of(model, snr=snr)
    assert_engines_agree(model, flux, variance)
    assert_engines_agree(model, flux, variance, velocity_kms=kinematics[0], sigma_kms=kinematics[1])


@needs_numba
def test_engines_agree_on_noise_and_on_absorption():
    model = model_of("H")
    flux, variance, _ = spectra_of(model, snr=1e-3)
    assert_engines_agree(model, flux, variance)
    flux, variance, _ = spectra_of(model, snr=20.0, sign=-1.0)
    assert_engines_agree(model, flux, variance)


@needs_numba
def test_engines_agree_on_masked_channels_and_spectra_without_data():
    model = model_of("H")
    flux, variance, _ = spectra_of(model, snr=30.0)
    mask = np.random.default_rng(2).uniform(size=flux.shape) < 0.2
    mask[10:20, model.wavelength_um > 1.65] = True
    flux[:3], variance[3:6] = np.nan, 0.0
    fits = assert_engines_agree(model, flux, variance, mask=mask)
    assert np.all(fits.flag[:6] & FitFlag.NO_DATA)
    assert np.all(fits.flag[10:20] & FitFlag.PARTIAL)


@needs_numba
def test_engines_agree_on_unresolved_lines_and_at_the_bounds():
    model = model_of("H")
    flux, variance, _ = spectra_of(model, snr=50.0, sigma_kms=(0.0, 6.0))
    fits = assert_engines_agree(model, flux, variance)
    assert np.any(fits.flag & FitFlag.UNRESOLVED)
    flux, variance, _ = spectra_of(model, snr=50.0, sigma_kms=(200.0, 600.0))
    fits = assert_engines_agree(model, flux, variance, velocity_range_kms=(-200.0, 200.0))
    assert np.any(fits.flag & FitFlag.AT_BOUND)


@needs_numba
def test_engines_agree_where_some_kinematics_are_unknown():
    model = model_of("YJ")
    flux, variance, (velocity, sigma) = spectra_of(model, snr=10.0)
    velocity[::3] = np.nan
    fits = assert_engines_agree(model, flux, variance, velocity_kms=velocity, sigma_kms=sigma)
    assert np.all(fits.flag[::3] & FitFlag.NO_DATA)
    assert_engines_agree(model, flux, variance, start_kms=(velocity, sigma))


@needs_numba
def test_compiled_fits_do_not_depend_on_their_neighbours():
    model = model_of("H")
    flux, variance, kinematics = spectra_of(model, snr=15.0)
    flux[7] = np.nan
    order = np.random.default_rng(3).permutation(N_SPEC)
    fits = fit_lines(model, flux, variance, start_kms=kinematics)
    shuffled = fit_lines(
        model, flux[order], variance[order], start_kms=tuple(k[order] for k in kinematics)
    )
    np.testing.assert_array_equal(shuffled.flux, fits.flux[order])
    np.testing.assert_array_equal(shuffled.flux_covariance, fits.flux_covariance[order])


@needs_numba
def test_numba_is_imported_by_the_first_fit_only():
    code = "import sys, kurvs_pipeline.pipeline; print('numba' in sys.modules)"
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_without_a_numba_that_works_fits_are_those_of_numpy(monkeypatch, request):
    def refuse(name):
        raise ImportError(f"{name} needs an older numpy")

    monkeypatch.setattr(engines, "import_module", refuse)
    engines._has_numba.cache_clear()
    request.addfinalizer(engines._has_numba.cache_clear)
    assert engines.engine_for(compiled=True) is plain
    model = model_of("YJ")
    flux, variance, _ = spectra_of(model, snr=10.0)
    found = fit_lines(model, flux, variance)
    np.testing.assert_array_equal(found.flux, fit_lines(model, flux, variance, compiled=False).flux)


@needs_numba
def test_code_without_a_place_on_disk_is_compiled_all_the_same():
    from kurvs_pipeline.fitting.compiled.numba import compiled  # noqa: PLC0415 - needs numba

    namespace = {}
    exec("def double(number):\n    return 2.0 * number", namespace)  # noqa: S102
    assert compiled(namespace["double"])(21.0) == pytest.approx(42.0)


@needs_numba
def test_the_normal_distribution_between_nodes_is_that_of_scipy():
    from kurvs_pipeline.fitting.compiled.descent import _normal  # noqa: PLC0415 - needs numba

    values = np.linspace(-7.5, 7.5, 3001)
    below, density = np.transpose([_normal(value) for value in values])
    np.testing.assert_allclose(below, ndtr(values), atol=1e-14)
    np.testing.assert_allclose(density, norm.pdf(values), atol=1e-12)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_start_near_the_truth_ends_where_the_grid_does(compiled):
    model = model_of("H")
    flux, variance, (velocity, sigma) = spectra_of(model, snr=30.0)
    cold = fit_lines(model, flux, variance, compiled=compiled)
    warm = fit_lines(model, flux, variance, start_kms=(velocity, sigma), compiled=compiled)
    assert cold.converged.mean() > 0.9
    both = cold.converged & warm.converged
    np.testing.assert_array_equal(warm.flag[both], cold.flag[both])
    offset = (warm.flux - cold.flux)[both] / cold.flux_err[both]
    assert np.abs(offset).max() < 1e-2


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("kinematics", [{}, {"velocity_kms": 0.0, "sigma_kms": 50.0}])
def test_no_spectra_give_no_fits(compiled, kinematics):
    model = model_of("H")
    none = np.empty((0, model.wavelength_um.size))
    fits = fit_lines(model, none, none, compiled=compiled, **kinematics)
    assert fits.flux.shape == (0, len(model.groups))


def test_spectra_without_a_start_search_the_grid():
    model = model_of("H")
    flux, variance, (velocity, sigma) = spectra_of(model, snr=30.0)
    velocity[:30], sigma[30:40] = np.nan, np.nan
    warm = fit_lines(model, flux, variance, start_kms=(velocity, sigma))
    cold = fit_lines(model, flux, variance)
    np.testing.assert_allclose(warm.flux[:40], cold.flux[:40], rtol=1e-9)


def test_a_start_beyond_the_bounds_begins_at_the_bound():
    model = model_of("H")
    flux, variance, _ = spectra_of(model, snr=50.0, velocity_kms=50.0)
    fits = fit_lines(
        model, flux, variance, start_kms=(110.0, 1000.0), velocity_range_kms=(-100.0, 100.0)
    )
    assert fits.converged.mean() > 0.8


def test_fits_that_fall_back_take_a_start_too():
    model = model_of("H")
    flux, variance, kinematics = spectra_of(model, snr=40.0)
    fallback = {"fallback_velocity_kms": 0.0, "fallback_sigma_kms": 60.0}
    cold = fit_lines_or_fix(model, flux, variance, **fallback)
    warm = fit_lines_or_fix(model, flux, variance, start_kms=kinematics, **fallback)
    np.testing.assert_array_equal(warm.kinematics, cold.kinematics)


def test_the_core_of_a_line_counts_the_valid_part_of_its_channels():
    model = model_of("H")
    rng = np.random.default_rng(4)
    velocity, sigma = rng.uniform(-400, 400, 50), rng.uniform(5, 400, 50)
    weight = (rng.uniform(size=(50, model.channels.size)) < 0.5).astype(float)
    parts = np.einsum("ngu,nu->ng", model.line_overlap(velocity, sigma), weight)
    np.testing.assert_array_equal(
        projection.core_coverage(model, weight, velocity, sigma), parts >= 0.5
    )


def test_models_are_equal_if_all_that_defines_them_is():
    model, other = model_of("H"), model_of("H")
    assert model == other
    assert hash(model) == hash(other)
    assert model != model_of("YJ")
    assert model != BandLineModel.for_band(
        model.wavelength_um, model.lsf_sigma_um, 1.5, window_kms=1500.0
    )
