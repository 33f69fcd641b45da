"""``kurvs fgrad``: the correction for beam smearing on the command line."""

import json

import numpy as np
import pytest
import xarray as xr

from experiments.beam_smearing.figure import DISKS_DRAWN, f_grad_figure
from experiments.cli import execute
from kurvs_pipeline.smearing.f_grad_map import SmearedDisks
from kurvs_pipeline.smearing.point_spread import Seeing


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


@pytest.fixture(scope="module")
def sharp_disks():
    disks = SmearedDisks(seeing=Seeing(0.5, "moffat", 3.0), gradient=-0.05)
    return disks, disks.map(np.array([0.0, 60.0]), np.array([0.2, 0.8]))


def test_panels_say_for_which_seeing_and_gradient_they_hold(sharp_disks):
    disks, known = sharp_disks
    titles = [axes.get_title() for axes in f_grad_figure(disks, known=known).axes[:3]]
    assert all('seeing 0.5"' in title for title in titles)
    assert all(r"Moffat, $\beta$ = 3" in title for title in titles[:2])
    assert all("gradient -0.05 dex" in title for title in (titles[0], titles[2]))


def test_every_disk_of_map_and_figure_is_counted(sharp_disks):
    disks, known = sharp_disks
    done = []
    disks.map(np.array([0.0, 60.0]), np.array([0.2, 0.8, 1.0]), advance=done.append)
    assert sum(done) == 6
    drawn = []
    f_grad_figure(disks, known=known, advance=drawn.append)
    assert sum(drawn) == DISKS_DRAWN


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
