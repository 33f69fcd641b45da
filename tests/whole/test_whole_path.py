"""From a galaxy with a known gradient to the gradient recovered."""

import logging

import numpy as np
import pytest

from experiments.mocks.annular_truth import annular_fluxes, annular_gradient
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.gradients.slope import weighted_slope
from kurvs_pipeline.pipeline import Pipeline
from kurvs_pipeline.spectra.cubes import CalibratedCubes
from kurvs_sim import Galaxy, PointSpreadFunction, observe
from kurvs_sim.profiles.radial import Constant, Linear

NO_SEEING = PointSpreadFunction("gaussian", 0.0)
SCHEME = BinningScheme()


def galaxy_with(gradient, **changes):
    options = {"inclination_deg": 40.0, "position_angle_deg": 65.0,
               "effective_radius_arcsec": 0.5, **changes}  # fmt: skip
    central = 8.55 - gradient * 4.35
    return Galaxy(oxygen_abundance=Linear(central=central, gradient=gradient), **options)


def noise_free(galaxy, *, bands=("H",), psf=NO_SEEING):
    """Observe without noise, with errors small enough that every line is detected."""
    observation = observe(galaxy, bands=bands, psf=psf, halpha_snr=None)
    for name in bands:
        observation[name]["variance"] = observation[name]["variance"] * 1e-6
    return observation


def true_fluxes(observation, measured, line, variable="line_map_smeared"):
    line_map = observation["truth"][variable].sel(line=line).to_numpy()
    return np.einsum("ayx,yx->a", measured.weights, line_map)


def n2_gradient(measured, estimator="slope"):
    table = measured.gradients
    rows = table[(table["diagnostic"] == "n2") & (table["estimator"] == estimator)]
    return float(rows["gradient"].value[0])


def errors_of_annuli(measured):
    n2 = measured.abundances[measured.abundances["diagnostic"] == "n2"]
    return 0.5 * (n2["err_low"] + n2["err_high"]).value[1:]


def test_every_line_flux_of_a_sharp_noise_free_mock_is_its_true_one():
    # Without dust: reddening takes doublets off the ratio of 3 that the fit holds.
    galaxy = galaxy_with(-0.03, a_v=Constant(0.0))
    observation = noise_free(galaxy, bands=("IZ", "YJ", "H"))
    measured = Pipeline(SCHEME).run(observation)
    integrated = measured.fluxes[measured.fluxes["aperture"] == "integrated"]
    for row in integrated[integrated["line"] != "oii"]:
        truth = true_fluxes(observation, measured, str(row["line"]))[0]
        assert row["flux"].value == pytest.approx(truth, rel=5e-3), row["line"]


def test_attenuation_and_every_honoured_diagnostic_come_back_from_a_sharp_noise_free_mock():
    galaxy = galaxy_with(0.0, a_v=Constant(0.7))
    observation = noise_free(galaxy, bands=("IZ", "YJ", "H"))
    measured = Pipeline(SCHEME).run(observation)
    assert set(measured.attenuation["source"]) == {"balmer"}
    assert measured.attenuation["a_v"].value == pytest.approx(0.7, abs=0.02)
    for name in galaxy.emission.honoured_diagnostics:
        found = measured.abundances[measured.abundances["diagnostic"] == name]
        assert set(found["limit"]) == {""}
        assert found["abundance"].value == pytest.approx(8.55, abs=0.01), name


def test_bands_in_different_units_are_refused():
    observation = noise_free(galaxy_with(0.0), bands=("YJ", "H"))
    observation["YJ"]["flux"].attrs["units"] = "adu"
    with pytest.raises(MetadataError, match="bands have line fluxes in different units"):
        Pipeline(SCHEME).run(observation)


@pytest.mark.parametrize("factor", [1e-4, 1e4])
def test_a_band_in_a_unit_that_its_header_does_not_state_is_told(factor, caplog):
    observation = noise_free(galaxy_with(0.0), bands=("YJ", "H"))
    dataset = observation["YJ"]
    dataset["flux"] = (dataset["flux"] * factor).assign_attrs(dataset["flux"].attrs)
    dataset["variance"] = dataset["variance"] * factor**2
    with caplog.at_level(logging.WARNING):
        (note,) = CalibratedCubes.of(observation, SCHEME).assumptions
    noisier, other = ("H", "YJ") if factor < 1.0 else ("YJ", "H")
    assert note.startswith(f"noise of {noisier} is ")
    assert f"that of {other}, in the same unit" in note
    assert note in caplog.text


def test_bands_of_one_unit_are_not_told():
    observation = noise_free(galaxy_with(0.0), bands=("IZ", "YJ", "H"))
    assert CalibratedCubes.of(observation, SCHEME).assumptions == ()


def test_bands_in_counts_of_different_scale_stand_in_one_table():
    observation = noise_free(galaxy_with(0.0), bands=("YJ", "H"))
    for name, unit in (("YJ", "adu"), ("H", "1e5 adu")):
        observation[name]["flux"].attrs["units"] = unit
    measured = Pipeline(SCHEME).run(observation)
    assert {"halpha", "hbeta"} <= set(measured.fluxes["line"])
    assert "o3n2" not in measured.abundances["diagnostic"]


def slope_of(fluxes, galaxy, measured):
    """Fit the slope of true fluxes with the weights of the measurement."""
    radius = np.array([0.25, 0.75, 1.25]) * galaxy.kpc_per_arcsec
    abundance = DIAGNOSTICS["n2"].from_fluxes(fluxes)
    return weighted_slope(radius, abundance, errors_of_annuli(measured)).gradient


def true_annuli(observation, measured):
    return {line: true_fluxes(observation, measured, line)[1:] for line in ("nii_6584", "halpha")}


@pytest.mark.parametrize("gradient", [-0.10, -0.03, 0.0, 0.05])
def test_a_sharp_noise_free_mock_gives_the_slope_of_its_true_annular_fluxes(gradient):
    galaxy = galaxy_with(gradient)
    observation = noise_free(galaxy)
    measured = Pipeline(SCHEME).run(observation)
    truth = slope_of(true_annuli(observation, measured), galaxy, measured)
    assert n2_gradient(measured) == pytest.approx(truth, abs=1e-3)


@pytest.mark.parametrize(("gradient", "tolerance"), [(-0.10, 2.5e-3), (-0.03, 1e-3), (0.05, 1e-3)])
def test_annuli_cut_from_spaxels_are_close_to_annuli_without_spaxels(gradient, tolerance):
    galaxy = galaxy_with(gradient)
    measured = Pipeline(SCHEME).run(noise_free(galaxy))
    halpha, nii = annular_fluxes(galaxy, SCHEME)
    exact = slope_of({"nii_6584": nii, "halpha": halpha}, galaxy, measured)
    assert n2_gradient(measured) == pytest.approx(exact, abs=tolerance)


@pytest.mark.parametrize("gradient", [-0.10, -0.03, 0.05])
@pytest.mark.parametrize("inclination", [30.0, 60.0])
def test_a_smeared_noise_free_mock_gives_the_slope_of_smeared_annuli(gradient, inclination):
    galaxy = galaxy_with(gradient, inclination_deg=inclination)
    observation = noise_free(galaxy, psf=PointSpreadFunction("gaussian", 0.6))
    measured = Pipeline(SCHEME).run(observation)
    truth = slope_of(true_annuli(observation, measured), galaxy, measured)
    assert n2_gradient(measured) == pytest.approx(truth, abs=2e-3)


def test_binning_alone_flattens_a_steep_gradient_by_eight_per_cent():
    assert annular_gradient(galaxy_with(-0.10), SCHEME) == pytest.approx(-0.092, abs=2e-3)


def test_the_correction_returns_the_gradient_it_was_made_for():
    galaxy = galaxy_with(-0.02)
    measured = Pipeline(SCHEME).run(noise_free(galaxy, psf=PointSpreadFunction("gaussian", 0.6)))
    assert n2_gradient(measured, "slope_fgrad") == pytest.approx(-0.02, abs=1e-3)


def test_the_redshift_is_recovered_when_the_catalogue_is_off_by_100_km_s():
    observation = observe(galaxy_with(-0.02), bands=("H",), halpha_snr=54.0, seed=3)
    observation.attrs["redshift"] += 100.0 / 299792.458 * 2.5
    measured = Pipeline(SCHEME).run(observation)
    assert measured.metadata.redshift == pytest.approx(1.5, abs=5.0 * measured.redshift_err)


def test_the_velocity_map_is_that_of_the_smeared_galaxy():
    galaxy = galaxy_with(-0.02)
    measured = Pipeline(SCHEME).run(observe(galaxy, bands=("H",), halpha_snr=100.0, seed=3))
    x, y = measured.x_arcsec[None, :], measured.y_arcsec[:, None]
    angle = np.radians(galaxy.position_angle_deg)
    receding = -x * np.sin(angle) + y * np.cos(angle)
    velocity = measured.maps.velocity_kms
    chosen = (np.abs(receding) > 0.3) & measured.maps.measured
    agree = np.sign(velocity[chosen]) == np.sign(receding[chosen])
    assert agree.mean() > 0.97
    # Beam smearing lowers the projected rotation.
    assert 0.5 < np.percentile(velocity, 98) / galaxy.maximum_velocity_kms < 1.0


def test_a_galaxy_without_light_has_no_gradient_and_no_crash():
    observation = observe(galaxy_with(-0.02), bands=("H",), halpha_snr=54.0, seed=3)
    rng = np.random.default_rng(1)
    noise = np.sqrt(observation["H"]["variance"]) * rng.standard_normal((2048, 28, 28))
    observation["H"]["flux"] = noise.astype("float32").assign_attrs(observation["H"]["flux"].attrs)
    measured = Pipeline(SCHEME).run(observation)
    assert np.isnan(n2_gradient(measured))
    assert set(measured.gradients["flag"]) == {"too_few_bins", "no_halpha"}
    halpha = measured.fluxes[measured.fluxes["line"] == "halpha"]
    assert np.all(np.isfinite(halpha["upper_limit"].value))


def pulls_of(index):
    """Return pulls of H-alpha and [N II] in the integrated aperture and three annuli."""
    rng = np.random.default_rng(np.random.SeedSequence(20, spawn_key=(index,)))
    radius = rng.uniform(0.35, 0.7)
    gradient = float(np.clip(rng.normal(0.0, 0.04), -0.08, 0.08))
    galaxy = Galaxy(
        inclination_deg=rng.uniform(20.0, 65.0),
        position_angle_deg=rng.uniform(0.0, 360.0),
        effective_radius_arcsec=radius,
        oxygen_abundance=Linear(central=8.55 - gradient * radius * 8.7, gradient=gradient),
    )
    observation = observe(galaxy, bands=("H",), halpha_snr=54.0, seed=index)
    measured = Pipeline(SCHEME).run(observation)
    pulls = []
    for line in ("halpha", "nii_6584"):
        rows = measured.fluxes[measured.fluxes["line"] == line]
        truth = true_fluxes(observation, measured, line)
        pulls.append((rows["flux"].value - truth) / rows["flux_err"].value)
    return np.array(pulls)


NUMBER_OF_MOCKS = 400


@pytest.mark.statistical
def test_flux_pulls_of_400_mocks_are_standard_normal():
    pulls = np.stack([pulls_of(index) for index in range(NUMBER_OF_MOCKS)])
    assert np.isfinite(pulls).mean() > 0.99
    spread, mean = np.nanstd(pulls, axis=0), np.nanmean(pulls, axis=0)
    assert 0.95 < np.nanstd(pulls) < 1.05
    assert np.all(np.abs(spread - 1.0) < 3.0 / np.sqrt(2.0 * NUMBER_OF_MOCKS)), spread
    far = np.abs(mean) >= 3.0 / np.sqrt(NUMBER_OF_MOCKS)
    central_halpha = np.arange(mean.size).reshape(mean.shape) == 1
    assert not np.any(far & ~central_halpha), mean
    if far.any():
        # Of 0.15 errors 0.12 are there without noise: seeing mixes velocities, and the aligned
        # line is no Gaussian.
        pytest.xfail(f"H-alpha of the central annulus is high by {mean[0, 1]:.4f} errors, 0.3 %")
