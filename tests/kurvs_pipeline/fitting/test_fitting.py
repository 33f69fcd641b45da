"""Line fits: exact without noise, honest with it, silent on rubbish."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit
from scipy.special import ndtr

from kurvs_pipeline.bands import KMOS_BANDS, SPEED_OF_LIGHT_KMS
from kurvs_pipeline.errors import ConfigurationError, CoverageError
from kurvs_pipeline.fitting.fit import fit_lines, fit_lines_or_fix
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.outcome import FitFlag, describe_flag
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim.instrument.spaxels import NoiseModel

REDSHIFT = 1.5


def line_model(band_name="H", low_rest_um=0.645, high_rest_um=0.664, **options):
    band = KMOS_BANDS[band_name]
    wavelength = band.wavelength_um
    inside = (wavelength > low_rest_um * (1 + REDSHIFT)) & (
        wavelength < high_rest_um * (1 + REDSHIFT)
    )
    return BandLineModel.for_band(wavelength[inside], band.lsf_sigma_um, REDSHIFT, **options)


def gaussian_spectrum(model, fluxes, velocity_kms, sigma_kms):
    """Average line profiles over channels, written apart from the code under test."""
    edges = np.concatenate(
        [
            [1.5 * model.wavelength_um[0] - 0.5 * model.wavelength_um[1]],
            0.5 * (model.wavelength_um[1:] + model.wavelength_um[:-1]),
            [1.5 * model.wavelength_um[-1] - 0.5 * model.wavelength_um[-2]],
        ]
    )
    total = np.zeros(model.wavelength_um.size)
    for name, flux in fluxes.items():
        observed = REST_WAVELENGTH_UM[name] * (1 + REDSHIFT)
        centre = observed * (1 + velocity_kms / SPEED_OF_LIGHT_KMS)
        width = np.hypot(observed * sigma_kms / SPEED_OF_LIGHT_KMS, model.lsf_sigma_um[0])
        total += flux * np.diff(ndtr((edges - centre) / width)) / np.diff(edges)
    return total


def halpha_nii(model, velocity_kms, sigma_kms, *, halpha=1.0, nii=0.3, continuum=0.0):
    lines = {"halpha": halpha, "nii_6584": nii, "nii_6548": nii / 3.0}
    return gaussian_spectrum(model, lines, velocity_kms, sigma_kms) + continuum


def noise_for_snr(model, spectrum_of_line, snr):
    """Noise a channel at which a matched filter sees the line with that S/N."""
    return np.sqrt(np.sum(spectrum_of_line[model.channels] ** 2)) / snr


def many_noisy(n_spec, snr, *, seed, velocity_kms=40.0, sigma_kms=60.0):
    model = line_model()
    truth = halpha_nii(model, velocity_kms, sigma_kms)
    noise = noise_for_snr(model, halpha_nii(model, velocity_kms, sigma_kms, nii=0.0), snr)
    rng = np.random.default_rng(seed)
    flux = truth + rng.normal(0.0, noise, (n_spec, truth.size))
    return model, flux, np.full(flux.shape, noise**2)


def test_noise_free_lines_are_recovered_exactly():
    model = line_model()
    rng = np.random.default_rng(1)
    velocity, sigma = rng.uniform(-300, 300, 50), rng.uniform(20, 200, 50)
    nii, continuum = rng.uniform(0.05, 1.0, 50), rng.normal(0, 20, 50)
    flux = np.array(
        [
            halpha_nii(model, v, s, nii=n, continuum=c)
            for v, s, n, c in zip(velocity, sigma, nii, continuum, strict=True)
        ]
    )
    fits = fit_lines(model, flux, np.full(flux.shape, 25.0))
    assert fits.converged.all()
    np.testing.assert_allclose(fits.flux, np.column_stack([np.ones(50), nii]), rtol=1e-6)
    np.testing.assert_allclose(fits.velocity_kms, velocity, atol=1e-3)
    np.testing.assert_allclose(fits.sigma_kms, sigma, rtol=1e-5)
    np.testing.assert_allclose(fits.continuum[:, 0], continuum, atol=1e-4)


def test_channels_hold_the_mean_of_the_profile_not_its_value_at_the_centre():
    model = line_model()
    step = np.diff(model.wavelength_um).mean()
    spectrum = model.design(13.0, 5.0)[0, :, 0]
    assert spectrum.sum() * step == pytest.approx(1.0, abs=1e-6)
    expected = halpha_nii(model, 13.0, 5.0, nii=0.0)[model.channels]
    np.testing.assert_allclose(spectrum, expected, atol=1e-6 * expected.max())


def test_flux_and_error_agree_with_curve_fit():
    model, flux, variance = many_noisy(20, 25.0, seed=2)
    fits = fit_lines(model, flux, variance)
    used = model.channels

    def spectrum(_, halpha, nii, velocity, sigma, continuum):
        return halpha_nii(model, velocity, sigma, halpha=halpha, nii=nii, continuum=continuum)[used]

    for row in range(20):
        best, covariance = curve_fit(
            spectrum, model.wavelength_um[used], flux[row, used], p0=[1.0, 0.3, 40.0, 60.0, 0.0],
            sigma=np.sqrt(variance[row, used]), absolute_sigma=True,
        )  # fmt: skip
        error = np.sqrt(np.diag(covariance))
        np.testing.assert_allclose(fits.flux[row], best[:2], atol=0.01 * error[0])
        np.testing.assert_allclose(fits.flux_err[row], error[:2], rtol=0.01)
        np.testing.assert_allclose(fits.velocity_kms[row], best[2], atol=0.02 * error[2])
        np.testing.assert_allclose(fits.velocity_err_kms[row], error[2], rtol=0.01)
        np.testing.assert_allclose(fits.sigma_kms[row], best[3], atol=0.02 * error[3])
        np.testing.assert_allclose(fits.sigma_err_kms[row], error[3], rtol=0.02)
        np.testing.assert_allclose(
            fits.flux_covariance[row, 0, 1], covariance[0, 1], atol=0.01 * error[0] * error[1]
        )


def test_pulls_have_unit_width_at_snr_20():
    model, flux, variance = many_noisy(2000, 20.0, seed=3)
    fits = fit_lines(model, flux, variance)
    assert fits.converged.mean() > 0.998
    pulls = (fits.flux - [1.0, 0.3]) / fits.flux_err
    np.testing.assert_allclose(np.nanstd(pulls, axis=0), 1.0, atol=0.05)
    np.testing.assert_allclose(np.nanmean(pulls, axis=0), 0.0, atol=0.07)
    kinematic = (fits.velocity_kms - 40.0) / fits.velocity_err_kms
    assert np.nanstd(kinematic) == pytest.approx(1.0, abs=0.05)


def test_empty_spectra_with_fixed_kinematics_give_a_standard_normal():
    model = line_model()
    rng = np.random.default_rng(4)
    flux = rng.normal(0.0, 3.0, (10_000, model.wavelength_um.size))
    fits = fit_lines(model, flux, np.full(flux.shape, 9.0), velocity_kms=0.0, sigma_kms=64.0)
    assert fits.snr.std() == pytest.approx(1.0, abs=0.02)
    assert fits.snr.mean() == pytest.approx(0.0, abs=0.03)
    assert np.sum(fits.snr > 4.0) <= 3


N_EMPTY = 12_000


@pytest.mark.statistical
@pytest.mark.parametrize("band_name", ["IZ", "YJ", "H"])
def test_fewer_than_1_in_2000_empty_spectra_under_the_sky_show_a_line(band_name):
    band = KMOS_BANDS[band_name]
    model = BandLineModel.for_band(band.wavelength_um, band.lsf_sigma_um, REDSHIFT)
    sky = NoiseModel().relative_variance(band)
    rng = np.random.default_rng(1)
    false_positives = 0
    for _ in range(N_EMPTY // 2000):
        flux = rng.normal(0.0, np.sqrt(sky), (2000, sky.size))
        fits = fit_lines_or_fix(
            model, flux, np.broadcast_to(sky, flux.shape),
            fallback_velocity_kms=rng.uniform(-200.0, 200.0, 2000), fallback_sigma_kms=64.0,
        )  # fmt: skip
        false_positives += np.sum(np.any(fits.to_lines().snr > 4.0, axis=1))
    assert false_positives < N_EMPTY / 2000


def test_unresolved_lines_keep_their_flux():
    model, flux, variance = many_noisy(2000, 40.0, seed=5, velocity_kms=11.0, sigma_kms=5.0)
    fits = fit_lines(model, flux, variance)
    unresolved = (fits.flag & FitFlag.UNRESOLVED) != 0
    assert np.isnan(fits.sigma_kms[unresolved]).all()
    assert np.isfinite(fits.flux).all()
    # A width cannot come out below zero, so half of the noise widens the line: 0.3 of the error.
    assert fits.flux[:, 0].mean() == pytest.approx(1.0, abs=0.01)


def test_a_line_at_the_width_limit_is_called_unresolved_and_not_measured():
    model = line_model()
    flux = halpha_nii(model, 0.0, 1.0)[None]
    fits = fit_lines(model, flux, np.full(flux.shape, 1.0))
    assert describe_flag(int(fits.flag[0])) == "unresolved"
    assert np.isnan(fits.sigma_kms[0])
    assert fits.flux[0, 0] == pytest.approx(1.0, abs=0.02)


def test_errors_of_poor_fits_grow_by_the_root_of_the_reduced_chi2_and_those_of_good_ones_stay():
    model, flux, variance = many_noisy(2, 100.0, seed=3)
    flux[1] += 6.0 * np.sqrt(variance[1]) * (-1.0) ** np.arange(flux.shape[1])
    plain = fit_lines(model, flux, variance)
    fits = plain.with_errors_of_misfit()
    growth = np.array([1.0, np.sqrt(plain.reduced_chi2[1])])
    assert growth[1] > 5.0
    np.testing.assert_allclose(fits.flux_err, plain.flux_err * growth[:, None])
    np.testing.assert_allclose(fits.velocity_err_kms, plain.velocity_err_kms * growth)
    np.testing.assert_array_equal(fits.flux, plain.flux)


def test_the_oii_sum_is_unbiased_and_better_known_than_its_lines():
    model = line_model("IZ", 0.366, 0.380)
    rng = np.random.default_rng(6)
    truth = gaussian_spectrum(model, {"oii_3726": 0.45, "oii_3729": 0.55}, -30.0, 70.0)
    noise = noise_for_snr(model, truth, 20.0)
    flux = truth + rng.normal(0.0, noise, (1000, truth.size))
    lines = fit_lines(model, flux, np.full(flux.shape, noise**2)).to_lines()
    assert lines.names == ("oii_3726", "oii_3729", "oii")
    pull = (lines.flux[:, 2] - 1.0) / lines.flux_err[:, 2]
    assert lines.flux[:, 2].mean() == pytest.approx(1.0, abs=0.006)
    assert pull.std() == pytest.approx(1.0, abs=0.07)
    unrelated = np.hypot(lines.flux_err[:, 0], lines.flux_err[:, 1])
    assert np.median(lines.flux_err[:, 2] / unrelated) < 0.98


def test_tied_members_follow_their_group():
    model, flux, variance = many_noisy(3, 30.0, seed=7)
    lines = fit_lines(model, flux, variance).to_lines()
    first, second = lines.names.index("nii_6584"), lines.names.index("nii_6548")
    np.testing.assert_allclose(lines.flux[:, second], lines.flux[:, first] / 3.0)
    np.testing.assert_allclose(lines.flux_err[:, second], lines.flux_err[:, first] / 3.0)


def test_free_kinematics_are_found_at_low_snr_anywhere_in_the_range():
    for velocity in (-330.0, 0.0, 250.0):
        model, flux, variance = many_noisy(200, 8.0, seed=8, velocity_kms=velocity)
        fits = fit_lines(model, flux, variance)
        offset = np.abs(fits.velocity_kms - velocity)
        assert np.mean(offset < 60.0) > 0.95


def test_free_kinematics_do_not_settle_on_absorption():
    model = line_model()
    flux = (halpha_nii(model, 100.0, 60.0) - halpha_nii(model, -200.0, 60.0, halpha=1.5))[None]
    fits = fit_lines(model, flux, np.full(flux.shape, 400.0))
    assert fits.velocity_kms[0] == pytest.approx(100.0, abs=40.0)
    assert fits.flux[0, 0] > 0.0


def test_a_line_out_of_the_velocity_range_is_a_flag_and_nan():
    model = line_model()
    flux = halpha_nii(model, 330.0, 60.0, nii=0.0)[None]
    fits = fit_lines(model, flux, np.ones(flux.shape), velocity_range_kms=(-200.0, 200.0))
    assert fits.flag[0] & FitFlag.AT_BOUND
    assert not fits.converged[0]
    assert np.isnan(fits.flux).all()
    assert np.isnan(fits.velocity_kms[0])


def test_masked_and_nan_channels_have_no_influence():
    model, flux, variance = many_noisy(5, 30.0, seed=9)
    clean = np.zeros(flux.shape, dtype=bool)
    clean[:, 100:104] = True
    expected = fit_lines(model, flux, variance, mask=clean)
    spoilt_flux, spoilt_variance = flux.copy(), variance.copy()
    spoilt_flux[:, 100], spoilt_flux[:, 101] = np.nan, np.inf
    spoilt_variance[:, 102], spoilt_variance[:, 103] = 0.0, np.nan
    found = fit_lines(model, spoilt_flux, spoilt_variance)
    np.testing.assert_allclose(found.flux, expected.flux)
    np.testing.assert_array_equal(found.dof, expected.dof)


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("value", [np.nan, 0.0, 1.0])
def test_spectra_without_information_are_flagged_nan(fixed, value):
    model = line_model()
    shape = (3, model.wavelength_um.size)
    variance = np.full(shape, value)
    flux = np.full(shape, value)
    mask = np.ones(shape, dtype=bool)
    kinematics = {"velocity_kms": 0.0, "sigma_kms": 50.0} if fixed else {}
    fits = fit_lines(model, flux, variance, mask=mask, **kinematics)
    assert np.isnan(fits.flux).all()
    assert np.isnan(fits.velocity_kms).all()
    assert np.all(fits.flag & FitFlag.NO_DATA)


def test_all_zero_flux_gives_no_plausible_number():
    model = line_model()
    flux = np.zeros((2, model.wavelength_um.size))
    fits = fit_lines(model, flux, np.ones_like(flux))
    assert np.isnan(fits.flux).all()
    assert np.isnan(fits.velocity_kms).all()
    assert np.all(fits.flag & FitFlag.NOT_CONVERGED)


def test_a_line_whose_core_is_masked_is_nan_while_the_others_stand():
    model, flux, variance = many_noisy(4, 40.0, seed=10)
    nii = REST_WAVELENGTH_UM["nii_6584"] * (1 + REDSHIFT)
    mask = np.broadcast_to(np.abs(model.wavelength_um - nii) < 0.0022, flux.shape).copy()
    mask[0] = False
    fits = fit_lines(model, flux, variance, mask=mask)
    assert np.isfinite(fits.flux[0]).all()
    assert np.isnan(fits.flux[1:, 1]).all()
    assert np.all(fits.flag[1:] & FitFlag.PARTIAL)
    np.testing.assert_allclose(fits.flux[1:, 0], 1.0, atol=0.15)
    assert np.isnan(fits.to_lines().flux[1:, fits.to_lines().names.index("nii_6548")]).all()


def test_a_batch_equals_its_spectra_one_by_one():
    model, flux, variance = many_noisy(450, 6.0, seed=11)
    batch = fit_lines(model, flux, variance)
    for row in (0, 7, 199, 200, 449):
        alone = fit_lines(model, flux[row : row + 1], variance[row : row + 1])
        np.testing.assert_allclose(batch.flux[row], alone.flux[0], rtol=1e-7)
        np.testing.assert_allclose(batch.sigma_kms[row], alone.sigma_kms[0], rtol=1e-6)
        assert batch.flag[row] == alone.flag[0]


@settings(max_examples=15)
@given(exponent=st.integers(-20, 12))
def test_fits_do_not_depend_on_the_unit_of_flux(exponent):
    model, flux, variance = many_noisy(4, 15.0, seed=12)
    scale = 10.0**exponent
    unit, scaled = (
        fit_lines(model, flux, variance),
        fit_lines(model, flux * scale, variance * scale**2),
    )
    np.testing.assert_allclose(scaled.flux / scale, unit.flux, rtol=1e-6)
    np.testing.assert_allclose(scaled.flux_err / scale, unit.flux_err, rtol=1e-6)
    np.testing.assert_allclose(scaled.velocity_kms, unit.velocity_kms, atol=1e-4)


def test_float32_input_is_fitted_in_double_precision():
    model, flux, variance = many_noisy(4, 15.0, seed=13)
    single = fit_lines(model, flux.astype(np.float32), variance.astype(np.float32))
    assert single.flux.dtype == np.float64
    np.testing.assert_allclose(single.flux, fit_lines(model, flux, variance).flux, rtol=1e-4)


def test_faint_spectra_fall_back_on_given_kinematics():
    model, flux, variance = many_noisy(40, 30.0, seed=14)
    flux[20:] = np.random.default_rng(15).normal(0.0, np.sqrt(variance[20:]))
    fits = fit_lines_or_fix(
        model, flux, variance, fallback_velocity_kms=40.0, fallback_sigma_kms=np.full(40, 60.0)
    )
    assert (fits.kinematics[:20] == "free").all()
    assert (fits.kinematics[20:] == "fixed").mean() > 0.8
    fixed = fits.kinematics == "fixed"
    np.testing.assert_allclose(fits.velocity_kms[fixed], 40.0)
    assert np.isnan(fits.velocity_err_kms[fixed]).all()
    assert fits.snr[fixed].std() == pytest.approx(1.0, abs=0.35)


def test_model_spectra_show_the_fit_on_the_full_grid():
    model = line_model()
    flux = halpha_nii(model, 20.0, 80.0, continuum=3.0)[None]
    drawn = fit_lines(model, flux, np.ones(flux.shape)).model_spectra()
    inside = np.isfinite(drawn[0])
    assert inside.sum() == model.channels.size
    np.testing.assert_allclose(drawn[0, inside], flux[0, inside], atol=1e-2)


def test_windows_that_overlap_share_one_continuum():
    assert len(line_model("H", 0.645, 0.680).windows) == 2
    assert len(line_model("H", 0.645, 0.664).windows) == 1
    assert len(line_model("YJ", 0.480, 0.510).windows) == 2
    assert len(line_model("YJ", 0.480, 0.510, window_kms=1000.0).windows) == 3


def test_a_grid_without_lines_is_refused():
    band = KMOS_BANDS["H"]
    with pytest.raises(CoverageError, match="redshift"):
        BandLineModel.for_band(band.wavelength_um, band.lsf_sigma_um, 9.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"velocity_kms": 0.0}, "together"),
        ({"velocity_range_kms": (100.0, -100.0)}, "velocity_range_kms"),
        ({"sigma_range_kms": (0.0, 100.0)}, "sigma_range_kms"),
    ],
)
def test_impossible_options_are_refused(options, message):
    model, flux, variance = many_noisy(1, 10.0, seed=16)
    with pytest.raises(ConfigurationError, match=message):
        fit_lines(model, flux, variance, **options)


def test_spectra_on_another_grid_are_refused():
    model, flux, variance = many_noisy(1, 10.0, seed=17)
    with pytest.raises(ConfigurationError, match="shape"):
        fit_lines(model, flux[:, :-1], variance[:, :-1])
