"""A file that is not what its checksums say is refused, by the part that is damaged."""

import logging

import numpy as np
import pytest
from astropy.io import fits

from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.files import open_fits
from kurvs_pipeline.io.fits.cube import read_cube
from kurvs_pipeline.io.fits.options import CubeOptions
from kurvs_pipeline.io.images import read_star, read_velocity_map
from kurvs_pipeline.io.reading import read_observation

CARDS = {
    "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CTYPE3": "WAVE", "CUNIT3": "um",
    "CRVAL1": 53.0, "CRVAL2": -27.0, "CRVAL3": 1.6, "CRPIX3": 1.0,
    "CD1_1": -0.2 / 3600, "CD2_2": 0.2 / 3600, "CD3_3": 2e-4,
}  # fmt: skip
SHAPE = (30, 12, 12)


def data_of(shape=SHAPE):
    return 1.0 + np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def signed(path, data=None, kind=fits.ImageHDU):
    data = data_of() if data is None else data
    hdus = [fits.PrimaryHDU(), kind(data, fits.Header(CARDS), name="DATA"),
            fits.ImageHDU(np.ones_like(data), fits.Header(CARDS), name="NOISE")]  # fmt: skip
    fits.HDUList(hdus).writeto(path, checksum=True)
    return path


def with_data_damaged(path, extension="DATA", offset=1000):
    with fits.open(path, disable_image_compression=True) as hdus:
        start = hdus[extension].fileinfo()["datLoc"]
    content = bytearray(path.read_bytes())
    content[start + offset] ^= 0x10
    path.write_bytes(bytes(content))
    return path


def with_header_changed(path, keyword="CRVAL3", old=b"1.6", new=b"1.7"):
    content = path.read_bytes()
    start = content.index(keyword.ljust(8).encode() + b"=")
    card = content[start : start + 80].replace(old, new, 1)
    path.write_bytes(content[:start] + card + content[start + 80 :])
    return path


@pytest.mark.parametrize("kind", [fits.ImageHDU, fits.CompImageHDU])
def test_a_whole_file_is_read(tmp_path, kind):
    read_cube(signed(tmp_path / "c.fits", kind=kind))


@pytest.mark.parametrize("extension", ["DATA", "NOISE"])
def test_damaged_data_are_refused_by_their_extension(tmp_path, extension):
    path = with_data_damaged(signed(tmp_path / "c.fits"), extension)
    with pytest.raises(CubeFormatError, match=rf"extension \d \({extension}, CHECKSUM and DATA"):
        read_cube(path)


def test_a_damaged_compressed_image_is_refused(tmp_path):
    path = with_data_damaged(signed(tmp_path / "c.fits", kind=fits.CompImageHDU), offset=9000)
    with pytest.raises(CubeFormatError, match=r"extension 1|cut short"):
        read_cube(path)


def test_a_changed_header_is_refused_and_the_message_says_how_to_go_on(tmp_path):
    path = with_header_changed(signed(tmp_path / "c.fits"))
    with pytest.raises(CubeFormatError, match=r"\(DATA, CHECKSUM\).*--ignore-checksum"):
        read_cube(path)


def test_what_is_damaged_is_read_on_request(tmp_path):
    path = with_data_damaged(signed(tmp_path / "c.fits"))
    read_cube(path, CubeOptions(verify_checksum=False))
    read_observation([path], verify_checksum=False)


def test_maps_and_stars_are_verified_too(tmp_path):
    path = with_data_damaged(signed(tmp_path / "m.fits", data_of(SHAPE[1:])), offset=100)
    for read in (read_star, read_velocity_map):
        with pytest.raises(CubeFormatError, match=r"extension 1 \(DATA"):
            read(path)
        read(path, verify_checksum=False)


def test_checksums_carried_over_from_another_file_verify_nothing(tmp_path, caplog):
    """As the released cubes of KURVS have them."""
    with fits.open(signed(tmp_path / "c.fits")) as hdus:
        header = hdus["DATA"].header.copy()
    header["CRVAL3"] = 1.7
    image = fits.ImageHDU(2.0 * data_of(), header)
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(tmp_path / "n.fits")
    with caplog.at_level(logging.WARNING), open_fits(tmp_path / "n.fits") as hdus:
        assert hdus[1].verify_datasum() == 0
    assert "not verified" in caplog.text


def test_a_checksum_that_is_no_number_is_damage(tmp_path):
    path = with_header_changed(signed(tmp_path / "c.fits"), "DATASUM", b"'0  ", b"'x  ")
    with pytest.raises(CubeFormatError, match=r"PRIMARY, CHECKSUM and DATASUM"):
        read_cube(path)


def test_an_empty_checksum_says_nothing(tmp_path):
    image = fits.ImageHDU(data_of(), fits.Header({**CARDS, "CHECKSUM": "", "DATASUM": ""}))
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(tmp_path / "c.fits")
    read_cube(tmp_path / "c.fits")


def test_a_broken_header_is_named_where_checksums_are_looked_for(tmp_path):
    path = signed(tmp_path / "c.fits")
    content = path.read_bytes()
    start = content.index(b"XTENSION=")
    card = b"XTENSION= 'IMAGE".ljust(80)  # its quote is never closed
    path.write_bytes(content[:start] + card + content[start + 80 :])
    with pytest.raises(CubeFormatError, match=r"c\.fits"):
        read_cube(path)
