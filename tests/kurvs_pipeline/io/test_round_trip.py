"""A cube that was read from elsewhere, written and read again, is the same Observation."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.io.fits.observation import read_observation
from kurvs_pipeline.io.fits.writing import write_eso
from kurvs_pipeline.observation import band_names, metadata_of

SHAPE = (60, 5, 6)
STEP_DEG = 0.2 / 3600
GRID = KMOS_BANDS["H"]
TURNED = {"PC1_1": np.cos(0.5), "PC1_2": -np.sin(0.5), "PC2_1": np.sin(0.5), "PC2_2": np.cos(0.5)}


def foreign_cube(path, *, noise=True, **changes):
    """Write what another pipeline might: zeros and NaN where nothing was seen."""
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"], header["CTYPE3"] = "RA---TAN", "DEC--TAN", "WAVE"
    header["CUNIT1"], header["CUNIT2"], header["CUNIT3"] = "deg", "deg", "um"
    header["CRPIX1"], header["CRPIX2"], header["CRPIX3"] = 2.5, 4.0, 1.0
    header["CRVAL1"], header["CRVAL2"], header["CRVAL3"] = 53.1, -27.8, 1.6
    header["CDELT1"], header["CDELT2"] = -STEP_DEG, STEP_DEG
    header["CDELT3"] = GRID.channel_width_um
    header.update(changes)
    rng = np.random.default_rng(3)
    data = 3e-18 * rng.standard_normal(SHAPE).astype(np.float32)
    data[:, 0, :] = 0.0
    data[:7, :, 5] = np.nan
    data[20, 2, 2] = 0.0
    images = [fits.ImageHDU(data, header=header, name="IFU.7.DATA")]
    if noise:
        sigma = rng.uniform(1e-18, 2e-18, SHAPE).astype(np.float32)
        images.append(fits.ImageHDU(sigma, header=header, name="IFU.7.NOISE"))
    primary = fits.PrimaryHDU()
    primary.header["HIERARCH ESO OCS ARM7 NAME"] = "cdfs_1"
    fits.HDUList([primary, *images]).writeto(path)
    return path


def written_and_read(observation, directory):
    return read_observation(list(write_eso(observation, directory).values()))


def assert_same(again, observation):
    assert metadata_of(again).to_attrs() == pytest.approx(
        metadata_of(observation).to_attrs(), nan_ok=True, abs=1e-9
    )
    assert band_names(again) == band_names(observation)
    for band in band_names(observation):
        one, two = again[band].to_dataset(), observation[band].to_dataset()
        assert one["flux"].attrs["units"] == two["flux"].attrs["units"]
        np.testing.assert_array_equal(one["mask"], two["mask"])
        for name in ("flux", "variance", "lsf_sigma"):
            np.testing.assert_allclose(one[name], two[name], rtol=3e-7)
        for name in ("x", "y", "wavelength"):
            np.testing.assert_allclose(one[name], two[name], rtol=1e-11, atol=1e-11)
        assert one.attrs["frame_rotation_deg"] == pytest.approx(two.attrs["frame_rotation_deg"])


CUBES = {
    "plain": ({}, {}),
    "calibrated": ({"BUNIT": "erg/s/cm2/A"}, {}),
    "in adu": ({"BUNIT": "ADU/sec"}, {}),
    "scaled": ({"BUNIT": "10**(-3) adu"}, {}),
    "without noise": ({"noise": False}, {}),
    "in air": ({"CTYPE3": "AWAV"}, {}),
    "in even steps of the logarithm": ({"CTYPE3": "WAVE-LOG"}, {}),
    "turned": (TURNED, {"overrides": {"position_angle_deg": 75.0}}),
    "mirrored": ({"CDELT1": STEP_DEG}, {}),
    "with the centre given": ({}, {"centre_pixel": (1.25, 3.0)}),
    "with a wrong header": (
        {"CRVAL3": 1.425, "CRPIX3": 30.0, "CTYPE3": "WAVE-LOG"},
        {"wavelength_start_um": 1.661539, "wavelength_step_um": 2.158203e-4},
    ),
    "with only a wrong start": ({"CRVAL3": 0.3}, {"wavelength_start_um": 1.661539}),
    "with what is known of the galaxy": (
        {},
        {"overrides": {"redshift": 1.54, "inclination_deg": 41.0, "seeing_fwhm_arcsec": 0.6}},
    ),
}


@pytest.mark.parametrize("case", CUBES)
def test_a_cube_from_elsewhere_comes_back_as_it_was(case, tmp_path):
    changes, options = CUBES[case]
    observation = read_observation([foreign_cube(tmp_path / "c.fits", **changes)], **options)
    assert_same(written_and_read(observation, tmp_path), observation)


def test_a_line_spread_function_of_its_own_comes_back(tmp_path):
    path = foreign_cube(tmp_path / "c.fits")
    for keyword, value in {"RES COEFF0": 500.0, "RES COEFF1": 2000.0}.items():
        fits.setval(path, f"HIERARCH ESO K3D {keyword}", value=value)
    observation = read_observation([path])
    assert float(observation["H"]["lsf_sigma"].std()) > 0.0
    assert_same(written_and_read(observation, tmp_path), observation)


def test_it_comes_back_twice(tmp_path):
    observation = read_observation([foreign_cube(tmp_path / "c.fits", BUNIT="ADU/sec", **TURNED)])
    first = written_and_read(observation, tmp_path)
    assert_same(written_and_read(first, tmp_path), observation)


def test_a_target_that_was_not_stated_is_not_stated_by_writing(tmp_path):
    path = foreign_cube(tmp_path / "c.fits")
    again = written_and_read(read_observation([path]), tmp_path)
    assert metadata_of(again).target_position == "unknown"
    assert "target position not stated" in again.attrs["assumptions"]
    centred = read_observation([path], centre_pixel=(1.0, 2.0))
    assert metadata_of(written_and_read(centred, tmp_path)).target_position == "stated"


def test_zeros_of_a_cube_from_elsewhere_are_written_as_no_data(tmp_path):
    observation = read_observation([foreign_cube(tmp_path / "c.fits")])
    data = fits.getdata(write_eso(observation, tmp_path)["H"], "IFU.1.DATA")
    assert np.isnan(data[:, 0, :]).all()
    assert np.isnan(data[20, 2, 2])


def test_a_written_cube_states_the_wavelengths_that_were_given(tmp_path):
    path = foreign_cube(tmp_path / "c.fits", CRVAL3=0.3)
    observation = read_observation([path], wavelength_start_um=1.661539)
    header = fits.getheader(write_eso(observation, tmp_path)["H"], "IFU.1.DATA")
    by_astropy = WCS(header).spectral.pixel_to_world_values(np.arange(SHAPE[0])) * 1e6
    np.testing.assert_allclose(by_astropy, observation["H"]["wavelength"], rtol=1e-12)


def test_bands_of_a_cube_from_elsewhere_come_back_together(tmp_path):
    paths = [
        foreign_cube(tmp_path / "h.fits"),
        foreign_cube(tmp_path / "yj.fits", CRVAL3=1.2, CDELT3=KMOS_BANDS["YJ"].channel_width_um),
    ]
    observation = read_observation(paths)
    assert_same(written_and_read(observation, tmp_path), observation)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ecdfsf3_ifu22.fits", {"overrides": {"redshift": 0.975}}),
        ("cdfs_30267_cube_median_sub.fits",
         {"wavelength_start_um": 1.661539, "wavelength_step_um": 2.158203e-4}),
    ],
)  # fmt: skip
def test_a_real_cube_comes_back_as_it_was(name, options, shared_data, tmp_path):
    observation = read_observation([shared_data / "real/cubes" / name], **options)
    assert_same(written_and_read(observation, tmp_path), observation)
