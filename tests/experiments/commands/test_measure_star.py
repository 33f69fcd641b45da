"""``kurvs measure --psf-star``: the seeing comes from a star of the field, with its errors."""

import galsim
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable

from experiments.cli import execute
from kurvs_pipeline.io.fits.writing import write_eso
from kurvs_pipeline.results.reading import read_results
from kurvs_sim import Galaxy, PointSpreadFunction, observe
from kurvs_sim.profiles.radial import Linear


@pytest.fixture(scope="module")
def cube(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mock")
    galaxy = Galaxy(
        effective_radius_arcsec=0.6, inclination_deg=40.0,
        oxygen_abundance=Linear(central=8.8, gradient=-0.06),
    )  # fmt: skip
    psf = PointSpreadFunction("moffat", 0.7, 3.0)
    mock = observe(galaxy, psf=psf, bands=("H",), halpha_snr=300.0, within_kms_of_lines=3000)
    return write_eso(mock, folder, "mock")["H"]


ONE_STAR = galsim.Moffat(beta=3.0, fwhm=0.7)


def write_star(path, *, profile=ONE_STAR, noise=0.0005):
    image = profile.drawImage(nx=14, ny=14, scale=0.2, dtype=float).array
    image = image + noise * np.random.default_rng(1).standard_normal(image.shape)
    hdu = fits.PrimaryHDU(image)
    hdu.header.update({
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 7.5, "CRPIX2": 7.5,
        "CRVAL1": 53.0, "CRVAL2": -27.0, "CDELT1": -0.2 / 3600.0, "CDELT2": 0.2 / 3600.0,
    })  # fmt: skip
    hdu.writeto(path)
    return path


def measure(cube, output, *options):
    return execute(["measure", str(cube), "--output", str(output), "--quiet", *map(str, options)])


def test_the_seeing_and_its_errors_are_those_of_the_star(cube, tmp_path):
    star = write_star(tmp_path / "star.fits")
    assert measure(cube, tmp_path / "out", "--psf-star", star) == 0
    found = read_results(tmp_path / "out")
    assert found.metadata.seeing_fwhm_arcsec == pytest.approx(0.7, rel=0.02)
    assert found.metadata.psf_kind == "moffat"
    assert found.metadata.psf_moffat_beta == pytest.approx(3.0, rel=0.1)
    assert any("seeing by its star is" in note for note in found.assumptions)


def test_a_star_narrows_the_error_of_the_forward_gradient(cube, tmp_path):
    star = write_star(tmp_path / "star.fits")
    errors = []
    for name, options in (
        ("with", ("--psf-star", star)),
        ("without", ("--seeing", "0.7", "--psf-beta", "3")),
    ):
        assert measure(cube, tmp_path / name, *options) == 0
        table = QTable.read(tmp_path / name / "gradients.ecsv")
        row = table[(table["diagnostic"] == "n2") & (table["estimator"] == "forward")]
        errors.append(row["gradient_err"].value[0])
    assert errors[0] < errors[1]


def test_seeing_beside_a_star_is_refused(cube, tmp_path, capsys):
    star = write_star(tmp_path / "star.fits")
    assert measure(cube, tmp_path / "out", "--psf-star", star, "--seeing", 0.6) == 2
    assert "--psf-star" in capsys.readouterr().err


def test_an_image_without_a_star_is_refused_by_name(cube, tmp_path, capsys):
    star = write_star(tmp_path / "star.fits", noise=1.0)
    assert measure(cube, tmp_path / "out", "--psf-star", star) == 2
    told = capsys.readouterr().err
    assert "star.fits" in told
    assert "no star" in told


def test_a_double_star_is_refused_with_what_was_found(cube, tmp_path, capsys):
    double = ONE_STAR.shift(0.3, 0.0) + ONE_STAR.shift(-0.3, 0.0)
    star = write_star(tmp_path / "star.fits", profile=double)
    assert measure(cube, tmp_path / "out", "--psf-star", star) == 2
    told = capsys.readouterr().err
    assert "expected one star alone" in told
    assert "ellipticity" in told


def test_a_star_that_is_not_there_is_named(cube, tmp_path, capsys):
    assert measure(cube, tmp_path / "out", "--psf-star", tmp_path / "none.fits") == 2
    assert "none.fits" in capsys.readouterr().err
