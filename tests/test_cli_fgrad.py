"""``kurvs fgrad``: the correction for beam smearing on the command line."""

import json

import pytest
import xarray as xr

from experiments.cli import execute


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fgrad") / "out"
    assert execute(["fgrad", "--psf-beta", "3", "--output", str(folder), "--quiet"]) == 0
    return folder


def test_it_writes_map_figure_and_record(results):
    assert (results / "fgrad.png").stat().st_size > 10_000
    assert json.loads((results / "run.json").read_text())["configuration"]["psf_beta"] == 3.0
    with xr.open_dataset(results / "fgrad.nc") as known:
        assert known["f_grad"].dims == ("inclination", "effective_radius")
        assert float(known["f_grad"].min()) > 1.0
        assert known.attrs["psf_moffat_beta"] == 3.0


def test_it_prints_the_factor_of_one_galaxy(tmp_path, capsys):
    options = ["--inclination", "51", "--effective-radius", "0.77"]
    assert execute(["fgrad", *options, "--output", str(tmp_path / "out")]) == 0
    assert "f_grad at 51 deg" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "told"),
    [(["--inclination", "50"], "--effective-radius"), (["--seeing", "0"], "seeing FWHM is 0"),
     (["--psf-beta", "0.5"], "psf_moffat_beta"), (["--scheme", "1x1.0"], "two annuli"),
     (["--inclination", "50", "--effective-radius", "9"], "0.1 to 2"),
     (["--curves", "nowhere"], "nowhere")],
)  # fmt: skip
def test_bad_options_are_told(tmp_path, capsys, options, told):
    assert execute(["fgrad", *options, "--output", str(tmp_path / "out")]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
