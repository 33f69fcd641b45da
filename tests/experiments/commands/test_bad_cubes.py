"""Bad cubes end in exit code 2 and one clear line."""

import os

import numpy as np
import pytest
from astropy.io import fits

from experiments.cli import execute

SHAPE = (2048, 5, 6)
WAVE = {"CTYPE3": "WAVE", "CUNIT3": "um", "CRVAL3": 1.425, "CRPIX3": 1.0, "CD3_3": 2.1582e-4}
SKY = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CD1_1": -0.2 / 3600, "CD2_2": 0.2 / 3600}


def cube(path, *, data=None, **changes):
    if data is None:
        data = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    header = fits.Header({**SKY, **WAVE, **changes})
    for key in [key for key, value in changes.items() if value is None]:
        del header[key]
    image = fits.ImageHDU(data, header=header, name="IFU.1.DATA")
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path)
    return path


def not_fits(path):
    path.write_text("this is no FITS file")


def damaged(path):
    """Write a cube with a checksum, and change one of its voxels."""
    cube(path)
    with fits.open(path) as hdus:
        hdus.writeto(path, checksum=True, overwrite=True)
    content = bytearray(path.read_bytes())
    content[-5000] ^= 1
    path.write_bytes(bytes(content))


def pipe(path):
    os.mkfifo(path)


CASES = {
    "a pipe": (pipe, [], "is a device, pipe or socket"),
    "a damaged extension": (damaged, [], "extension 1 (IFU.1.DATA, CHECKSUM and DATASUM)"),
    # As far as the first thing that is wrong beside the checksum.
    "damage that is read": (damaged, ["--ignore-checksum", "--redshift", "4"], "at redshift 4"),
    "huge spaxels": (lambda p: cube(p, CD1_1=-0.2, CD2_2=0.2), [], "--spaxel-size"),
    "stated spaxels": (
        lambda p: cube(p, CD1_1=-0.2, CD2_2=0.2),
        ["--spaxel-size", "0.2", "--redshift", "4"],
        "at redshift 4",
    ),
    "noise that is not there": (cube, ["--noise-kind", "variance"], "--noise-kind is"),
    "a unit times zero": (cube, ["--flux-unit", "0 erg/(s cm2 um)"], "--flux-unit is"),
    "missing file": (lambda _: None, [], "No such file"),
    "not FITS": (not_fits, [], "not a readable FITS file"),
    "2-D image": (lambda p: cube(p, data=np.ones((5, 6))), [], "no cube"),
    "no spectral axis": (lambda p: cube(p, CRVAL3=None, CD3_3=None), [], "no spectral axis"),
    "unknown unit": (lambda p: cube(p, CUNIT3="furlong"), [], "furlong"),
    "lines not covered": (cube, ["--redshift", "4"], "H-alpha at redshift 4"),
    "all NaN": (lambda p: cube(p, data=np.full(SHAPE, np.nan)), [], "no voxel holds data"),
    "negative redshift": (cube, ["--redshift", "-1"], "redshift is -1"),
    "annuli beyond the field": (cube, ["--scheme", "3x5"], "has only"),
    "no redshift": (cube, ["--redshift", "nan"], "redshift is nan"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_cube_ends_in_exit_code_2_and_one_line(name, tmp_path, capsys, monkeypatch):
    make, options, expected = CASES[name]
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "cube.fits"
    make(path)
    defaults = ["--redshift", "1.5", "--inclination", "0"]
    assert execute(["measure", str(path), *defaults, *options]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert expected in lines[0]
    assert not (tmp_path / "kurvs-out").exists()
