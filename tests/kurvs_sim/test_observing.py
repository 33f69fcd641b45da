"""Whole simulated observations: contract, noise, truth and world coordinates."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from astropy.wcs import WCS
from mock_checks import assert_is_a_value
from scipy.optimize import curve_fit

from kurvs_pipeline.errors import ConfigurationError, CoverageError
from kurvs_pipeline.observation import band_names, metadata_of, validate
from kurvs_sim import Galaxy, NoiseModel, PointSpreadFunction, SpaxelGrid, observe
from kurvs_sim.atmosphere.seeing import ChromaticSeeing
from kurvs_sim.effects.defects import (
    CosmicRays,
    DeadColumns,
    MisscaledNoise,
    SaturatedLines,
    UnseenEdges,
)
from kurvs_sim.effects.dithers import Dithers
from kurvs_sim.effects.effects import Effects
from kurvs_sim.effects.line_spread import LineSpread
from kurvs_sim.effects.sky_residuals import SkyResiduals
from kurvs_sim.effects.sky_subtraction import SkyOversubtraction, TelluricResidual
from kurvs_sim.expectation.signal_to_noise import _halpha_band
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.profiles.radial import Linear

SMALL = SpaxelGrid(n_x=12, n_y=12, spaxel_arcsec=0.2)


@pytest.fixture(scope="module")
def galaxy():
    return Galaxy(inclination_deg=50.0, position_angle_deg=30.0, redshift=1.5)


@pytest.fixture(scope="module")
def noisy(galaxy):
    return observe(galaxy, grid=SMALL, seed=7)


@pytest.fixture(scope="module")
def clean(galaxy):
    return observe(galaxy, grid=SMALL, halpha_snr=None)


def test_an_observation_keeps_the_contract(noisy, galaxy):
    validate(noisy)
    assert band_names(noisy) == ("IZ", "YJ", "H")
    metadata = metadata_of(noisy)
    assert (metadata.origin, metadata.seed) == ("mock", 7)
    assert metadata.position_angle_deg == galaxy.position_angle_deg
    assert noisy["H"]["flux"].shape == (2048, 12, 12)
    assert not noisy["H"]["mask"].any()


def test_every_voxel_has_a_variance_even_without_noise(clean, noisy):
    for name in band_names(clean):
        variance = clean[name]["variance"]
        assert bool((np.isfinite(variance) & (variance > 0)).all())
        xr.testing.assert_allclose(variance, noisy[name]["variance"])


def test_noise_has_the_variance_attached(noisy, clean):
    """Standardised residuals of 300,000 voxels a band: unit Gaussian to 4 standard errors."""
    for name in band_names(noisy):
        residual = (noisy[name]["flux"] - clean[name]["flux"]) / np.sqrt(noisy[name]["variance"])
        n = residual.size
        assert abs(float(residual.mean())) < 4.0 / np.sqrt(n)
        assert abs(float(residual.astype(float).std()) - 1.0) < 4.0 / np.sqrt(2.0 * n)


def test_noise_is_uncorrelated_and_differs_between_bands(noisy, clean):
    noise = {
        name: ((noisy[name]["flux"] - clean[name]["flux"]) / np.sqrt(noisy[name]["variance"]))
        .to_numpy()
        for name in band_names(noisy)
    }  # fmt: skip
    limit = 4.0 / np.sqrt(noise["H"].size)
    assert abs((noise["H"][1:] * noise["H"][:-1]).mean()) < limit
    assert abs((noise["H"][:, 1:] * noise["H"][:, :-1]).mean()) < limit
    assert abs((noise["H"] * noise["YJ"]).mean()) < limit


def test_the_same_seed_gives_the_same_cubes_whatever_bands_are_made(galaxy, noisy):
    again = observe(galaxy, grid=SMALL, seed=7, bands=("YJ",))
    assert band_names(again) == ("YJ",)
    xr.testing.assert_identical(again["YJ"].to_dataset(), noisy["YJ"].to_dataset())


EVERYTHING = Effects(
    covariance=NoiseCovariance(),
    dithers=Dithers(),
    chromatic_seeing=ChromaticSeeing(),
    line_spread=LineSpread(),
    sky_residuals=SkyResiduals(),
    sky_oversubtraction=SkyOversubtraction(),
    telluric_residual=TelluricResidual(),
    misscaled_noise=MisscaledNoise(),
    dead_columns=DeadColumns(),
    unseen_edges=UnseenEdges(),
    saturated_lines=SaturatedLines(),
    cosmic_rays=CosmicRays(),
)


def test_with_every_effect_on_a_band_does_not_depend_on_the_others(galaxy):
    assert None not in vars(EVERYTHING).values()
    together = observe(galaxy, grid=SMALL, seed=7, effects=EVERYTHING)
    alone = observe(galaxy, grid=SMALL, seed=7, effects=EVERYTHING, bands=("YJ",))
    validate(together)
    xr.testing.assert_identical(alone["YJ"].to_dataset(), together["YJ"].to_dataset())


def test_effects_are_plain_values():
    assert_is_a_value(EVERYTHING)


def test_another_seed_gives_other_noise(galaxy, noisy):
    other = observe(galaxy, grid=SMALL, seed=8, bands=("H",))
    assert not np.allclose(other["H"]["flux"], noisy["H"]["flux"])


def test_noise_scales_inversely_with_the_requested_ratio(galaxy, noisy):
    fainter = observe(galaxy, grid=SMALL, halpha_snr=27.0, bands=("H",))
    ratio = fainter["H"]["variance"] / noisy["H"]["variance"]
    assert ratio.to_numpy() == pytest.approx(4.0, rel=1e-4)


def test_brighter_galaxies_get_proportional_noise(galaxy, noisy):
    brighter = observe(replace(galaxy, halpha_flux=10.0), grid=SMALL, bands=("IZ",))
    ratio = brighter["IZ"]["variance"] / noisy["IZ"]["variance"]
    assert ratio.to_numpy() == pytest.approx(100.0, rel=1e-4)


@pytest.mark.parametrize("redshift", [1.35, 1.5, 1.6])
def test_a_fit_to_halpha_and_nii_has_the_requested_signal_to_noise_ratio(redshift):
    """Independent check: face-on, co-added in the aperture, curve_fit in the noise as it is."""
    galaxy = Galaxy(inclination_deg=0.0, effective_radius_arcsec=0.4, redshift=redshift)
    cube = observe(galaxy, grid=SMALL, halpha_snr=None, bands=("H",))["H"]
    systemic = (1.0 + redshift) * 0.656461
    near = np.abs(cube["wavelength"] / systemic - 1.0) < 2000.0 / 299792.458
    fine = np.linspace(-0.1, 0.1, 41)
    inside = np.mean(
        [np.hypot(cube["x"] + dx, cube["y"] + dy) <= 0.6 for dx in fine for dy in fine], axis=0
    )
    weight = xr.DataArray(inside, dims=("x", "y"), coords={"x": cube["x"], "y": cube["y"]})
    spectrum = (cube["flux"] * weight).sum(("y", "x"))[near].to_numpy().astype(float)
    error = np.sqrt((cube["variance"] * weight**2).sum(("y", "x"))[near].to_numpy()).astype(float)
    wavelength = cube["wavelength"][near].to_numpy() / systemic

    def lines(x, halpha, nii, shift, width, level):
        total = level
        for flux, rest in (
            (halpha, 1.0),
            (nii, 0.658527 / 0.656461),
            (nii / 3, 0.654986 / 0.656461),
        ):
            offset = (x - rest * (1.0 + 1e-4 * shift)) / (1e-4 * width)
            total = total + flux * 1e4 * np.exp(-0.5 * offset**2) / (np.sqrt(2.0 * np.pi) * width)
        return total * 1e-4

    # MINPACK returns the Jacobian of the step before the last; trf that of the solution.
    best, covariance = curve_fit(
        lines, wavelength, spectrum, (spectrum.sum(), 0.1 * spectrum.sum(), 0.0, 2.0, 0.0), error,
        absolute_sigma=True, method="trf", x_scale="jac",
    )  # fmt: skip
    assert best[0] / np.sqrt(covariance[0, 0]) == pytest.approx(54.0, rel=0.03)


def test_truth_holds_the_abundances_of_every_diagnostic(clean, galaxy):
    truth = clean["truth"]
    honoured = truth["abundance_profile"].sel(diagnostic=["n2", "o3n2", "n2o2", "n2s2"])
    for profile in honoured:
        assert profile.to_numpy() == pytest.approx(truth["oxygen_abundance"].to_numpy(), abs=1e-5)
    gradient = truth["gradient"].sel(diagnostic="n2")
    assert float(gradient) == pytest.approx(galaxy.oxygen_abundance.gradient, abs=1e-9)
    marino = truth["gradient"].sel(diagnostic="n2_marino13")
    assert float(marino) == pytest.approx(-0.02 * 0.462 / 0.63)


def test_a_gradient_is_that_of_the_clipped_profile_where_it_is_clipped(galaxy):
    steep = replace(galaxy, oxygen_abundance=Linear(central=7.5, gradient=-0.2))
    truth = observe(steep, grid=SMALL, bands=("H",), halpha_snr=None)["truth"]
    used = truth["radius_kpc"] <= 2.0 * 0.5 * galaxy.kpc_per_arcsec + 1e-9
    slope = np.polyfit(truth["radius_kpc"][used], truth["oxygen_abundance"][used], 1)[0]
    assert float(truth["gradient"].sel(diagnostic="n2")) == pytest.approx(slope)
    assert slope > -0.2


def test_truth_maps_share_the_coordinates_of_the_cubes(clean):
    truth, cube = clean["truth"], clean["H"]
    assert np.array_equal(truth["x"], cube["x"])
    assert np.array_equal(truth["y"], cube["y"])
    near = np.abs(cube["wavelength"] - 2.5 * 0.656461) < 0.0029
    line = cube["flux"][near].sum("wavelength") * 2.1582e-4
    smeared = truth["line_map_smeared"].sel(line="halpha")
    assert line.to_numpy() == pytest.approx(smeared.to_numpy(), rel=0.01)


def test_world_coordinates_point_at_the_galaxy(galaxy):
    moved = replace(galaxy, offset_x_arcsec=0.3, ra_deg=150.0, dec_deg=2.0)
    cube = observe(moved, grid=SMALL, bands=("YJ",), halpha_snr=None)["YJ"]
    wcs = WCS(fits.Header.fromstring(cube.attrs["wcs"], sep="\n"))
    x_pixel = np.interp(0.0, cube["x"], np.arange(12))
    y_pixel = np.interp(0.0, cube["y"], np.arange(12))
    ra, dec, wavelength_m = wcs.wcs_pix2world(x_pixel, y_pixel, 100, 0)
    assert (float(ra), float(dec)) == pytest.approx((150.0, 2.0), abs=1e-9)
    assert float(wavelength_m) * 1e6 == pytest.approx(float(cube["wavelength"][100]))
    west = wcs.wcs_pix2world(x_pixel + 1, y_pixel, 0, 0)[0]
    north = wcs.wcs_pix2world(x_pixel, y_pixel + 1, 0, 0)[1]
    assert (150.0 - float(west)) * 3600.0 * np.cos(np.radians(2.0)) == pytest.approx(0.2, rel=1e-4)
    assert (float(north) - 2.0) * 3600.0 == pytest.approx(0.2, rel=1e-4)


@pytest.mark.parametrize(("redshift", "band"), [(0.4, "IZ"), (0.975, "YJ"), (1.54, "H")])
def test_halpha_may_fall_in_any_band(redshift, band):
    assert _halpha_band(redshift).name == band
    cubes = observe(Galaxy(redshift=redshift), grid=SMALL, bands=(band,), halpha_snr=None)
    peak = cubes[band]["flux"].sum(("x", "y")).argmax("wavelength")
    observed = float(cubes[band]["wavelength"][peak])
    assert observed == pytest.approx(0.656461 * (1.0 + redshift), rel=1e-3)


@pytest.mark.parametrize("redshift", [0.1, 1.1, 3.0])
def test_halpha_outside_every_band_is_refused(redshift):
    with pytest.raises(CoverageError, match=f"redshift {redshift}"):
        observe(Galaxy(redshift=redshift), grid=SMALL)


@pytest.mark.parametrize(
    "options",
    [{"bands": ("K",)}, {"bands": ()}, {"bands": "H"}, {"halpha_snr": 0.0}, {"seed": -1}],
)
def test_an_unusable_option_is_refused_by_name(galaxy, options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        observe(galaxy, grid=SMALL, **options)


def test_a_galaxy_outside_the_field_is_refused(galaxy):
    with pytest.raises(CoverageError, match="offset"):
        observe(replace(galaxy, offset_x_arcsec=5.0), grid=SMALL)


def test_a_deeper_band_has_less_noise_relative_to_halpha(galaxy, noisy):
    deeper = observe(galaxy, grid=SMALL, bands=("IZ",), noise=NoiseModel(exposure_hours_iz=80.0))
    ratio = deeper["IZ"]["variance"] / noisy["IZ"]["variance"]
    assert ratio.to_numpy() == pytest.approx(0.25, rel=1e-4)


def test_metadata_state_the_wings_only_of_a_moffat(galaxy):
    moffat = PointSpreadFunction("moffat", 0.7, moffat_beta=2.5)
    metadata = metadata_of(observe(galaxy, grid=SMALL, bands=("H",), psf=moffat, halpha_snr=None))
    assert (metadata.psf_kind, metadata.psf_moffat_beta) == ("moffat", 2.5)
    assert metadata.seed == -1
