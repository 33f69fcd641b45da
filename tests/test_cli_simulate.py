"""``kurvs simulate``: files that other programs open."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits

from experiments.cli import BAD_INPUT, execute

GALAXY = """
[galaxy]
name = "disk"
redshift = 1.5
inclination_deg = 45.0
position_angle_deg = 30.0
effective_radius_arcsec = 0.6
[galaxy.oxygen_abundance]
central = 8.8
gradient_dex_per_kpc = -0.04
[observation]
seed = 3
[observation.grid]
n_x = 14
n_y = 14
spaxel_arcsec = 0.2
"""


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Return the folder of one simulated galaxy."""
    folder = tmp_path_factory.mktemp("simulate")
    (folder / "disk.toml").write_text(GALAXY)
    out = folder / "out"
    assert execute(["simulate", str(folder / "disk.toml"), "--output", str(out), "--quiet"]) == 0
    return out


def test_the_files_are_those_promised(simulated):
    assert {item.name for item in simulated.iterdir()} == {
        "disk_IZ.fits", "disk_YJ.fits", "disk_H.fits", "truth.nc", "preview.png", "run.json",
    }  # fmt: skip


@pytest.mark.parametrize("band", ["IZ", "YJ", "H"])
def test_cubes_have_the_layout_of_the_eso_pipeline(simulated, band):
    with fits.open(simulated / f"disk_{band}.fits") as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "IFU.1.DATA", "IFU.1.NOISE"]
        assert hdus["IFU.1.DATA"].data.shape == (2048, 14, 14)


def test_the_truth_has_the_gradient_of_every_diagnostic(simulated):
    with xr.open_dataset(simulated / "truth.nc", engine="h5netcdf") as truth:
        assert truth.attrs["name"] == "disk"
        assert np.isfinite(truth["gradient"].sel(diagnostic="n2"))


def test_the_record_has_the_seed_of_the_file(simulated):
    record = json.loads((simulated / "run.json").read_text())
    assert record["seed"] == 3
    assert record["configuration"]["inclination_deg"] == 45.0


def first_cube(folder: Path, *arguments: str) -> np.ndarray:
    toml = folder / "disk.toml"
    toml.write_text(GALAXY.replace("seed = 3", 'seed = 3\nbands = ["H"]'))
    out = folder / "-".join(["out", *arguments]).replace("--", "")
    assert execute(["simulate", str(toml), "--output", str(out), "--quiet", *arguments]) == 0
    return fits.getdata(out / "disk_H.fits", "IFU.1.DATA")


def test_the_seed_of_the_command_line_wins(simulated, tmp_path):
    of_file = fits.getdata(simulated / "disk_H.fits", "IFU.1.DATA")
    assert np.array_equal(first_cube(tmp_path), of_file)
    assert not np.array_equal(first_cube(tmp_path, "--seed", "4"), of_file)


def test_a_band_without_halpha_still_has_a_preview(tmp_path):
    (tmp_path / "disk.toml").write_text(GALAXY.replace("seed = 3", 'seed = 3\nbands = ["YJ"]'))
    out = tmp_path / "out"
    assert execute(["simulate", str(tmp_path / "disk.toml"), "--output", str(out)]) == 0
    assert (out / "preview.png").is_file()


def test_a_misspelt_key_is_named_in_one_line(tmp_path, capsys):
    (tmp_path / "disk.toml").write_text(GALAXY.replace("redshift", "redshfit"))
    assert execute(["simulate", str(tmp_path / "disk.toml")]) == BAD_INPUT
    shown = capsys.readouterr().err
    assert "redshfit" in shown
    assert shown.count("\n") == 1
