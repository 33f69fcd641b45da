"""Bands are measured together only where their spaxels fall on one another."""

import numpy as np
import pytest
from astropy.io import fits

from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.fits.observation import read_observation
from kurvs_pipeline.observation import band_names

STEP_DEG = 0.2 / 3600
FIRST_UM = {"H": 1.6, "YJ": 1.2}


def turned(angle_deg):
    sine, cosine = np.sin(np.radians(angle_deg)), np.cos(np.radians(angle_deg))
    return {"PC1_1": cosine, "PC1_2": -sine, "PC2_1": sine, "PC2_2": cosine}


def cube(path, band, *, shape=(20, 8, 9), **changes):
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"], header["CTYPE3"] = "RA---TAN", "DEC--TAN", "WAVE"
    header["CRPIX1"], header["CRPIX2"], header["CRPIX3"] = 2.5, 4.0, 1.0
    header["CRVAL1"], header["CRVAL2"], header["CRVAL3"] = 53.1, -60.0, FIRST_UM[band]
    header["CDELT1"], header["CDELT2"], header["CDELT3"] = -STEP_DEG, STEP_DEG, 2e-4
    header["CUNIT3"] = "um"
    header.update(changes)
    data = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    hdu = fits.ImageHDU(data, header=header, name="IFU.1.DATA")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    return path


def read_pair(tmp_path, **changes):
    return read_observation(
        [cube(tmp_path / "h.fits", "H"), cube(tmp_path / "yj.fits", "YJ", **changes)]
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        turned(0.5),
        {"CRVAL2": -60.0 + 0.4 * STEP_DEG},
        # At this declination a degree of right ascension is half a degree of sky.
        {"CRVAL1": 53.1 + 0.8 * STEP_DEG},
        {"CRPIX1": 3.5, "CRPIX2": 3.0, "CRVAL1": 53.1 - 2.0 * STEP_DEG,
         "CRVAL2": -60.0 - STEP_DEG},
        {"CDELT2": 1.003 * STEP_DEG},
    ],
)  # fmt: skip
def test_bands_of_one_field_are_taken_together(tmp_path, changes):
    assert band_names(read_pair(tmp_path, **changes)) == ("YJ", "H")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": (20, 8, 7)}, "shape, 9 x 8 spaxels against 7 x 8 spaxels"),
        ({"CDELT1": -STEP_DEG / 2, "CDELT2": STEP_DEG / 2},
         "spaxel size in x, 0.2 against 0.1 arcsec"),
        ({"CDELT1": -1.006 * STEP_DEG, "CDELT2": 1.013 * STEP_DEG},
         "spaxel size in y, 0.2 against 0.2026 arcsec"),
        ({"CDELT1": STEP_DEG}, "handedness, not mirrored against mirrored"),
        (turned(30.0), "rotation, 0 against 30 deg"),
        ({"CRVAL2": -60.0 + 0.7 * STEP_DEG}, "pointing by 0.14 arcsec, field centre RA 53.09"),
        ({"CRVAL1": 54.1}, "pointing by 1.8e+03 arcsec"),
        ({"CRPIX1": 5.5}, "pointing by 0.6 arcsec"),
    ],
)  # fmt: skip
def test_bands_of_different_fields_are_refused_and_both_values_named(tmp_path, changes, message):
    with pytest.raises(CubeFormatError) as error:
        read_pair(tmp_path, **changes)
    for part in ("h.fits", "yj.fits", message, "resample"):
        assert part in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_field_across_the_meridian_of_right_ascension_zero_is_one_field(tmp_path):
    paths = [
        cube(tmp_path / "h.fits", "H", CRVAL1=0.0),
        cube(tmp_path / "yj.fits", "YJ", CRVAL1=359.99999),
    ]
    assert band_names(read_observation(paths)) == ("YJ", "H")


def test_targets_at_different_spaxels_are_refused(tmp_path):
    """Without a place on the sky, what the cubes say of their target still has to agree."""
    for band, pixel in (("H", 4.0), ("YJ", 6.0)):
        path = cube(tmp_path / f"{band}.fits", band)
        for axis in "12":
            fits.delval(path, f"CRVAL{axis}", ext=1)
        fits.setval(path, "HIERARCH KURVS VERSION", value="0.1.0")
        fits.setval(path, "HIERARCH KURVS TARGET POSITION", value="stated")
        for axis in "XY":
            fits.setval(path, f"HIERARCH KURVS CENTRE {axis}", value=pixel)
    with pytest.raises(CubeFormatError, match="first spaxel from the target"):
        read_observation([tmp_path / "H.fits", tmp_path / "YJ.fits"])


def named_pair(tmp_path, *names):
    for band, name in zip(("H", "YJ"), names, strict=True):
        path = cube(tmp_path / f"{band}.fits", band)
        for axis in "12":
            fits.delval(path, f"CRVAL{axis}", ext=1)
        fits.setval(path, "OBJECT", value=name)
    return [tmp_path / "H.fits", tmp_path / "YJ.fits"]


def test_bands_without_a_place_on_the_sky_are_refused_if_their_targets_differ(tmp_path):
    with pytest.raises(CubeFormatError, match="differ in target, 'cdfs_1' against 'cdfs_2'"):
        read_observation(named_pair(tmp_path, "cdfs_1", "cdfs_2"))


@pytest.mark.parametrize("names", [("cdfs_1", "CDFS_1"), ("cdfs_1", "")])
def test_bands_without_a_place_on_the_sky_are_taken_together_if_targets_agree(tmp_path, names):
    assert band_names(read_observation(named_pair(tmp_path, *names))) == ("YJ", "H")


def test_names_do_not_matter_where_the_places_agree(tmp_path):
    paths = [cube(tmp_path / f"{band}.fits", band) for band in ("H", "YJ")]
    for path, name in zip(paths, ("KURVS-9", "cdfs_30267"), strict=True):
        fits.setval(path, "OBJECT", value=name)
    assert band_names(read_observation(paths)) == ("YJ", "H")


def test_one_file_given_twice_is_refused(tmp_path):
    path = cube(tmp_path / "h.fits", "H")
    with pytest.raises(CubeFormatError, match="given twice"):
        read_observation([path, path])
