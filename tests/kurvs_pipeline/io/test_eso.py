"""Cubes are read by what is in them, written so that others can, and refused in one line."""

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.wcs import WCS

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import CubeFormatError, MetadataError
from kurvs_pipeline.io.fits.cube import read_cube
from kurvs_pipeline.io.fits.observation import read_observation
from kurvs_pipeline.io.fits.options import CubeOptions
from kurvs_pipeline.io.fits.writing import write_eso
from kurvs_pipeline.lines import air_from_vacuum
from kurvs_pipeline.observation import (
    ObservationMetadata,
    band_dataset,
    make_observation,
    metadata_of,
)

SHAPE = (2048, 5, 6)


def header_of(band="H", **changes):
    grid = KMOS_BANDS[band]
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"], header["CTYPE3"] = "RA---TAN", "DEC--TAN", "WAVE"
    header["CUNIT1"], header["CUNIT2"], header["CUNIT3"] = "deg", "deg", "um"
    header["CRPIX1"], header["CRPIX2"], header["CRPIX3"] = 3.5, 3.0, 1.0
    header["CRVAL1"], header["CRVAL2"], header["CRVAL3"] = 53.0, -27.0, grid.first_channel_um
    header["CD1_1"], header["CD2_2"] = -0.2 / 3600, 0.2 / 3600
    header["CD3_3"] = grid.channel_width_um
    for key, value in changes.items():
        if value is None:
            del header[key]
        else:
            header[key] = value
    return header


def data_of(seed=0):
    return 1e-17 * np.random.default_rng(seed).standard_normal(SHAPE).astype(np.float32)


def write_fits(path, *hdus):
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    return path


def image(name, data, **header):
    return fits.ImageHDU(data, header=header_of(**header), name=name)


@pytest.fixture
def pair(tmp_path):
    noise = np.full(SHAPE, 1e-17, dtype=np.float32)
    return write_fits(
        tmp_path / "cube.fits", image("IFU.7.NOISE", noise), image("IFU.7.DATA", data_of())
    )


def test_data_and_noise_are_found_in_any_order(pair):
    cube = read_cube(pair)
    assert cube.band_name == "H"
    assert not cube.dataset["mask"].any()
    ratio = cube.dataset["flux"].std() / np.sqrt(cube.dataset["variance"].mean())
    assert float(ratio) == pytest.approx(1.0, abs=0.02)


def test_the_band_is_found_from_the_wavelengths(tmp_path):
    path = write_fits(tmp_path / "H_cube.fits", image("IFU.1.DATA", data_of(), band="YJ"))
    assert read_cube(path).band_name == "YJ"


def test_a_cube_without_noise_has_unknown_variance(tmp_path):
    cube = read_cube(write_fits(tmp_path / "c.fits", image("IFU.1.DATA", data_of())))
    assert np.isnan(cube.dataset["variance"]).all()
    assert any("noise is estimated" in note for note in cube.assumptions)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_zero_and_not_a_number_are_no_data(tmp_path, value):
    data = data_of()
    data[:, :, 0] = value
    dataset = read_cube(write_fits(tmp_path / "c.fits", image("X.DATA", data))).dataset
    assert dataset["mask"][:, :, 0].all()
    assert not dataset["mask"][:, :, 1:].any()
    assert (dataset["flux"].values[:, :, 0] == 0.0).all()


@pytest.mark.parametrize("value", [0.0, np.nan, -1.0])
def test_noise_that_is_not_positive_masks_the_voxel(tmp_path, value):
    noise = np.full(SHAPE, 1e-17, dtype=np.float32)
    noise[100] = value
    path = write_fits(tmp_path / "c.fits", image("X.DATA", data_of()), image("X.NOISE", noise))
    dataset = read_cube(path).dataset
    assert dataset["mask"][100].all()
    assert np.isnan(dataset["variance"][100]).all()


def test_fluxes_without_unit_are_scaled_to_order_one_and_said_so(tmp_path):
    cube = read_cube(write_fits(tmp_path / "c.fits", image("X.DATA", data_of())))
    unit = u.Unit(cube.dataset["flux"].attrs["units"])
    assert 0.1 < float(cube.dataset["flux"].std()) < 100.0
    assert unit.is_equivalent(u.adu)
    assert float(cube.dataset["flux"].std()) * unit.to(u.adu) == pytest.approx(1e-17, rel=0.02)
    assert any("BUNIT is absent" in note for note in cube.assumptions)


def test_calibrated_fluxes_are_converted(tmp_path):
    path = write_fits(
        tmp_path / "c.fits", image("X.DATA", data_of(), BUNIT="erg.s**(-1).cm**(-2).angstrom**(-1)")
    )
    flux = read_cube(path).dataset["flux"]
    # 1 erg/s/cm2/Angstrom is 1e4 erg/s/cm2/um.
    np.testing.assert_allclose(flux, data_of() * 1e4 / 1e-16, rtol=1e-5)


@pytest.mark.parametrize("unit", ["ADU/sec", "adu", "gibberish"])
def test_odd_flux_units_do_not_stop_the_reader(tmp_path, unit):
    path = write_fits(tmp_path / "c.fits", image("X.DATA", data_of(), BUNIT=unit))
    u.Unit(read_cube(path).dataset["flux"].attrs["units"])


@pytest.mark.parametrize(("unit", "per_um"), [("nm", 1e3), ("Angstrom", 1e4), ("m", 1e-6)])
def test_wavelengths_in_other_units_are_converted(tmp_path, unit, per_um):
    grid = KMOS_BANDS["H"]
    path = write_fits(
        tmp_path / "c.fits",
        image("X.DATA", data_of(), CUNIT3=unit, CRVAL3=grid.first_channel_um * per_um,
              CD3_3=grid.channel_width_um * per_um),
    )  # fmt: skip
    np.testing.assert_allclose(read_cube(path).dataset["wavelength"], grid.wavelength_um, rtol=1e-9)


def test_air_wavelengths_are_converted_to_vacuum(tmp_path):
    path = write_fits(tmp_path / "c.fits", image("X.DATA", data_of(), CTYPE3="AWAV"))
    vacuum = read_cube(path).dataset["wavelength"].to_numpy()
    np.testing.assert_allclose(air_from_vacuum(vacuum), KMOS_BANDS["H"].wavelength_um, rtol=1e-9)


def test_a_header_that_lies_can_be_overridden(tmp_path):
    path = write_fits(tmp_path / "c.fits", image("X.DATA", data_of(), CRVAL3=0.3))
    cube = read_cube(path, CubeOptions(wavelength_start_um=1.43, wavelength_step_um=2e-4))
    np.testing.assert_allclose(cube.dataset["wavelength"], 1.43 + 2e-4 * np.arange(2048))


def test_cdelt3_serves_where_there_is_no_cd3_3(tmp_path):
    step = KMOS_BANDS["H"].channel_width_um
    path = write_fits(tmp_path / "c.fits", image("X.DATA", data_of(), CD3_3=None, CDELT3=step))
    assert read_cube(path).band_name == "H"


def test_x_runs_to_the_west_and_y_to_the_north(pair):
    dataset = read_cube(pair, CubeOptions(centre_pixel=(2.0, 1.0))).dataset
    np.testing.assert_allclose(dataset["x"], 0.2 * (np.arange(6) - 2.0))
    np.testing.assert_allclose(dataset["y"], 0.2 * (np.arange(5) - 1.0))


def test_a_mirrored_cube_has_x_running_the_other_way(tmp_path):
    path = write_fits(tmp_path / "c.fits", image("X.DATA", data_of(), CD1_1=0.2 / 3600))
    assert read_cube(path).dataset["x"].to_numpy()[0] > 0.0


def test_the_position_angle_of_a_rotated_cube_counts_from_its_y_axis(tmp_path):
    angle = np.radians(30.0)
    step = 0.2 / 3600
    # y points 30 degrees East of North, x at right angles to the West of it.
    path = write_fits(
        tmp_path / "c.fits",
        image("X.DATA", data_of(), CD1_1=-step * np.cos(angle), CD2_1=step * np.sin(angle),
              CD1_2=step * np.sin(angle), CD2_2=step * np.cos(angle)),
    )  # fmt: skip
    observation = read_observation([path], overrides={"position_angle_deg": 75.0, "redshift": 1.5})
    assert metadata_of(observation).position_angle_deg == pytest.approx(45.0)


def test_a_target_that_is_not_stated_is_left_to_be_found(pair):
    assert metadata_of(read_observation([pair])).target_position == "unknown"
    found = metadata_of(read_observation([pair], centre_pixel=(2.0, 2.0)))
    assert found.target_position == "stated"


def test_the_name_comes_from_the_arm_in_the_header(tmp_path):
    primary = fits.PrimaryHDU()
    primary.header["HIERARCH ESO OCS ARM6 NAME"] = "another"
    primary.header["HIERARCH ESO OCS ARM7 NAME"] = "cdfs_1"
    fits.HDUList([primary, image("IFU.7.DATA", data_of())]).writeto(tmp_path / "c.fits")
    assert metadata_of(read_observation([tmp_path / "c.fits"])).name == "cdfs_1"


@pytest.fixture
def observation():
    rng = np.random.default_rng(4)
    x, y = 0.1 * (np.arange(7) - 2.3), 0.1 * (np.arange(6) - 3.1)
    header = header_of(CRPIX1=3.3, CRPIX2=4.1, CD1_1=-0.1 / 3600, CD2_2=0.1 / 3600)
    noise = rng.uniform(0.5, 2.0, (2048, 6, 7)).astype(np.float32)
    mask = rng.random(noise.shape) < 0.01
    band = band_dataset(
        flux=np.where(mask, 0.0, rng.standard_normal(noise.shape)),
        variance=np.where(mask, np.nan, noise**2),
        mask=mask,
        wavelength_um=KMOS_BANDS["H"].wavelength_um,
        x_arcsec=x,
        y_arcsec=y,
        lsf_sigma_um=np.full(2048, KMOS_BANDS["H"].lsf_sigma_um),
        wcs_header=header.tostring(sep="\n", endcard=False, padding=False),
    )
    metadata = ObservationMetadata(
        name="A galaxy", redshift=1.5396, ra_deg=53.0, dec_deg=-27.0, inclination_deg=41.0,
        position_angle_deg=123.4, effective_radius_arcsec=1 / 3, seeing_fwhm_arcsec=0.6,
        psf_kind="moffat", psf_moffat_beta=2.7, software_version="0.1.0", seed=2**60 + 1,
    )  # fmt: skip
    return make_observation({"H": band}, metadata)


def test_what_was_written_reads_back_identically(observation, tmp_path):
    paths = write_eso(observation, tmp_path)
    again = read_observation(list(paths.values()))
    assert metadata_of(again) == metadata_of(observation)
    for name in ("flux", "variance", "mask", "lsf_sigma"):
        np.testing.assert_array_equal(again["H"][name], observation["H"][name])
    for name in ("x", "y", "wavelength"):
        np.testing.assert_allclose(again["H"][name], observation["H"][name], atol=1e-9)
    assert again["H"]["flux"].attrs["units"] == observation["H"]["flux"].attrs["units"]


def test_a_spaxel_of_nothing_but_zeros_is_no_data_even_in_our_own_cubes(observation, tmp_path):
    observation["H"]["flux"][:, :, 0] = 0.0
    again = read_observation(list(write_eso(observation, tmp_path).values()))
    assert again["H"]["mask"].to_numpy()[:, :, 0].all()


def test_a_written_cube_has_world_coordinates_that_astropy_reads(observation, tmp_path):
    path = write_eso(observation, tmp_path)["H"]
    with fits.open(path) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "IFU.1.DATA", "IFU.1.NOISE"]
        wcs = WCS(hdus["IFU.1.DATA"].header)
        assert u.Unit(hdus["IFU.1.DATA"].header["BUNIT"], format="fits").is_equivalent(
            u.erg / u.s / u.cm**2 / u.um
        )
    right_ascension, declination, wavelength = wcs.wcs_pix2world(2.3, 3.1, 100, 0)
    assert right_ascension == pytest.approx(53.0)
    assert declination == pytest.approx(-27.0)
    # astropy answers in metres.
    assert wavelength * 1e6 == pytest.approx(KMOS_BANDS["H"].wavelength_um[100])
    west = wcs.wcs_pix2world(3.3, 3.1, 100, 0)[0]
    assert west < right_ascension


def one_line(error):
    return len(str(error.value).splitlines()) == 1


def bad_image(tmp_path):
    return write_fits(tmp_path / "b.fits", fits.ImageHDU(np.ones((5, 5)), name="X.DATA"))


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(CubeFormatError, match="no such file") as error:
        read_cube(tmp_path / "absent.fits")
    assert one_line(error)


@pytest.mark.parametrize("content", [b"", b"not a FITS file", b"SIMPLE  =                    T"])
def test_a_file_that_is_not_fits_is_refused(tmp_path, content):
    path = tmp_path / "b.fits"
    path.write_bytes(content)
    with pytest.raises(CubeFormatError, match=r"b\.fits") as error:
        read_cube(path)
    assert one_line(error)


def test_a_file_that_is_cut_short_is_refused(pair):
    content = pair.read_bytes()
    pair.write_bytes(content[: len(content) // 2])
    with pytest.raises(CubeFormatError, match=r"cube\.fits") as error:
        read_cube(pair)
    assert one_line(error)


def test_an_image_is_no_cube(tmp_path):
    with pytest.raises(CubeFormatError, match=r"no cube .*found X.DATA 5x5"):
        read_cube(bad_image(tmp_path))


def test_an_empty_file_has_no_cube(tmp_path):
    with pytest.raises(CubeFormatError, match="no image at all"):
        read_cube(write_fits(tmp_path / "b.fits"))


def test_several_cubes_ask_for_a_choice(tmp_path):
    path = write_fits(
        tmp_path / "b.fits", image("IFU.1.DATA", data_of()), image("IFU.2.DATA", data_of(1))
    )
    with pytest.raises(CubeFormatError, match=r"2 cubes.*--extension.*IFU\.1\.DATA"):
        read_cube(path)
    assert read_cube(path, CubeOptions(extension="IFU.2")).band_name == "H"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"CRVAL3": None}, "no spectral axis: expected CRVAL3"),
        ({"CD3_3": None}, "no spectral axis: expected CDELT3 or CD3_3"),
        ({"CUNIT3": "furlong"}, "CUNIT3 is 'furlong'"),
        ({"CUNIT3": None}, "CUNIT3 is nothing"),
        ({"CUNIT3": "deg"}, "CUNIT3 is 'deg'"),
        ({"CTYPE3": "VELO"}, "CTYPE3 = 'VELO'"),
        ({"CRVAL3": 12.0}, "no KMOS band"),
        ({"CD3_3": -1e-4}, "wavelength step"),
        ({"CD1_1": None}, "no spaxel size"),
    ],
)
def test_a_header_that_cannot_be_understood_names_the_keyword(tmp_path, changes, message):
    path = write_fits(tmp_path / "b.fits", image("X.DATA", data_of(), **changes))
    with pytest.raises(CubeFormatError, match=message) as error:
        read_cube(path)
    assert one_line(error)


def test_a_cube_without_any_data_is_refused(tmp_path):
    path = write_fits(tmp_path / "b.fits", image("X.DATA", np.full(SHAPE, np.nan, np.float32)))
    with pytest.raises(CubeFormatError, match="no voxel holds data"):
        read_cube(path)


def test_noise_of_another_shape_is_refused(tmp_path):
    path = write_fits(
        tmp_path / "b.fits",
        image("X.DATA", data_of()),
        image("X.NOISE", np.ones((2048, 5, 5), np.float32)),
    )
    with pytest.raises(CubeFormatError, match=r"shape \(2048, 5, 5\)"):
        read_cube(path)


def test_two_cubes_of_one_band_are_refused(pair, tmp_path):
    other = tmp_path / "other.fits"
    other.write_bytes(pair.read_bytes())
    with pytest.raises(CubeFormatError, match="both of band H"):
        read_observation([pair, other])


def test_a_negative_redshift_is_refused(pair):
    with pytest.raises(MetadataError, match=r"redshift is -1\.0"):
        read_observation([pair], overrides={"redshift": -1.0})


def test_a_centre_outside_the_field_is_refused(pair):
    with pytest.raises(MetadataError, match="outside the field of 6 x 5"):
        read_cube(pair, CubeOptions(centre_pixel=(40.0, 2.0)))


@pytest.mark.real_data
def test_the_real_yj_cube_is_read(shared_data):
    cube = read_cube(shared_data / "real/cubes/ecdfsf3_ifu22.fits")
    assert cube.band_name == "YJ"
    assert cube.dataset["flux"].shape == (2048, 14, 15)
    assert cube.header_metadata["name"] == "zmus_z1_166"
    assert 0.2 < float(cube.dataset["mask"].mean()) < 0.3


@pytest.mark.real_data
def test_the_cut_out_whose_header_lies_is_read(shared_data):
    path = shared_data / "real/cubes/cdfs_30267_cube_median_sub.fits"
    cube = read_cube(
        path, CubeOptions(wavelength_start_um=1.661539, wavelength_step_um=2.158203e-4)
    )
    assert cube.band_name == "H"
    assert float(cube.dataset["x"][1] - cube.dataset["x"][0]) == pytest.approx(0.2)
    assert cube.header_metadata["name"] == "cdfs_30267"
