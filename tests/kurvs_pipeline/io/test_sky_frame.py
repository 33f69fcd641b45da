"""Spaxel size, rotation and place on the sky come from the whole of a header's matrix."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.fits.sky_frame import SkyFrame

STEP_DEG = 0.2 / 3600


def header_of(**cards):
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"], header["CTYPE3"] = "RA---TAN", "DEC--TAN", "WAVE"
    header["CUNIT1"], header["CUNIT2"], header["CUNIT3"] = "deg", "deg", "um"
    header["CRPIX1"], header["CRPIX2"], header["CRPIX3"] = 3.5, 3.0, 1.0
    header["CRVAL1"], header["CRVAL2"], header["CRVAL3"] = 53.0, -27.0, 1.425
    header.update(cards)
    return header


def rotated(angle_deg, form):
    """Return the cards by which y points so far East of North, x at right angles to its West."""
    sine, cosine = np.sin(np.radians(angle_deg)), np.cos(np.radians(angle_deg))
    scale = {"CDELT1": -STEP_DEG, "CDELT2": STEP_DEG, "CDELT3": 2e-4}
    return {
        "CD": {"CD1_1": -STEP_DEG * cosine, "CD1_2": STEP_DEG * sine,
               "CD2_1": STEP_DEG * sine, "CD2_2": STEP_DEG * cosine},
        "PC": {**scale, "PC1_1": cosine, "PC1_2": -sine, "PC2_1": sine, "PC2_2": cosine},
        # By the convention of AIPS it turns the y axis from North to West.
        "CROTA2": {**scale, "CROTA2": -angle_deg},
    }[form]  # fmt: skip


@pytest.mark.parametrize("form", ["CD", "PC", "CROTA2"])
@given(angle_deg=st.floats(-179.0, 179.0))
def test_size_and_rotation_are_read_from_every_form_of_the_matrix(form, angle_deg):
    frame = SkyFrame.from_header(header_of(**rotated(angle_deg, form)), "cube")
    assert frame.spaxel_x_arcsec == pytest.approx(0.2)
    assert frame.spaxel_y_arcsec == pytest.approx(0.2)
    assert frame.rotation_deg == pytest.approx(angle_deg, abs=1e-7)
    assert not frame.mirrored


def test_the_rotation_is_that_of_the_sky_which_astropy_gives():
    header = header_of(**rotated(30.0, "PC"))
    frame = SkyFrame.from_header(header, "cube")
    sky = WCS(header).celestial
    foot, tip = sky.pixel_to_world(2.5, 2.0), sky.pixel_to_world(2.5, 3.0)
    assert frame.rotation_deg == pytest.approx(foot.position_angle(tip).deg, abs=1e-4)


def test_matrix_elements_that_are_absent_beside_pc_are_those_of_the_identity():
    frame = SkyFrame.from_header(header_of(CDELT1=-STEP_DEG, CDELT2=STEP_DEG, PC3_3=1.0), "cube")
    assert frame.rotation_deg == 0.0
    assert frame.spaxel_x_arcsec == pytest.approx(0.2)


def test_a_mirrored_frame_is_said_to_be_so():
    assert SkyFrame.from_header(header_of(CD1_1=STEP_DEG, CD2_2=STEP_DEG), "cube").mirrored


def test_scales_in_arcsec_are_not_taken_as_degrees():
    header = header_of(CD1_1=-0.2, CD2_2=0.2, CUNIT1="arcsec", CUNIT2="arcsec")
    assert SkyFrame.from_header(header, "cube").spaxel_x_arcsec == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("cards", "message"),
    [
        ({"CD1_1": -STEP_DEG, "CD2_2": 1.02 * STEP_DEG}, r"0\.2 x 0\.204 arcsec.*square"),
        ({"CDELT1": -STEP_DEG, "CDELT2": 2 * STEP_DEG}, r"0\.2 x 0\.4 arcsec.*square"),
        ({"CD1_1": -STEP_DEG, "CD2_2": STEP_DEG, "CD1_2": 0.1 * STEP_DEG}, "right angles"),
        ({"CDELT1": -STEP_DEG}, "no spaxel size"),
        ({"PC1_1": 1.0, "PC2_2": 1.0}, "no spaxel size"),
        ({"CDELT1": 0.0, "CDELT2": STEP_DEG}, "no spaxel size"),
        ({"CDELT1": "wide", "CDELT2": STEP_DEG}, "CDELT1 is 'wide'"),
        ({"CDELT1": -STEP_DEG, "CDELT2": STEP_DEG, "PC1_2": "NaN"}, "PC1_2 is 'NaN'"),
        ({"CD1_1": -STEP_DEG, "CD2_2": STEP_DEG, "CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN"},
         "CTYPE1 = 'DEC--TAN'"),
        ({"CD1_1": -STEP_DEG, "CD2_2": STEP_DEG, "CTYPE2": "WAVE"}, "CTYPE2 = 'WAVE'"),
        ({"CD1_1": -STEP_DEG, "CD2_2": STEP_DEG, "CUNIT1": "furlong"}, "CUNIT1 = 'furlong'"),
    ],
)  # fmt: skip
def test_a_frame_that_apertures_cannot_be_laid_on_is_refused(cards, message):
    with pytest.raises(CubeFormatError, match=message) as error:
        SkyFrame.from_header(header_of(**cards), "cube.fits [X.DATA]")
    assert "cube.fits [X.DATA]" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_spaxels_square_within_a_percent_pass():
    header = header_of(CD1_1=-STEP_DEG, CD2_2=1.005 * STEP_DEG)
    assert SkyFrame.from_header(header, "cube").spaxel_y_arcsec == pytest.approx(0.201)


def test_the_place_of_a_pixel_on_the_sky_is_that_of_astropy():
    header = header_of(**rotated(30.0, "CD"))
    expected = WCS(header, naxis=2).pixel_to_world(6.0, 7.0)
    right_ascension, declination = SkyFrame.from_header(header, "cube").sky_position((6.0, 7.0))
    assert right_ascension == pytest.approx(expected.ra.deg, abs=1e-9)
    assert declination == pytest.approx(expected.dec.deg, abs=1e-9)


@pytest.mark.parametrize("value", ["NaN", None])
@pytest.mark.parametrize("keyword", ["CRVAL1", "CRPIX2"])
def test_a_frame_without_a_reference_has_no_place_on_the_sky(keyword, value):
    header = header_of(CD1_1=-STEP_DEG, CD2_2=STEP_DEG)
    header[keyword] = value
    frame = SkyFrame.from_header(header, "cube")
    assert np.isnan(frame.sky_position((0.0, 0.0))).all()
