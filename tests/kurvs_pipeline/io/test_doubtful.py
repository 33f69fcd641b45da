"""A cube that is hard to believe is read, its bad parts left out, and the doubt is told."""

import logging

import numpy as np
import pytest
from astropy.io import fits

from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.geometry import BinningScheme
from kurvs_pipeline.io.fits.cube import read_cube
from kurvs_pipeline.io.fits.observation import read_observation
from kurvs_pipeline.io.fits.options import CubeOptions
from kurvs_pipeline.io.fits.writing import write_eso
from kurvs_pipeline.pipeline import Pipeline
from kurvs_sim import Galaxy, SpaxelGrid, observe

SHAPE = (60, 14, 14)
SIGMA = 2e-16
CARDS = {
    "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CTYPE3": "WAVE", "CUNIT3": "um",
    "CRVAL1": 53.0, "CRVAL2": -27.0, "CRPIX1": 7.5, "CRPIX2": 7.5, "CRVAL3": 1.6, "CRPIX3": 1.0,
    "CD1_1": -0.2 / 3600, "CD2_2": 0.2 / 3600, "CD3_3": 2e-4, "BUNIT": "erg/s/cm2/um",
}  # fmt: skip


def data_of():
    return SIGMA * np.random.default_rng(0).standard_normal(SHAPE)


def cube(path, *, data=None, noise=None, **changes):
    """Write a cube in erg/s/cm2/um with the noise of an hour."""
    header = fits.Header({**CARDS, **changes})
    arrays = {"DATA": data_of() if data is None else data,
              "NOISE": np.full(SHAPE, SIGMA) if noise is None else noise}  # fmt: skip
    images = [fits.ImageHDU(array, header, name=f"IFU.1.{key}") for key, array in arrays.items()]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(path)
    return path


def doubts(path, **options):
    notes = read_cube(path, CubeOptions(**options)).assumptions
    return [note for note in notes if "doubtful" in note]


def test_an_ordinary_cube_raises_no_doubt(tmp_path):
    notes = read_cube(cube(tmp_path / "c.fits")).assumptions
    assert not any(word in note for note in notes for word in ("doubtful", "left out", "no data"))


def test_five_per_cent_of_voxels_without_noise_are_left_out_and_counted(tmp_path):
    noise = np.full(SHAPE, SIGMA)
    lacking = np.random.default_rng(1).random(SHAPE) < 0.05
    noise[lacking] = 0.0
    found = read_cube(cube(tmp_path / "c.fits", noise=noise))
    np.testing.assert_array_equal(found.dataset["mask"], lacking)
    expected = f"{lacking.mean():.1%} of the voxels with a flux have no noise > 0"
    assert any(expected in note for note in found.assumptions)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_field_half_off_the_chip_is_read_where_it_is_not_and_that_is_said(tmp_path, value):
    data = data_of()
    data[:, :, 7:] = value
    found = read_cube(cube(tmp_path / "c.fits", data=data))
    assert found.dataset["mask"][:, :, 7:].all()
    assert not found.dataset["mask"][:, :, :7].any()
    assert any("98 of 196 spaxels hold no data" in note for note in found.assumptions)


@pytest.mark.parametrize("factor", [1e6, 1e-6])
def test_a_unit_that_is_wrong_by_a_million_is_doubted(tmp_path, factor, caplog):
    noise = np.full(SHAPE, SIGMA * factor)
    with caplog.at_level(logging.WARNING):
        (doubt,) = doubts(cube(tmp_path / "c.fits", data=factor * data_of(), noise=noise))
    assert "is BUNIT right (--flux-unit)?" in doubt
    assert doubt in caplog.text
    stated = f"{1 / factor:g} erg/s/cm2/um"
    assert not doubts(tmp_path / "c.fits", flux_unit=stated)


@pytest.mark.parametrize("factor", [1e20, 1e-20])
def test_a_unit_in_which_numbers_cannot_be_held_is_refused(tmp_path, factor):
    noise = np.full(SHAPE, SIGMA * factor)
    path = cube(tmp_path / "c.fits", data=factor * data_of(), noise=noise)
    with pytest.raises(CubeFormatError, match=r"BUNIT = 'erg/s/cm2/um'.*--flux-unit") as error:
        read_cube(path)
    assert path.name in str(error.value)
    assert not doubts(path, flux_unit=f"{1 / factor:g} erg/s/cm2/um")


@pytest.mark.parametrize("name", ["data", "noise"])
def test_single_voxels_too_large_to_hold_are_left_out(tmp_path, name):
    values = data_of() if name == "data" else np.full(SHAPE, SIGMA)
    values[3, 4, 5] = 1e20
    found = read_cube(cube(tmp_path / "c.fits", **{name: values}))
    assert np.argwhere(found.dataset["mask"].to_numpy()).tolist() == [[3, 4, 5]]
    assert any("1 voxels beyond 1e+18" in note for note in found.assumptions)


@pytest.mark.parametrize("factor", [1e6, 1e-6])
def test_noise_in_another_unit_than_the_fluxes_is_doubted(tmp_path, factor):
    (doubt,) = doubts(cube(tmp_path / "c.fits", noise=np.full(SHAPE, SIGMA * factor)))
    assert f"{1 / factor:.0e}"[:2] in doubt
    assert "times the stated noise" in doubt


def test_a_variance_that_is_called_noise_is_doubted(tmp_path):
    path = cube(tmp_path / "c.fits", noise=np.full(SHAPE, SIGMA**2))
    assert "variance or a standard deviation" in doubts(path)[0]
    assert not doubts(path, noise_kind="variance")


def test_fluxes_without_calibration_can_have_any_size(tmp_path):
    noise = np.full(SHAPE, SIGMA * 1e9)
    assert not doubts(cube(tmp_path / "c.fits", data=1e9 * data_of(), noise=noise, BUNIT="adu"))


def test_a_mock_without_noise_raises_no_doubt(tmp_path):
    mock = observe(
        Galaxy(inclination_deg=40.0), grid=SpaxelGrid(n_x=9, n_y=9), bands=["H"], halpha_snr=None
    )
    observation = read_observation(list(write_eso(mock, tmp_path).values()))
    assert "doubtful" not in observation.attrs["assumptions"]


@pytest.fixture(scope="module")
def mock(tmp_path_factory):
    """Return the path of a galaxy's cube, as another reduction might have written it."""
    galaxy = Galaxy(redshift=1.5, inclination_deg=30.0, position_angle_deg=40.0)
    seen = observe(galaxy, bands=["H"], halpha_snr=54.0, seed=11)
    path = write_eso(seen, tmp_path_factory.mktemp("mock"))["H"]
    with fits.open(path, mode="update") as hdus:
        for keyword in [key for key in hdus[0].header if key.startswith("KURVS")]:
            del hdus[0].header[keyword]
    return path


def halpha_of(path, **options):
    """Return flux, error and coverage of H-alpha in the innermost annuli."""
    known = {"redshift": 1.5, "inclination_deg": 30.0, "position_angle_deg": 40.0,
             "effective_radius_arcsec": 0.5, "seeing_fwhm_arcsec": 0.6}  # fmt: skip
    observation = read_observation([path], overrides=known, **options)
    galaxy = Pipeline(BinningScheme.parse("2x0.5")).run(observation)
    of_line = galaxy.fluxes[galaxy.fluxes["line"] == "halpha"]
    rows = [of_line[of_line["aperture"] == name][0] for name in ("A", "B")]
    coverage = dict(zip((item.name for item in galaxy.apertures), galaxy.coverage, strict=True))
    return [(row["flux"].value, row["flux_err"].value, coverage[row["aperture"]]) for row in rows]


def test_a_galaxy_without_five_per_cent_of_its_noise_keeps_its_fluxes(mock, tmp_path):
    whole, damaged = halpha_of(mock), tmp_path / "c.fits"
    with fits.open(mock) as hdus:
        lacking = np.random.default_rng(1).random(hdus[2].data.shape) < 0.05
        hdus[2].data[lacking] = 0.0
        hdus.writeto(damaged)
    for (flux, error, _), (expected, _, _) in zip(halpha_of(damaged), whole, strict=True):
        assert abs(flux - expected) < 2.0 * error


def test_a_galaxy_half_off_the_chip_is_measured_on_what_is_inside(mock, tmp_path):
    (whole, *_), damaged = halpha_of(mock, centre_pixel=(13.5, 13.5)), tmp_path / "c.fits"
    with fits.open(mock) as hdus:
        hdus[1].data[:, :, 14:] = np.nan
        hdus.writeto(damaged)
    flux, error, coverage = halpha_of(damaged, centre_pixel=(13.5, 13.5))[0]
    assert coverage == pytest.approx(0.5, abs=0.01)
    assert abs(flux - 0.5 * whole[0]) < 3.0 * error


@pytest.mark.real_data
def test_a_real_cube_raises_no_doubt(shared_data):
    assert not doubts(shared_data / "real/cubes/ecdfsf3_ifu22.fits")
