"""Noise and images of stacks of exposures, from the photons and electrons of one."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import ConfigurationError, MetadataError
from kurvs_pipeline.observation import metadata_of, validate
from kurvs_sim import Galaxy, NoiseModel, PointSpreadFunction, SpaxelGrid, observe
from kurvs_sim.atmosphere.airglow import sky_photon_rate, transmission
from kurvs_sim.atmosphere.composite_seeing import ElongatedSeeing, ExposureSequence
from kurvs_sim.atmosphere.seeing import ChromaticSeeing
from kurvs_sim.effects.dithers import Dithers
from kurvs_sim.effects.effects import Effects
from kurvs_sim.instrument.exposures import BandExposures, ExposureModel
from kurvs_sim.instrument.noise_covariance import NoiseCovariance

GRID = SpaxelGrid(n_x=8, n_y=8, spaxel_arcsec=0.2)
H = KMOS_BANDS["H"]
GALAXY = Galaxy(redshift=1.5)
QUIET = {"read_noise_electrons": 0.0, "dark_current_electrons_per_s": 0.0}


def stack(n_exposures, **options):
    h = BandExposures(n_exposures, options.pop("throughput", 0.3))
    return ExposureModel(h=h, **options)


def in_voxels(model):
    return observe(GALAXY, bands=("H",), grid=GRID, noise=model, halpha_snr=None)["H"]


def test_photons_of_the_sky_make_poisson_noise():
    """Theory: N photons scatter by the root of N, in a native spaxel of one 600 s exposure."""
    model = stack(1, sky_frames_per_exposure=0.0, **QUIET)
    photons = sky_photon_rate(H) * 0.04 * 49.0 * 0.3 * 600.0
    sky = photons * model._flux_density_per_electron(H)
    found = np.sqrt(model._background_variance(H, GRID))
    assert found == pytest.approx(sky / np.sqrt(photons))


def test_the_signal_to_noise_ratio_of_photons_grows_as_the_root_of_time():
    for options in (QUIET, {}):
        once, longer = (in_voxels(stack(n, **options))["variance"] for n in (10, 40))
        np.testing.assert_allclose(once / longer, 4.0, rtol=1e-4)
    model = stack(10, **QUIET)
    longer = replace(model, exposure_seconds=4.0 * model.exposure_seconds)
    ratio = in_voxels(model)["variance"] / in_voxels(longer)["variance"]
    np.testing.assert_allclose(ratio, 4.0, rtol=1e-4)


def test_read_noise_alone_falls_with_the_length_of_an_exposure_itself():
    """One read whatever the time: the ratio grows as t, not its root. The sky is far fainter."""
    model = stack(10, read_noise_electrons=1e4, dark_current_electrons_per_s=0.0)
    longer = replace(model, exposure_seconds=2.0 * model.exposure_seconds)
    ratio = model._background_variance(H, GRID) / longer._background_variance(H, GRID)
    assert ratio == pytest.approx(4.0, rel=1e-3)
    electrons = 1e4 * model._flux_density_per_electron(H) * np.sqrt(2.0 / 10.0)
    assert np.sqrt(model._background_variance(H, GRID)) == pytest.approx(electrons, rel=1e-3)


def test_dark_current_counts_its_electrons():
    dark = stack(1, read_noise_electrons=0.0, dark_current_electrons_per_s=5.0)
    none = stack(1, **QUIET)
    added = dark._background_electrons(H, GRID) - none._background_electrons(H, GRID)
    assert added == pytest.approx(5.0 * 600.0)


def test_the_galaxy_s_own_photons_are_counted():
    """Where it is far brighter than the sky, its own counts are its variance."""
    galaxy = replace(GALAXY, halpha_flux=1e6)
    model = stack(25, **QUIET)
    cube = observe(galaxy, bands=("H",), grid=GRID, noise=model, halpha_snr=None)["H"]
    k, y, x = np.unravel_index(cube["flux"].to_numpy().argmax(), cube["flux"].shape)
    density = float(cube["flux"][k, y, x])
    wavelength = float(cube["wavelength"][k])
    # Photons of 1e-16 erg/s/cm2/um on 49 m2 in one channel, through air and instrument.
    photons = (
        density * 1e-16 * 2.15820e-4 * wavelength / 1.98645e-12 * 49e4
        * transmission(H)[k] * 0.3 * 600.0 * 25.0
    )  # fmt: skip
    ratio = density / np.sqrt(float(cube["variance"][k, y, x]))
    assert ratio == pytest.approx(np.sqrt(photons), rel=2e-3)


def test_a_sky_frame_for_every_exposure_doubles_the_variance_of_the_background():
    with_sky = stack(1)._background_variance(H, GRID)
    known = stack(1, sky_frames_per_exposure=0.0)._background_variance(H, GRID)
    assert with_sky == pytest.approx(2.0 * known)


def test_excess_noise_multiplies_that_of_sky_and_detector():
    model = stack(1)
    noisier = replace(model, h=replace(model.h, excess_noise=3.0))
    ratio = noisier._background_variance(H, GRID) / model._background_variance(H, GRID)
    assert ratio == pytest.approx(9.0)


def test_the_noise_of_an_area_does_not_depend_on_the_size_of_its_spaxels():
    fine = SpaxelGrid(n_x=16, n_y=16, spaxel_arcsec=0.1)
    ratio = stack(1)._background_variance(H, GRID) / stack(1)._background_variance(H, fine)
    assert ratio == pytest.approx(4.0)


def test_covariance_moves_the_noise_of_a_stack_but_makes_none():
    """A sum over many voxels keeps the variance that independent ones have."""
    grid = SpaxelGrid(n_x=40, n_y=40, spaxel_arcsec=0.1)
    covariance = NoiseCovariance()
    mock = observe(
        GALAXY, bands=("H",), grid=grid, noise=stack(10, **QUIET), halpha_snr=None,
        effects=Effects(covariance=covariance),
    )["H"]  # fmt: skip
    weights = np.ones((40, 40))
    spatial = covariance.coadded_variance_factor(weights, grid)
    summed = mock["variance"].mean(("x", "y")) * 1600.0 * spatial * 1.14
    independent = 1600.0 * stack(10, **QUIET)._background_variance(H, grid)
    # Spaxels at the edge of the field lack neighbours: a part of their covariance.
    dark = sky_photon_rate(H) > 1.0
    assert (summed.to_numpy() / independent)[dark] == pytest.approx(1.0, abs=0.1)


def test_drawn_noise_has_the_variance_of_the_stack():
    model = stack(100)
    noisy = observe(GALAXY, bands=("H",), grid=GRID, noise=model, seed=3)["H"]
    residual = (noisy["flux"] - in_voxels(model)["flux"]) / np.sqrt(noisy["variance"])
    n = residual.size
    assert float(residual.astype(float).std()) == pytest.approx(1.0, abs=4.0 / np.sqrt(2.0 * n))


def test_a_ratio_asked_for_beside_exposures_is_refused():
    with pytest.raises(ConfigurationError, match="halpha_snr is 20"):
        observe(GALAXY, bands=("H",), grid=GRID, noise=stack(10), halpha_snr=20.0)


SEQUENCE = ExposureSequence(
    PointSpreadFunction("moffat", 0.6), n_exposures=5, fwhm_scatter=0.3,
    registration_rms_arcsec=0.1, seed=2,
)  # fmt: skip


def one_by_one(psf, **options):
    return observe(GALAXY, psf=psf, every_exposure=True, **options)


def test_the_composite_seeing_gives_the_average_of_explicit_exposures():
    options = {"bands": ("H",), "grid": GRID}
    fast = observe(GALAXY, psf=SEQUENCE.composite, halpha_snr=None, **options)
    slow = one_by_one(SEQUENCE, halpha_snr=None, **options)
    validate(slow)
    expected = fast["H"]["flux"].to_numpy()
    np.testing.assert_allclose(slow["H"]["flux"], expected, rtol=0.0, atol=1e-4 * expected.max())
    assert metadata_of(slow).seeing_fwhm_arcsec == metadata_of(fast).seeing_fwhm_arcsec


def test_the_variance_of_a_stack_is_that_of_explicit_exposures():
    model, options = stack(5), {"bands": ("H",), "grid": GRID}
    slow = one_by_one(SEQUENCE, noise=model, seed=4, **options)["H"]
    fast = observe(
        GALAXY, psf=SEQUENCE.composite, noise=model, halpha_snr=None, **options
    )["H"]  # fmt: skip
    ratio = (slow["variance"] / fast["variance"]).to_numpy()
    np.testing.assert_allclose(ratio, 1.0, rtol=1e-3)
    residual = ((slow["flux"] - fast["flux"]) / np.sqrt(fast["variance"])).to_numpy()
    n = residual.size
    assert residual.astype(float).std() == pytest.approx(1.0, abs=4.0 / np.sqrt(2.0 * n))


def test_each_exposure_has_its_share_of_any_noise():
    """So the stack is as deep as asked for, however many exposures stand for it."""
    options = {"bands": ("H",), "grid": GRID, "seed": 4}
    for noise in (NoiseModel(), stack(480)):
        slow = one_by_one(SEQUENCE, noise=noise, **options)["H"]
        fast = observe(GALAXY, psf=SEQUENCE, noise=noise, **options)["H"]
        np.testing.assert_allclose(slow["variance"], fast["variance"], rtol=2e-3)
        difference = (slow["flux"] - fast["flux"]) / np.sqrt(2.0 * fast["variance"])
        n = difference.size
        assert float(difference.astype(float).std()) == pytest.approx(1.0, abs=4.0 / np.sqrt(2 * n))


def test_a_round_profile_is_the_median_of_the_exposures():
    options = {"bands": ("H",), "grid": GRID, "within_kms_of_lines": 1000.0}
    median = PointSpreadFunction("moffat", 0.6)
    expected = one_by_one(ExposureSequence(median), **options)
    xr.testing.assert_identical(one_by_one(median, **options), expected)


def test_seeing_that_has_no_exposures_is_refused():
    with pytest.raises(ConfigurationError, match=r"of type ElongatedSeeing.*; expected a round"):
        one_by_one(ElongatedSeeing(SEQUENCE.median, 0.9))


def test_a_sequence_is_seen_as_its_average():
    options = {"bands": ("H",), "grid": GRID, "halpha_snr": None, "within_kms_of_lines": 1000.0}
    effects = Effects(chromatic_seeing=ChromaticSeeing())
    sequence, average = (
        observe(GALAXY, psf=psf, effects=effects, **options)
        for psf in (SEQUENCE, SEQUENCE.composite)
    )
    np.testing.assert_allclose(
        sequence["H"]["flux"], average["H"]["flux"],
        rtol=0.0, atol=1e-6 * float(average["H"]["flux"].max()),
    )  # fmt: skip
    assert metadata_of(sequence) == metadata_of(average)


def test_dithers_leave_the_edges_of_the_field_to_fewer_exposures():
    """Four pointings half a native spaxel apart: all see the middle, one a corner spaxel."""
    grid = SpaxelGrid(n_x=8, n_y=8, spaxel_arcsec=0.1)
    coverage = Dithers().coverage(grid)
    assert (coverage[1:-1, 1:-1] == 1.0).all()
    assert coverage[0, 0] == coverage[-1, -1] == 0.25
    assert (coverage[0, 1:-1] == 0.5).all()
    options = {"bands": ("H",), "grid": grid, "noise": stack(8), "halpha_snr": None}
    dithered = observe(GALAXY, effects=Effects(dithers=Dithers()), **options)["H"]
    plain = observe(GALAXY, **options)["H"]
    ratio = (dithered["variance"] / plain["variance"]).to_numpy()
    np.testing.assert_allclose(ratio, np.broadcast_to(1.0 / coverage, ratio.shape), rtol=1e-5)
    assert np.array_equal(dithered["flux"], plain["flux"])


def test_dithered_exposures_one_by_one_have_the_variance_of_the_stack():
    grid, effects = SpaxelGrid(n_x=8, n_y=8, spaxel_arcsec=0.1), Effects(dithers=Dithers())
    sequence = replace(SEQUENCE, n_exposures=4, fwhm_scatter=0.0, registration_rms_arcsec=0.0)
    options = {"bands": ("H",), "grid": grid, "effects": effects}
    slow = one_by_one(sequence, noise=stack(4), halpha_snr=None, **options)["H"]
    fast = observe(
        GALAXY, psf=sequence.composite, noise=stack(4), halpha_snr=None, **options
    )["H"]  # fmt: skip
    np.testing.assert_allclose(slow["variance"], fast["variance"], rtol=1e-4)
    assert not slow["mask"].any()


def test_spaxels_that_no_pointing_saw_are_invalid():
    away = Effects(dithers=Dithers(((0.8, 0.0),)))
    cube = observe(GALAXY, bands=("H",), grid=GRID, noise=stack(4), effects=away)["H"]
    assert cube["mask"].to_numpy()[:, :, :4].all()
    assert not cube["mask"].to_numpy()[:, :, 4:].any()


def test_a_sequence_scatters_as_asked_about_its_median():
    many = replace(SEQUENCE, n_exposures=2000)
    widths = np.log([profile.fwhm_arcsec / 0.6 for profile in many.composite.profiles])
    assert np.median(widths) == pytest.approx(0.0, abs=0.03)
    assert widths.std() == pytest.approx(0.3, rel=0.06)
    assert np.std(many.composite.offsets_arcsec, axis=0) == pytest.approx(0.1, rel=0.06)


def test_an_unvaried_sequence_is_its_median():
    steady = replace(SEQUENCE, fwhm_scatter=0.0, registration_rms_arcsec=0.0)
    exact = SEQUENCE.median.image(0.05, 61)
    assert steady.composite.image(0.05, 61) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Dithers(()), "dither"),
        (lambda: Dithers(((0.0, float("nan")),)), "dither_y_arcsec"),
        (lambda: BandExposures(0, 0.3), "n_exposures"),
        (lambda: BandExposures(1, 1.3), "throughput"),
        (lambda: BandExposures(1, 0.3, excess_noise=0.9), "excess_noise"),
        (lambda: ExposureModel(exposure_seconds=0.0), "exposure_seconds"),
        (lambda: ExposureModel(read_noise_electrons=-1.0), "read_noise_electrons"),
        (lambda: ExposureSequence(SEQUENCE.median, n_exposures=0), "n_exposures"),
        (lambda: ExposureSequence(PointSpreadFunction("moffat", 0.0)), "median fwhm_arcsec"),
        (lambda: ExposureSequence(SEQUENCE.median, fwhm_scatter=float("nan")), "fwhm_scatter"),
    ],
)
def test_impossible_exposures_are_refused_by_name(make, named):
    with pytest.raises(MetadataError, match=named):
        make()


@pytest.mark.parametrize("noise", [NoiseModel(), ExposureModel()])
def test_a_registered_band_without_exposure_time_is_named(monkeypatch, noise):
    monkeypatch.setitem(KMOS_BANDS, "K", replace(H, name="K"))
    with pytest.raises(ConfigurationError, match="no exposure time of band K is known; expected"):
        observe(GALAXY, bands=("K",), grid=GRID, noise=noise)
