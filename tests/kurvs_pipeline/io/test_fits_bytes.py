"""FITS files as any other reader sees them, by the letter of the standard (FITS 4.0)."""

import io

import numpy as np
import pytest
from astropy.io import fits

from kurvs_pipeline.io.fits.writing import write_eso
from kurvs_pipeline.io.survey.writing import write_survey
from kurvs_sim import Galaxy, SpaxelGrid, observe
from kurvs_sim.effects.defects import UnseenEdges
from kurvs_sim.effects.effects import Effects

BLOCK = 2880


@pytest.fixture(scope="module")
def mock():
    galaxy = Galaxy(inclination_deg=40.0, ra_deg=53.1, dec_deg=-27.8)
    grid = SpaxelGrid(n_x=11, n_y=9)
    return observe(galaxy, grid=grid, effects=Effects(unseen_edges=UnseenEdges(0.1)))


def parts_of(path):
    """Yield keywords and data of every part of a file, without astropy."""
    file = io.BytesIO(path.read_bytes())
    while header := _header(file):
        shape = [int(header[f"NAXIS{axis}"]) for axis in range(int(header["NAXIS"]), 0, -1)]
        size = abs(int(header["BITPIX"])) // 8 * int(np.prod(shape)) if shape else 0
        data = file.read(size)
        assert len(data) == size
        assert not any(file.read(-size % BLOCK))
        yield header, data, shape


def _header(file):
    """Read blocks of cards up to END; nothing at the end of the file."""
    keywords = {}
    while block := file.read(BLOCK):
        assert len(block) == BLOCK
        cards = [block[i : i + 80].decode("ascii") for i in range(0, BLOCK, 80)]
        for card in cards:
            keywords[card[:8].strip()] = card[10:].partition("/")[0].strip(" '")
        if "END" in keywords:
            return keywords
    return keywords


def test_the_eso_layout_holds_the_voxels_as_numbers_of_four_bytes_high_byte_first(mock, tmp_path):
    for name, path in write_eso(mock, tmp_path).items():
        primary, flux, noise = parts_of(path)
        assert (primary[0]["SIMPLE"], primary[0]["EXTEND"], primary[1]) == ("T", "T", b"")
        band = mock[name].to_dataset()
        expected = {
            "IFU.1.DATA": np.where(band["mask"], np.float32(np.nan), band["flux"]),
            "IFU.1.NOISE": np.sqrt(band["variance"].to_numpy()),
        }
        for header, data, shape in (flux, noise):
            assert (header["XTENSION"], header["BITPIX"]) == ("IMAGE", "-32")
            found = np.frombuffer(data, ">f4").reshape(shape)
            np.testing.assert_array_equal(found, expected[header["EXTNAME"]])


@pytest.mark.parametrize("field", ["CDFS", "COSMOS"])
def test_files_pass_the_checks_of_astropy(mock, tmp_path, field):
    written = [*write_eso(mock, tmp_path).values(),
               *write_survey(mock, tmp_path, field=field).values()]  # fmt: skip
    for path in written:
        with fits.open(path) as hdus:
            hdus.verify("exception")


def test_writing_leaves_the_observation_as_it_was(mock, tmp_path):
    before = mock.copy(deep=True)
    write_eso(mock, tmp_path)
    write_survey(mock, tmp_path, field="CDFS")
    assert mock.identical(before)
