"""Cubes of the channels near the lines: the same voxels, for less time and memory."""

import tracemalloc

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from mock_checks import LIGHT_KMS

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import ConfigurationError, CoverageError, MetadataError
from kurvs_pipeline.io.fits.observation import read_observation
from kurvs_pipeline.io.fits.writing import write_eso
from kurvs_pipeline.io.native import read_native, write_native
from kurvs_pipeline.io.survey.reading import read_survey
from kurvs_pipeline.io.survey.writing import write_survey
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.observation import band_names, make_observation, metadata_of
from kurvs_pipeline.pipeline import Pipeline
from kurvs_sim import Galaxy, PointSpreadFunction, SpaxelGrid, observe
from kurvs_sim.atmosphere.seeing import ChromaticSeeing
from kurvs_sim.effects.defects import DeadColumns, MisscaledNoise, SaturatedLines, UnseenEdges
from kurvs_sim.effects.dithers import Dithers
from kurvs_sim.effects.effects import NO_EFFECTS, Effects
from kurvs_sim.effects.line_spread import LineSpread
from kurvs_sim.effects.sky_residuals import SkyResiduals
from kurvs_sim.effects.sky_subtraction import SkyOversubtraction, TelluricResidual
from kurvs_sim.instrument.exposures import ExposureModel
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.instrument.spaxels import NoiseModel

SMALL = SpaxelGrid(n_x=13, n_y=12, spaxel_arcsec=0.2)
GALAXY = Galaxy(
    inclination_deg=50.0, position_angle_deg=30.0, redshift=1.5, effective_radius_arcsec=0.5,
    ra_deg=53.1, dec_deg=-27.8,
)  # fmt: skip
REDUCTION = Effects(
    sky_residuals=SkyResiduals(), sky_oversubtraction=SkyOversubtraction(galaxy_fraction=0.3),
    telluric_residual=TelluricResidual(), misscaled_noise=MisscaledNoise(),
)  # fmt: skip
INSTRUMENT = Effects(
    covariance=NoiseCovariance(), dithers=Dithers(), chromatic_seeing=ChromaticSeeing(),
    line_spread=LineSpread(), dead_columns=DeadColumns(), unseen_edges=UnseenEdges(),
    saturated_lines=SaturatedLines(),
)  # fmt: skip


def cut_to(part, whole):
    """Return the channels of whole bands that a cube of their parts has."""
    bands = {}
    for name in band_names(part):
        wavelength = part[name]["wavelength"].to_numpy()
        first = int(np.searchsorted(whole[name]["wavelength"], wavelength[0]))
        channels = slice(first, first + wavelength.size)
        bands[name] = whole[name].to_dataset().isel(wavelength=channels)
    return bands


@pytest.fixture(scope="module")
def near():
    return observe(GALAXY, grid=SMALL, seed=3, within_kms_of_lines=3000.0)


@pytest.mark.parametrize("effects", [NO_EFFECTS, REDUCTION, INSTRUMENT],
                         ids=["none", "reduction", "instrument"])  # fmt: skip
@pytest.mark.parametrize("noise", [NoiseModel(), ExposureModel()], ids=["scaled", "exposures"])
@pytest.mark.parametrize("redshift", [0.6, 1.3, 1.62])
def test_without_noise_every_voxel_is_that_of_the_whole_band(effects, noise, redshift):
    galaxy = Galaxy(redshift=redshift, inclination_deg=50.0)
    options = {"grid": SMALL, "effects": effects, "noise": noise, "halpha_snr": None}
    whole = observe(galaxy, **options)
    part = observe(galaxy, **options, within_kms_of_lines=1000.0)
    for name, expected in cut_to(part, whole).items():
        for variable in ("wavelength", "flux", "variance", "mask", "lsf_sigma"):
            found = part[name][variable].to_numpy()
            np.testing.assert_array_equal(found, expected[variable].to_numpy(), strict=True)


def test_the_truth_is_that_of_the_whole_bands(near):
    assert near["truth"].identical(observe(GALAXY, grid=SMALL, halpha_snr=None)["truth"])


def test_the_channels_reach_as_far_from_the_lines_as_asked(near):
    wavelength = near["YJ"]["wavelength"].to_numpy()
    first, last = (2.5 * REST_WAVELENGTH_UM[line] for line in ("hbeta", "oiii_5007"))
    channel_kms = KMOS_BANDS["YJ"].channel_width_um / wavelength[0] * LIGHT_KMS
    assert LIGHT_KMS * (1.0 - wavelength[0] / first) == pytest.approx(3000.0, abs=channel_kms)
    assert LIGHT_KMS * (wavelength[-1] / last - 1.0) == pytest.approx(3000.0, abs=channel_kms)


def test_a_range_ends_where_the_band_ends():
    """At z = 1.7 the red end of H is 1700 km/s from [S II]."""
    near = observe(Galaxy(redshift=1.7), grid=SMALL, halpha_snr=None, within_kms_of_lines=3e4)
    assert float(near["H"]["wavelength"][-1]) == KMOS_BANDS["H"].wavelength_um[-1]


def test_a_band_without_lines_is_left_out():
    near = observe(Galaxy(redshift=0.9), grid=SMALL, halpha_snr=None, within_kms_of_lines=2000.0)
    assert band_names(near) == ("IZ", "YJ")


def test_bands_that_all_lack_lines_are_refused():
    with pytest.raises(CoverageError, match=r"redshift 0\.9 puts no line in .* of H; ask for oth"):
        observe(Galaxy(redshift=0.9), grid=SMALL, bands=("H",), within_kms_of_lines=2000.0)


@pytest.mark.parametrize("distance_kms", [0.0, 999.0, float("nan"), float("inf")])
def test_a_range_that_leaves_no_free_channels_is_refused(distance_kms):
    with pytest.raises(ConfigurationError, match=r"within_kms_of_lines is .* at least 1000 km/s"):
        observe(GALAXY, grid=SMALL, within_kms_of_lines=distance_kms)


@pytest.mark.parametrize("covariance", [None, NoiseCovariance()], ids=["white", "correlated"])
def test_noise_is_as_strong_and_as_correlated_as_stated(covariance):
    """To 4 standard errors of 180,000 numbers; correlation makes half of them independent."""
    options = {"grid": SMALL, "within_kms_of_lines": 5000.0, "seed": 4, "bands": ("YJ", "H")}
    effects = Effects(covariance=covariance)
    noisy, clean = (observe(GALAXY, halpha_snr=snr, effects=effects, **options)
                    for snr in (54.0, None))  # fmt: skip
    unit = np.concatenate([
        ((noisy[name]["flux"] - clean[name]["flux"]) / np.sqrt(noisy[name]["variance"])).to_numpy()
        for name in ("YJ", "H")
    ])  # fmt: skip
    allowed = 4.0 / np.sqrt(0.5 * unit.size)
    assert unit.std() == pytest.approx(1.0, abs=allowed)
    for axis, stated in ((2, "correlation_x"), (1, "correlation_y"), (0, "correlation_channels")):
        here, there = (np.delete(unit, end, axis=axis) for end in (-1, 0))
        expected = 0.0 if covariance is None else getattr(covariance, stated)
        assert (here * there).mean() == pytest.approx(expected, abs=allowed)


def test_the_same_seed_gives_the_same_noise(near):
    again = observe(GALAXY, grid=SMALL, seed=3, bands=("H",), within_kms_of_lines=3000.0)
    np.testing.assert_array_equal(again["H"]["flux"], near["H"]["flux"])


def peak_megabytes(**options):
    tracemalloc.start()
    observe(GALAXY, **options)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return peak


def test_it_takes_less_than_half_of_the_memory():
    observe(GALAXY)
    assert peak_megabytes(within_kms_of_lines=3000.0) < 0.5 * peak_megabytes()


def measured(bands, observation):
    tree = make_observation(bands, metadata_of(observation))
    return Pipeline(BinningScheme()).run(tree).fluxes


def test_the_pipeline_measures_the_fluxes_of_whole_bands():
    """Without noise: lines are fitted to what lies within 2000 km/s of them."""
    options = {"halpha_snr": None, "psf": PointSpreadFunction(fwhm_arcsec=0.4)}
    whole = observe(GALAXY, **options)
    near = observe(GALAXY, **options, within_kms_of_lines=3000.0)
    expected = measured({name: whole[name].to_dataset() for name in band_names(whole)}, whole)
    found = measured({name: near[name].to_dataset() for name in band_names(near)}, near)
    np.testing.assert_allclose(found["flux"].value, expected["flux"].value, rtol=1e-3)
    np.testing.assert_allclose(found["flux_err"].value, expected["flux_err"].value, rtol=1e-2)


@pytest.mark.parametrize(
    ("effects", "within_kms"),
    [
        (Effects(covariance=NoiseCovariance()), 3000.0),
        # Many sky lines must tell what subtraction leaves of one.
        (Effects(covariance=NoiseCovariance(), sky_residuals=SkyResiduals()), 10_000.0),
    ],
    ids=["noise", "noise and residuals of sky lines"],
)
def test_the_pipeline_finds_the_noise_from_the_channels_near_the_lines(effects, within_kms):
    """The same noisy cube, cut and whole: fluxes differ by a tenth of their errors, mostly."""
    whole = observe(GALAXY, seed=5, effects=effects)
    near = observe(GALAXY, halpha_snr=None, within_kms_of_lines=within_kms)
    expected = measured({name: whole[name].to_dataset() for name in band_names(whole)}, whole)
    found = measured(cut_to(near, whole), whole)
    detected = expected["snr"].value > 3.0
    change = ((found["flux"] - expected["flux"]) / expected["flux_err"]).value[detected]
    ratio = (found["flux_err"] / expected["flux_err"]).value[detected]
    assert np.sqrt((change**2).mean()) < 0.25
    assert np.median(ratio) == pytest.approx(1.0, abs=0.1)


def test_files_in_the_eso_layout_have_the_right_wavelengths(near, tmp_path):
    paths = write_eso(near, tmp_path)
    for name, path in paths.items():
        expected = near[name]["wavelength"].to_numpy()
        header = fits.getheader(path, "IFU.1.DATA")
        found_m = WCS(header).spectral.pixel_to_world(np.arange(expected.size)).to_value("m")
        np.testing.assert_allclose(1e6 * found_m, expected, rtol=1e-9)
    read = read_observation(list(paths.values()))
    for name in band_names(near):
        np.testing.assert_array_equal(read[name]["flux"], near[name]["flux"])
        np.testing.assert_allclose(read[name]["wavelength"], near[name]["wavelength"], rtol=1e-9)


def test_the_header_of_a_band_counts_from_its_own_first_channel(near):
    header = fits.Header.fromstring(near["H"].attrs["wcs"], sep="\n")
    assert (header["CRPIX3"], header["CRVAL3"]) == (1.0, float(near["H"]["wavelength"][0]))


def test_a_band_is_recognised_where_two_overlap(tmp_path):
    """H-alpha at z = 0.58 is at 1.037 um, which both IZ and YJ hold."""
    galaxy = Galaxy(redshift=0.58, inclination_deg=30.0)
    near = observe(galaxy, grid=SMALL, bands=("YJ",), within_kms_of_lines=2000.0)
    assert float(near["YJ"]["wavelength"][-1]) < KMOS_BANDS["IZ"].wavelength_um[-1]
    assert band_names(read_observation(list(write_eso(near, tmp_path).values()))) == ("YJ",)


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_a_native_file_gives_it_back_identical(near, tmp_path, suffix):
    assert read_native(write_native(near, tmp_path / f"mock{suffix}")).identical(near)


def test_the_survey_layout_has_it_on_the_channels_of_the_whole_band(tmp_path):
    grid = SpaxelGrid(n_x=11, n_y=11)
    near = observe(GALAXY, grid=grid, bands=("H",), within_kms_of_lines=3000.0)
    read = read_survey([write_survey(near, tmp_path, field="COSMOS")["H"]])["H"]
    expected = near["H"]["flux"].to_numpy()
    found = np.isin(read["wavelength"].to_numpy(), near["H"]["wavelength"].to_numpy())
    seen = ~read["mask"].to_numpy()
    assert found.sum() == len(expected)
    assert not seen[~found].any()
    assert seen[found].sum() == expected.size
    held = read["flux"].to_numpy()[found][seen[found]].reshape(expected.shape)
    np.testing.assert_allclose(held, expected, rtol=1e-6)


def test_the_survey_layout_refuses_wavelengths_off_its_channels(tmp_path):
    near = observe(GALAXY, grid=SpaxelGrid(n_x=11, n_y=11), bands=("H",), within_kms_of_lines=3e3)
    shifted = near["H"].to_dataset()
    wavelength = shifted["wavelength"] + 0.2 * KMOS_BANDS["H"].channel_width_um
    shifted = shifted.assign_coords(wavelength=wavelength.assign_attrs(shifted["wavelength"].attrs))
    tree = make_observation({"H": shifted}, metadata_of(near))
    with pytest.raises(MetadataError, match=r"H: wavelengths are .*: resample the cube"):
        write_survey(tree, tmp_path, field="COSMOS")
