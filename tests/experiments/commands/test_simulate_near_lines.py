"""``kurvs simulate --within-kms-of-lines``: files that the other commands read."""

import json

import pytest
from astropy.io import fits

from experiments.cli import BAD_INPUT, execute
from kurvs_pipeline.io.reading import read_observation

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
[observation.grid]
n_x = 10
n_y = 10
"""


def simulate(folder, *arguments):
    """Simulate the galaxy into ``folder / "out"``, and return what the command returned."""
    (folder / "disk.toml").write_text(GALAXY)
    output = ("--output", str(folder / "out"), "--quiet")
    return execute(["simulate", str(folder / "disk.toml"), *output, *arguments])


def test_the_cubes_hold_the_channels_near_the_lines(tmp_path):
    assert simulate(tmp_path, "--within-kms-of-lines", "1000") == 0
    for band in ("IZ", "YJ", "H"):
        assert fits.getheader(tmp_path / "out" / f"disk_{band}.fits", 1)["NAXIS3"] < 500
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["configuration"]["within_kms_of_lines"] == 1000.0


@pytest.mark.parametrize(
    ("layout", "files"),
    [("survey", "*/*/disk.fits"), ("netcdf", "disk.nc"), ("zarr", "disk.zarr")],
)
def test_every_layout_takes_them(tmp_path, layout, files):
    assert simulate(tmp_path, "--within-kms-of-lines", "3000", "--format", layout) == 0
    read = read_observation(sorted((tmp_path / "out").glob(files)))
    seen = ~read["H"]["mask"].to_numpy().all(axis=(1, 2))
    assert 300 < seen.sum() < 500


def test_too_few_channels_are_refused_in_one_line(tmp_path, capsys):
    assert simulate(tmp_path, "--within-kms-of-lines", "100") == BAD_INPUT
    assert "within_kms_of_lines is 100.0; expected at least 1000 km/s" in capsys.readouterr().err
