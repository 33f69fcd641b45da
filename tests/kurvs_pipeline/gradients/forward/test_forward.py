"""The forward estimator: known disks are recovered, and what cannot be known is said."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.errors import CoverageError, FitError, MetadataError
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.geometry import aperture_weights
from kurvs_pipeline.gradients.forward.estimator import (
    FREE_PARAMETERS,
    ForwardFit,
    _importance_samples,
)
from kurvs_pipeline.gradients.forward.fluxes import ApertureFluxes
from kurvs_pipeline.gradients.forward.model import ForwardModel
from kurvs_pipeline.gradients.forward.posterior import NestedLaplace, grid_posterior
from kurvs_pipeline.gradients.forward.profiles import InverseCalibration, NitrogenProfiles
from kurvs_pipeline.observation import metadata_of
from kurvs_pipeline.smearing.matrix import InclinedDisk
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.smearing.sky_apertures import EllipseApertures, SpaxelApertures
from kurvs_sim import Galaxy, observe
from kurvs_sim.profiles.radial import Linear

KPC_PER_ARCSEC = kpc_per_arcsec(1.5)
NITROGEN = NitrogenProfiles(InverseCalibration(DIAGNOSTICS["n2"]))
ANNULI = ((0.0, 0.5), (0.5, 1.0), (1.0, 1.5))
DISK = InclinedDisk(50.0, 30.0)
KNOWN_SEEING = SeeingKnowledge(0.6)


def model_of(*, radius_arcsec=0.5, seeing=KNOWN_SEEING, disk=DISK, inclination_err_deg=0.0):
    apertures = EllipseApertures(ANNULI, DISK.cosine, DISK.position_angle_deg)
    return ForwardModel(
        disk, radius_arcsec, KPC_PER_ARCSEC, seeing, apertures, NITROGEN, inclination_err_deg
    )


def parameters_of(model, *, abundance=8.5):
    parameters = model.prior_mean.copy()
    parameters[0] = abundance
    return parameters


def fluxes_of(model, gradient, *, snr=50.0, noise=0, abundance=8.5):
    """Fluxes of a model, with the same error in both lines and all annuli."""
    flux = model.predict(np.array([gradient]), parameters_of(model, abundance=abundance)[None]).flux
    error = flux[0, 0].sum() / snr / np.sqrt(3.0)
    if noise:
        random = np.random.default_rng(noise)
        flux = flux + error * random.standard_normal((noise, *flux.shape[1:]))
    covariance = error**2 * np.eye(flux[0].size).reshape(*flux.shape[1:], *flux.shape[1:])
    return ApertureFluxes(flux, covariance)


def fit(model, fluxes):
    return ForwardFit.of(model, fluxes, np.random.default_rng(0))


# What the model predicts


@settings(max_examples=20)
@given(
    gradient=st.floats(-0.1, 0.1), abundance=st.floats(8.0, 8.9), scale=st.floats(-0.3, 0.3),
    deviations=st.tuples(*[st.floats(-1.5, 1.5)] * 3),
)  # fmt: skip
def test_derivatives_are_those_of_finite_differences(gradient, abundance, scale, deviations):
    model = model_of(seeing=SeeingKnowledge(0.6, 0.2, 0.1, 0.1), inclination_err_deg=5.0)
    at = parameters_of(model, abundance=abundance)
    at[2] += scale
    at[3:] = deviations
    found = model.predict(np.array([gradient]), at[None]).by_parameter[0]
    step = 1e-5 * np.eye(len(at))
    above, below = (model.predict(np.full(len(at), gradient), at + s * step).flux for s in (1, -1))
    np.testing.assert_allclose(found, (above - below) / 2e-5, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("seeing", [None, SeeingKnowledge(0.6), SeeingKnowledge(0.7, 0.33)])
def test_a_flat_abundance_stays_flat(seeing):
    model = model_of(seeing=seeing)
    flux = model.predict(np.zeros(1), parameters_of(model)[None]).flux[0]
    np.testing.assert_allclose(flux[1] / flux[0], 10.0 ** ((8.5 - 8.98) / 0.63), rtol=1e-10)


def test_deviations_of_the_seeing_are_those_of_another_seeing():
    known = SeeingKnowledge(0.6, 0.2, log_fwhm_err=0.1)
    model = model_of(seeing=known)
    moved = parameters_of(model)
    moved[-1] = 0.5
    wider = model_of(seeing=SeeingKnowledge(0.6 * np.exp(0.05), 0.2))
    expected = wider.predict(np.array([-0.03]), parameters_of(wider)[None]).flux
    found = model.predict(np.array([-0.03]), moved[None]).flux
    np.testing.assert_allclose(found, expected, rtol=2e-3)


# What is recovered


@dataclass(frozen=True)
class SimulatedFluxes:
    model: ForwardModel
    fluxes: ApertureFluxes


def simulated(gradient, *, spaxels=False, inclination=45.0, radius_arcsec=0.5):
    """Noise-free lines of the simulator, which smears by another code path."""
    kpc = radius_arcsec * KPC_PER_ARCSEC
    galaxy = Galaxy(
        redshift=1.5, inclination_deg=inclination, position_angle_deg=25.0,
        effective_radius_arcsec=radius_arcsec,
        oxygen_abundance=Linear(central=8.5 - gradient * kpc, gradient=gradient),
    )  # fmt: skip
    mock = observe(galaxy, halpha_snr=None, bands=("H",), within_kms_of_lines=3000)
    metadata, band = metadata_of(mock), mock["H"]
    x, y = band["x"], band["y"]
    if spaxels:
        used = np.hypot(x.to_numpy(), y.to_numpy()[:, None]) < 1.2
        weights = np.eye(used.size)[used.ravel()].reshape(-1, *used.shape)
    else:
        annuli = BinningScheme().annuli(radius_arcsec)
        weights = np.stack([aperture_weights(annulus, metadata, x, y) for annulus in annuli])
    apertures = SpaxelApertures(weights, x.to_numpy(), y.to_numpy())
    maps = mock["truth"]["line_map_smeared"].sel(line=["halpha", "nii_6584"]).to_numpy()
    flux = np.einsum("ayx,lyx->la", apertures.weights, maps)[None]
    error = flux[0, 0].sum() / (3000.0 if spaxels else 300.0)
    covariance = error**2 * np.eye(flux.size).reshape(*flux.shape[1:], *flux.shape[1:])
    model = ForwardModel(
        InclinedDisk.of(metadata), radius_arcsec, KPC_PER_ARCSEC,
        SeeingKnowledge.exact(metadata), apertures, NITROGEN,
    )  # fmt: skip
    return SimulatedFluxes(model, ApertureFluxes(flux, covariance))


@pytest.mark.parametrize("gradient", [-0.08, -0.02, 0.0, 0.05])
def test_the_gradient_of_a_simulated_disk_is_recovered(gradient):
    mock = simulated(gradient)
    assert fit(mock.model, mock.fluxes).flat.gradient[0] == pytest.approx(gradient, abs=0.002)


def test_it_is_recovered_from_spaxels_too():
    mock = simulated(-0.05, spaxels=True)
    assert fit(mock.model, mock.fluxes).flat.gradient[0] == pytest.approx(-0.05, abs=0.002)


def test_an_annulus_that_was_not_measured_is_left_out():
    mock = simulated(-0.04)
    flux = mock.fluxes.flux.copy()
    flux[:, 1, 2] = np.nan
    without = fit(mock.model, replace(mock.fluxes, flux=flux)).flat
    assert without.gradient[0] == pytest.approx(-0.04, abs=0.004)
    assert without.error[0] > fit(mock.model, mock.fluxes).flat.error[0]


def test_the_unit_of_fluxes_does_not_matter():
    model = model_of()
    plain = fluxes_of(model, -0.03)
    scaled = ApertureFluxes(1e6 * plain.flux, 1e12 * plain.covariance)
    found = [fit(model, fluxes).flat.gradient[0] for fluxes in (plain, scaled)]
    assert found[1] == pytest.approx(found[0], abs=1e-6)


@pytest.mark.statistical
def test_the_error_is_the_error_made():
    model = model_of()
    found = fit(model, fluxes_of(model, -0.03, noise=600)).flat
    inside = (found.low < -0.03) & (found.high > -0.03)
    # The binomial error is 0.019; the scale length, exact here, is known to a fifth only.
    assert inside.mean() == pytest.approx(0.70, abs=0.06)
    # The median of 600 is known to 0.05 of the error.
    assert np.median(found.gradient) == pytest.approx(-0.03, abs=0.2 * np.median(found.error))


def test_seeing_that_is_not_known_widens_the_error():
    exact, assumed = model_of(), model_of(seeing=SeeingKnowledge(0.6, 0.17, 0.1, 0.12))
    fluxes = fluxes_of(exact, -0.06, snr=200.0)
    assert fit(assumed, fluxes).flat.error[0] > 1.2 * fit(exact, fluxes).flat.error[0]


def test_an_abundance_that_is_known_narrows_the_gradient_of_a_compact_galaxy():
    """All [N II] together tells a steep gradient, where the abundance at one radius is known."""
    plain = model_of(radius_arcsec=0.25)
    fluxes = fluxes_of(plain, -0.02, snr=20.0)
    known = replace(plain, abundance_mean=8.5, abundance_err=0.1)
    errors = [fit(model, fluxes).flat.error[0] for model in (plain, known)]
    assert errors[1] < 0.7 * errors[0]


@pytest.mark.parametrize("error", [0.0, -0.1, float("nan")])
def test_an_impossible_error_of_the_abundance_is_refused(error):
    with pytest.raises(MetadataError, match="abundance_err"):
        replace(model_of(), abundance_err=error)


@pytest.mark.parametrize("mean", [np.nan, np.inf])
def test_an_impossible_mean_abundance_is_refused(mean):
    with pytest.raises(MetadataError, match="abundance_mean"):
        replace(model_of(), abundance_mean=mean)


def test_the_prior_of_the_population_draws_faint_galaxies_to_its_mean():
    model = model_of(radius_arcsec=0.3)
    faint = fit(model, fluxes_of(model, -0.1, snr=20.0))
    assert abs(faint.with_prior(0.0, 0.02).gradient[0]) < 0.02
    assert faint.with_prior(0.0, 0.02).error[0] < faint.flat.error[0]


@pytest.mark.parametrize(
    ("radius_arcsec", "gradient", "snr", "flag"),
    [
        (0.5, -0.04, 200.0, "ok"),
        (0.2, 0.0, 6.0, "prior_alone"),
        (0.5, -0.2, 200.0, "against_prior"),
    ],
)
def test_what_the_prior_gives_alone_or_against_the_data_is_flagged(
    radius_arcsec, gradient, snr, flag
):
    model = model_of(radius_arcsec=radius_arcsec)
    found = fit(model, fluxes_of(model, gradient, snr=snr))
    assert found.with_prior(0.0, 0.04).flag[0] == flag


# How good the approximation is


@pytest.mark.parametrize("radius_arcsec", [0.3, 0.8])
def test_weighed_draws_have_the_mean_and_the_width_of_the_posterior(radius_arcsec):
    model = model_of(radius_arcsec=radius_arcsec, seeing=SeeingKnowledge(0.6, 0.17, 0.05, 0.05))
    nested = NestedLaplace(model, fluxes_of(model, -0.03))
    gridded = grid_posterior(nested)
    draws = _importance_samples(nested, gridded, np.random.default_rng(3), 20_000)
    mean = (draws.weight * draws.gradient).sum()
    width = np.sqrt((draws.weight * (draws.gradient - mean) ** 2).sum())
    borders = gridded.posterior.quantile(np.linspace(0.0005, 0.9995, 1000))
    assert mean == pytest.approx(borders.mean(), abs=0.05 * width)
    assert width == pytest.approx(borders.std(), rel=0.05)


def test_the_draws_are_efficient_where_the_posterior_is_nearly_normal():
    model = model_of(radius_arcsec=0.8)
    assert fit(model, fluxes_of(model, -0.03)).efficiency[0] > 0.5


def test_the_same_seed_gives_the_same_numbers():
    model, fluxes = model_of(), fluxes_of(model_of(), -0.03)
    first, second = (fit(model, fluxes) for _ in range(2))
    np.testing.assert_array_equal(first.efficiency, second.efficiency)
    np.testing.assert_array_equal(first.posterior.log_density, second.posterior.log_density)


# Data that say little, or nothing


def test_a_compact_faint_galaxy_is_flagged_as_unconstrained():
    model = model_of(radius_arcsec=0.12)
    found = fit(model, fluxes_of(model, 0.0, snr=15.0)).flat
    assert found.flag[0] == "unconstrained"
    assert found.error[0] > 0.1


def test_without_halpha_there_is_no_gradient():
    model = model_of()
    fluxes = fluxes_of(model, 0.0, snr=2.0)
    found = fit(model, fluxes).flat
    assert found.flag[0] == "no_halpha"
    assert np.isnan(found.gradient[0])
    assert np.isnan(found.error[0])


def test_negative_nitrogen_gives_a_wide_posterior_and_no_failure():
    model = model_of()
    fluxes = fluxes_of(model, 0.0)
    flux = fluxes.flux.copy()
    flux[:, 1] *= -0.2
    found = fit(model, replace(fluxes, flux=flux)).flat
    assert found.error[0] > fit(model, fluxes).flat.error[0]


def test_fluxes_that_no_smooth_disk_explains_are_flagged():
    model = model_of()
    fluxes = fluxes_of(model, 0.0)
    flux = fluxes.flux.copy()
    flux[:, 0] *= np.array([1.0, 0.3, 2.0])
    assert fit(model, replace(fluxes, flux=flux)).flat.flag[0] == "poor_fit"


def test_a_hopeless_fit_gives_no_gradient():
    """Chances of 0.01, 1e-6 and 1e-12 for the same fluxes."""
    model = model_of()
    found = fit(model, fluxes_of(model, -0.03))
    freedom = int(found.fluxes.measured.sum()) - FREE_PARAMETERS
    for chance, flag in ((0.01, "ok"), (1e-6, "poor_fit"), (1e-12, "poor_fit")):
        fitted = replace(found, best_chi2=np.array([chi2.isf(chance, freedom)]))
        for gradient in (fitted.flat, fitted.with_prior()):
            assert gradient.flag[0] == flag
            numbers = (gradient.gradient[0], gradient.low[0], gradient.high[0])
            assert np.isfinite(numbers).all() == (chance > 1e-10)


def test_one_annulus_alone_leaves_the_gradient_open():
    model = model_of()
    fluxes = fluxes_of(model, 0.0)
    flux = fluxes.flux.copy()
    flux[:, :, 1:] = np.nan
    found = fit(model, replace(fluxes, flux=flux)).flat
    assert found.flag[0] == "unconstrained"


def test_a_singular_covariance_is_refused():
    model = model_of()
    fluxes = fluxes_of(model, 0.0)
    twins = replace(fluxes, covariance=np.full_like(fluxes.covariance, 0.01))
    with pytest.raises(FitError, match="singular"):
        fit(model, twins)


@pytest.mark.parametrize("factor", [0.0, -1.0])
def test_no_light_at_all_gives_no_gradient(factor):
    model = model_of()
    fluxes = fluxes_of(model, 0.0)
    assert fit(model, replace(fluxes, flux=factor * fluxes.flux)).flat.flag[0] == "no_halpha"


def test_a_likelihood_that_is_no_number_gives_no_gradient_and_says_so():
    model = model_of()
    found = fit(model, fluxes_of(model, 0.0))
    posterior = replace(
        found.posterior, log_density=np.full_like(found.posterior.log_density, np.nan)
    )
    broken = replace(found, posterior=posterior)
    for estimator in (broken.flat, broken.with_prior()):
        assert estimator.flag[0] == "no_fit"
        assert np.isnan([estimator.gradient[0], estimator.low[0], estimator.high[0]]).all()


@pytest.mark.parametrize("nothing", [np.nan, np.inf])
def test_fluxes_that_were_not_measured_are_refused(nothing):
    model = model_of()
    fluxes = fluxes_of(model, 0.0)
    with pytest.raises(FitError, match="no aperture"):
        fit(model, replace(fluxes, flux=np.full_like(fluxes.flux, nothing)))


@pytest.mark.parametrize("radius", [0.0, -1.0, np.nan, np.inf])
def test_an_impossible_radius_is_refused(radius):
    with pytest.raises(MetadataError, match="effective_radius_arcsec"):
        model_of(radius_arcsec=radius)


@pytest.mark.parametrize("inclination", [-1.0, 91.0, np.nan])
def test_an_impossible_inclination_is_refused(inclination):
    with pytest.raises(MetadataError, match="inclination_deg"):
        model_of(disk=InclinedDisk(inclination))


@pytest.mark.parametrize("error", [-1.0, np.nan, np.inf])
def test_an_impossible_error_of_the_inclination_is_refused(error):
    with pytest.raises(MetadataError, match="inclination_err_deg"):
        model_of(inclination_err_deg=error)


@pytest.mark.parametrize("radius", [1e-3, 0.02])
def test_a_point_source_leaves_the_gradient_open(radius):
    model = model_of(radius_arcsec=radius)
    assert fit(model, fluxes_of(model, 0.0)).flat.flag[0] == "unconstrained"


def test_a_disk_seen_edge_on_is_fitted():
    disk = InclinedDisk(90.0, 30.0, 0.06)
    model = model_of(disk=disk)
    assert np.isfinite(fit(model, fluxes_of(model, -0.03)).flat.gradient[0])


def test_an_annulus_outside_the_field_is_left_out():
    """It has no spaxels, so no flux and no error."""
    mock = simulated(-0.04)
    weights = mock.model.apertures.weights.copy()
    weights[2] = 0.0
    apertures = replace(mock.model.apertures, weights=weights)
    flux, covariance = mock.fluxes.flux.copy(), mock.fluxes.covariance.copy()
    flux[:, :, 2] = covariance[:, 2] = covariance[:, :, :, 2] = 0.0
    found = fit(replace(mock.model, apertures=apertures), ApertureFluxes(flux, covariance)).flat
    assert found.gradient[0] == pytest.approx(-0.04, abs=0.01)


def test_fewer_fluxes_than_parameters_leave_a_wide_error_and_no_p_value():
    model = model_of(seeing=SeeingKnowledge(0.6, 0.17, 0.07, 0.1), inclination_err_deg=5.0)
    fluxes = fluxes_of(model, -0.03)
    flux = fluxes.flux.copy()
    flux[:, :, 2], flux[:, 1, 1] = np.nan, np.nan
    found = fit(model, replace(fluxes, flux=flux))
    assert found.fluxes.measured.sum() < len(model.prior_mean) + 1
    assert found.flat.flag[0] == "unconstrained"
    assert found.p_value[0] == 1.0


def test_an_interval_that_ends_with_the_prior_is_no_measurement():
    model = model_of(radius_arcsec=0.2)
    fluxes = fluxes_of(model, -0.39, snr=400.0)
    found = fit(model, fluxes).flat
    assert found.low[0] == pytest.approx(-0.4, abs=0.004)
    assert found.flag[0] == "unconstrained"


def test_a_thin_disk_seen_edge_on_is_refused():
    with pytest.raises(MetadataError, match="thin"):
        model_of(disk=InclinedDisk(90.0, 30.0))


def test_seeing_of_nothing_is_refused_where_it_has_errors():
    with pytest.raises(MetadataError, match="seeing FWHM"):
        SeeingKnowledge(0.0)


def test_without_seeing_it_still_works():
    model = model_of(seeing=None)
    found = fit(model, fluxes_of(model, -0.03, snr=200.0)).flat
    assert found.gradient[0] == pytest.approx(-0.03, abs=0.002)


# Lines of a measured galaxy


def joint_fluxes():
    names = ("halpha", "nii_6584", "oii_3726", "oii_3729")
    flux = np.arange(16.0).reshape(4, 4)
    covariance = np.stack([np.diag([1.0, 2.0, 3.0, 4.0]) * (n + 1) for n in range(4)])
    covariance[:, 2, 3] = covariance[:, 3, 2] = -0.5
    return JointFluxes(("integrated", "A", "B", "C"), names, flux, covariance)


def test_annuli_are_taken_without_the_integrated_aperture():
    fluxes = ApertureFluxes.of_annuli(joint_fluxes(), ("halpha", "nii_6584"))
    np.testing.assert_array_equal(fluxes.flux[0], [[4.0, 8.0, 12.0], [5.0, 9.0, 13.0]])
    np.testing.assert_array_equal(fluxes.covariance[1, :, 1], np.diag([4.0, 6.0, 8.0]))


def test_a_pair_of_lines_is_added_up_with_its_covariance():
    fluxes = ApertureFluxes.of_annuli(joint_fluxes(), ("halpha", "oii"))
    np.testing.assert_array_equal(fluxes.flux[0, 1], [13.0, 21.0, 29.0])
    np.testing.assert_array_equal(np.diag(fluxes.covariance[1, :, 1]), [13.0, 20.0, 27.0])


def test_a_line_that_was_not_measured_is_named():
    with pytest.raises(CoverageError, match="hbeta"):
        ApertureFluxes.of_annuli(joint_fluxes(), ("halpha", "hbeta"))
