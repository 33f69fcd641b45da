"""The layout of the survey's cubes, and the choice of a reader."""

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from astropy.wcs import WCS

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import ConfigurationError, CubeFormatError, MetadataError, OutputError
from kurvs_pipeline.io.fits.writing import write_eso
from kurvs_pipeline.io.native import write_native
from kurvs_pipeline.io.reading import read_observation
from kurvs_pipeline.io.survey.reading import is_survey, read_survey
from kurvs_pipeline.io.survey.writing import write_survey
from kurvs_pipeline.observation import (
    ObservationMetadata,
    band_dataset,
    make_observation,
    metadata_of,
)

N_CHANNELS = 2048
SIDE = {"CDFS": {"IZ": 52, "YJ": 28, "H": 56}, "COSMOS": {"IZ": 56, "YJ": 56, "H": 56}}
CENTRE = {"CDFS": 29, "COSMOS": 28}


@pytest.fixture(scope="module")
def mock():
    """Return an observation of noise on 11 x 9 spaxels of 0.1 arcsec, without truth."""
    random = np.random.default_rng(5)
    bands = {}
    for name, band in KMOS_BANDS.items():
        flux = random.normal(0.01, 1.0, (N_CHANNELS, 9, 11)).astype(np.float32)
        mask = np.zeros(flux.shape, dtype=bool)
        mask[100, 2, 3] = True
        bands[name] = band_dataset(
            flux=flux, variance=np.ones_like(flux), mask=mask, wavelength_um=band.wavelength_um,
            x_arcsec=0.1 * (np.arange(11.0) - 6.0), y_arcsec=0.1 * (np.arange(9.0) - 3.0),
            lsf_sigma_um=np.full(N_CHANNELS, band.lsf_sigma_um),
        )  # fmt: skip
    metadata = ObservationMetadata(
        name="disk", redshift=1.5, ra_deg=53.1, dec_deg=-27.8, inclination_deg=40.0
    )
    return make_observation(bands, metadata)


def survey_cube(folder, field, band, data, name="cdfs_1"):
    """Write a cube as the survey has them: no noise, no header to speak of."""
    path = folder / field / band / f"{name}.fits"
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.writeto(path, data.astype(np.float32), overwrite=True)
    return path


@pytest.mark.parametrize("field", ["CDFS", "COSMOS"])
def test_cubes_lie_where_the_survey_has_them_and_as_large(tmp_path, mock, field):
    paths = write_survey(mock, tmp_path, field=field)
    for band, side in SIDE[field].items():
        assert paths[band] == tmp_path / field / band / "disk.fits"
        with fits.open(paths[band]) as hdus:
            assert [hdu.name for hdu in hdus] == ["PRIMARY"]
            assert hdus[0].data.shape == (N_CHANNELS, side, side)


@pytest.mark.parametrize("field", ["CDFS", "COSMOS"])
def test_world_coordinates_put_the_galaxy_where_the_survey_has_it(tmp_path, mock, field):
    for band, path in write_survey(mock, tmp_path, field=field).items():
        celestial = WCS(fits.getheader(path)).celestial
        column, row = celestial.world_to_pixel_values(53.1, -27.8)
        # IZ is cut by two spaxels; the middle of spaxel 29 is at 14.25 in spaxels twice as large.
        expected = {"IZ": 27.0, "YJ": 14.25, "H": 29.0}[band] if field == "CDFS" else 28.0
        assert (column, row) == pytest.approx((expected, expected), abs=1e-6)


def test_fluxes_are_in_cgs(tmp_path, mock):
    path = write_survey(mock, tmp_path, field="COSMOS")["H"]
    written = fits.getdata(path)[:, 28 - 3, 28 - 6]
    np.testing.assert_allclose(1e16 * written, mock["H"]["flux"][:, 0, 0], rtol=1e-6)


@pytest.mark.parametrize(("field", "bands"), [("COSMOS", ("IZ", "YJ", "H")), ("CDFS", ("IZ", "H"))])
def test_what_is_read_is_what_was_written(tmp_path, mock, field, bands):
    paths = write_survey(mock, tmp_path, field=field)
    read = read_survey([paths[band] for band in bands])
    for band in bands:
        window = read[band].to_dataset().isel(
            x=slice(CENTRE[field] - 6, CENTRE[field] + 5),
            y=slice(CENTRE[field] - 3, CENTRE[field] + 6),
        )  # fmt: skip
        np.testing.assert_array_equal(window["mask"], mock[band]["mask"])
        np.testing.assert_allclose(
            window["flux"].where(~window["mask"]),
            mock[band]["flux"].where(~mock[band]["mask"]),
            rtol=1e-6,
        )
        for axis in ("x", "y", "wavelength"):
            np.testing.assert_allclose(window[axis], mock[band][axis], atol=1e-12)
        assert int((~read[band]["mask"]).sum()) == int((~mock[band]["mask"]).sum())
        assert read[band]["variance"].isnull().all()


def test_metadata_come_back(tmp_path, mock):
    paths = write_survey(mock, tmp_path, field="COSMOS")
    read = metadata_of(read_survey(list(paths.values())))
    assert (read.name, read.redshift, read.inclination_deg) == ("disk", 1.5, 40.0)
    assert read.target_position == "stated"


def test_binned_spaxels_keep_the_flux(tmp_path, mock):
    path = write_survey(mock, tmp_path, field="CDFS")["YJ"]
    read = read_survey([path])["YJ"]
    channel = 500
    total = float(mock["YJ"]["flux"][channel].sum())
    assert 1e16 * fits.getdata(path)[channel].sum(dtype=float) == pytest.approx(total, rel=1e-5)
    assert float(read["flux"][channel].sum()) == pytest.approx(total, rel=1e-5)


def test_a_cube_that_says_nothing_is_read_by_its_place(tmp_path):
    cube = np.zeros((N_CHANNELS, 52, 52))
    cube[:, 27, 27] = 3e-18
    path = survey_cube(tmp_path, "CDFS", "IZ", cube)
    read = read_survey([path], overrides={"redshift": 1.5})
    band = read["IZ"].to_dataset()
    assert float(band["flux"].sel(x=0.0, y=0.0, method="nearest")[7]) == pytest.approx(0.03)
    assert int((~band["mask"]).sum()) == N_CHANNELS
    np.testing.assert_allclose(band["wavelength"], 0.78 + 1.51367e-4 * np.arange(N_CHANNELS))
    assert (metadata_of(read).name, metadata_of(read).redshift) == ("cdfs_1", 1.5)
    assert "the galaxy is at spaxel (29, 29)" in read.attrs["assumptions"]
    assert "noise is estimated" in read.attrs["assumptions"]


def test_large_spaxels_are_shared_out_over_four(tmp_path):
    cube = np.zeros((N_CHANNELS, 28, 28))
    cube[:, 14, 13] = 4e-16
    read = read_survey([survey_cube(tmp_path, "CDFS", "YJ", cube)])
    flux = read["YJ"]["flux"][0].to_numpy()
    assert np.argwhere(flux).tolist() == [[28, 26], [28, 27], [29, 26], [29, 27]]
    np.testing.assert_allclose(flux[28:30, 26:28], 1.0)
    assert "0.2 arcsec" in read.attrs["assumptions"]


def test_a_cube_of_another_size_is_refused_with_the_size_expected(tmp_path):
    path = survey_cube(tmp_path, "CDFS", "IZ", np.ones((N_CHANNELS, 56, 56)))
    with pytest.raises(CubeFormatError, match="2048 x 52 x 52, as CDFS has in IZ, found 2048 x 56"):
        read_survey([path])


def test_cubes_of_cosmos_are_read_in_any_size_that_holds_the_galaxy(tmp_path):
    cube = np.zeros((N_CHANNELS, 57, 60))
    cube[:, 28, 28] = 1e-16
    band = read_survey([survey_cube(tmp_path, "COSMOS", "H", cube)])["H"]
    assert (band.sizes["y"], band.sizes["x"]) == (57, 60)
    assert float(band["flux"][0].sel(x=0.0, y=0.0, method="nearest")) == pytest.approx(1.0)
    small = survey_cube(tmp_path, "COSMOS", "YJ", np.ones((N_CHANNELS, 28, 56)))
    with pytest.raises(CubeFormatError, match="found 2048 x 28 x 56"):
        read_survey([small])


def test_a_cube_without_data_is_refused(tmp_path):
    path = survey_cube(tmp_path, "COSMOS", "H", np.zeros((N_CHANNELS, 56, 56)))
    with pytest.raises(CubeFormatError, match="no voxel holds data"):
        read_survey([path])


def test_other_folders_are_refused_with_those_expected(tmp_path):
    with pytest.raises(CubeFormatError, match=r"FIELD/BAND/NAME\.fits .* found .*/K/x\.fits"):
        read_survey([tmp_path / "CDFS" / "K" / "x.fits"])
    assert not is_survey(tmp_path / "CDFS" / "K" / "x.fits")


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    cube = np.ones((N_CHANNELS, 56, 56))
    first = survey_cube(tmp_path, "COSMOS", "H", cube, "a")
    with pytest.raises(CubeFormatError, match="expected the bands of one galaxy"):
        read_survey([first, survey_cube(tmp_path, "COSMOS", "YJ", cube, "b")])
    with pytest.raises(CubeFormatError, match="both of band H"):
        read_survey([first, survey_cube(tmp_path, "COSMOS", "H", cube, "b")])
    smaller = survey_cube(tmp_path, "COSMOS", "IZ", cube[:, :50, :50], "a")
    with pytest.raises(CubeFormatError, match=r"56 x 56 spaxels but .* has 50 x 50"):
        read_survey([first, smaller])
    with pytest.raises(CubeFormatError, match="no cube given"):
        read_survey([])


def moved(tree, **shift):
    """Return an observation with its axes moved, in arcsec."""
    bands = {
        name: tree[name].to_dataset().assign_coords(
            {axis: tree[name][axis] + by for axis, by in shift.items()}
        )
        for name in ("H",)
    }  # fmt: skip
    return make_observation(bands, metadata_of(tree))


@pytest.mark.parametrize(
    ("shift", "message"),
    [
        ({"x": 0.05}, "H: x has spaxels at .* with the galaxy at the middle of one"),
        ({"y": 3.0}, "H: y reaches from 2.7 to 3.5 arcsec; .* room for -2.9 to 2.6"),
    ],
)
def test_spaxels_that_do_not_fit_are_refused(tmp_path, mock, shift, message):
    with pytest.raises(MetadataError, match=message):
        write_survey(moved(mock, **shift), tmp_path, field="CDFS")


def test_an_uncalibrated_cube_is_refused(tmp_path, mock):
    band = mock["H"].to_dataset().copy(deep=True)
    band["flux"].attrs["units"] = "adu"
    tree = make_observation({"H": band}, metadata_of(mock))
    with pytest.raises(MetadataError, match="H: flux is in adu"):
        write_survey(tree, tmp_path, field="CDFS")


def test_an_unknown_field_is_refused(tmp_path, mock):
    with pytest.raises(ConfigurationError, match="field is 'UDS'; expected CDFS or COSMOS"):
        write_survey(mock, tmp_path, field="UDS")


def test_a_place_that_cannot_be_written_is_named(tmp_path, mock):
    (tmp_path / "CDFS").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_survey(mock, tmp_path, field="CDFS")


def test_the_reader_is_chosen_by_what_a_file_is(tmp_path, mock):
    survey = write_survey(mock, tmp_path, field="COSMOS")
    assert read_observation(list(survey.values()))["H"].sizes["x"] == 56
    eso = write_eso(make_observation({"H": full(mock)}, metadata_of(mock)), tmp_path)
    assert read_observation([eso["H"]])["H"].sizes["x"] == 11
    native = write_native(mock, tmp_path / "disk.nc")
    without_note = read_observation([native])
    assert without_note.attrs.pop("assumptions") == ""
    assert without_note.attrs.pop("inputs_sha256")
    xr.testing.assert_identical(without_note, mock)


def test_a_cube_of_the_eso_pipeline_is_read_as_such_wherever_it_lies(tmp_path, mock):
    folder = tmp_path / "COSMOS" / "H"
    folder.mkdir(parents=True)
    eso = write_eso(make_observation({"H": full(mock)}, metadata_of(mock)), folder)
    assert read_observation([eso["H"]])["H"].sizes["x"] == 11


def full(mock):
    """Return the H band with the world coordinates that a FITS cube needs."""
    header = fits.Header({
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CTYPE3": "WAVE", "CUNIT3": "um",
        "CRPIX1": 7.0, "CRPIX2": 4.0, "CRPIX3": 1.0, "CRVAL1": 53.1, "CRVAL2": -27.8,
        "CRVAL3": 1.425, "CD1_1": -0.1 / 3600, "CD2_2": 0.1 / 3600, "CD3_3": 2.1582e-4,
    })  # fmt: skip
    return mock["H"].to_dataset().assign_attrs(wcs=header.tostring(sep="\n", padding=False))


def test_what_is_stated_wins_over_a_native_file(tmp_path, mock):
    path = write_native(mock, tmp_path / "disk.zarr")
    read = metadata_of(read_observation([path], overrides={"redshift": 1.4, "name": None}))
    assert (read.redshift, read.name) == (1.4, "disk")


def test_a_native_file_is_read_alone_and_as_it_is(tmp_path, mock):
    path = write_native(mock, tmp_path / "disk.nc")
    with pytest.raises(CubeFormatError, match=r"holds all bands of a galaxy: give it alone"):
        read_observation([path, path])
    with pytest.raises(CubeFormatError, match="centre_pixel cannot be given with it"):
        read_observation([path], centre_pixel=(3.0, 3.0), extension=None)
