"""``kurvs simulate``: files that other programs open."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits

from experiments.cli import BAD_INPUT, execute
from experiments.mocks.simulating import Mock
from kurvs_pipeline.io.native import read_native
from kurvs_pipeline.io.reading import read_observation
from kurvs_pipeline.observation import band_names, metadata_of
from kurvs_pipeline.pipeline import Pipeline
from kurvs_sim import survey_observation
from kurvs_sim.survey.galaxies import kurvs_galaxy

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


def test_the_record_keeps_the_kinds_of_models_and_profiles(simulated):
    configuration = json.loads((simulated / "run.json").read_text())["configuration"]
    assert configuration["emission"] == {"kind": "survey"}
    assert configuration["oxygen_abundance"]["kind"] == "linear"


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


def simulate(folder, *arguments, text=GALAXY):
    """Simulate a galaxy in one band, and return the folder of its files."""
    toml = folder / "disk.toml"
    toml.write_text(text.replace("seed = 3", 'seed = 3\nbands = ["H"]'))
    out = folder / "out"
    assert execute(["simulate", str(toml), "--output", str(out), "--quiet", *arguments]) == 0
    return out


@pytest.mark.parametrize(("layout", "name"), [("netcdf", "disk.nc"), ("zarr", "disk.zarr")])
def test_native_files_hold_the_same_cube_with_its_truth(tmp_path, simulated, layout, name):
    out = simulate(tmp_path, "--format", layout)
    assert {item.name for item in out.iterdir()} == {name, "truth.nc", "preview.png", "run.json"}
    observation = read_native(out / name)
    with fits.open(simulated / "disk_H.fits") as hdus:
        np.testing.assert_array_equal(observation["H"]["flux"], hdus["IFU.1.DATA"].data)
    assert "gradient" in observation["truth"]


def test_the_survey_s_layout_has_the_galaxy_at_the_middle_of_a_spaxel(tmp_path):
    out = simulate(tmp_path, "--format", "survey", text=GALAXY.partition("[observation.grid]")[0])
    # The galaxy of the file is in the South, as those of CDFS.
    path = out / "CDFS" / "H" / "disk.fits"
    observed = np.argwhere(np.any(fits.getdata(path) != 0.0, axis=0))
    # 28 spaxels with the galaxy in the 15th, which is spaxel 29.
    assert (observed.min(axis=0).tolist(), observed.max(axis=0).tolist()) == ([15, 15], [42, 42])
    assert metadata_of(read_observation([path])).redshift == 1.5
    record = json.loads((out / "run.json").read_text())
    assert record["configuration"]["offset_x_arcsec"] == pytest.approx(0.05)
    assert record["configuration"]["format"] == "survey"


def test_spaxels_that_the_survey_s_layout_does_not_have_are_refused(tmp_path, capsys):
    (tmp_path / "disk.toml").write_text(GALAXY)
    arguments = ["simulate", str(tmp_path / "disk.toml"), "--format", "survey"]
    assert execute([*arguments, "--output", str(tmp_path / "out")]) == BAD_INPUT
    assert "0.1 arcsec apart" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["file", "command line"])
def test_every_exposure_is_simulated_where_it_is_asked_for(tmp_path, simulated, place):
    sequence = 'psf = {kind = "exposure_sequence", n_exposures = 2, fwhm_scatter = 0.5, '
    text = GALAXY.replace("seed = 3", f"seed = 3\n{sequence}median = {{fwhm_arcsec = 0.6}}}}")
    if place == "file":
        text = text.replace("seed = 3", "seed = 3\nevery_exposure = true", 1)
    out = simulate(tmp_path, *(["--every-exposure"] if place == "command line" else []), text=text)
    assert {item.name for item in out.iterdir()} == {
        "disk_H.fits", "truth.nc", "preview.png", "run.json",
    }  # fmt: skip
    assert json.loads((out / "run.json").read_text())["configuration"]["every_exposure"] is True
    with fits.open(out / "disk_H.fits") as found, fits.open(simulated / "disk_H.fits") as plain:
        ratio = found["IFU.1.NOISE"].data / plain["IFU.1.NOISE"].data
        assert np.nanmedian(ratio) == pytest.approx(1.0, abs=0.1)
        assert not np.array_equal(found["IFU.1.DATA"].data, plain["IFU.1.DATA"].data)


def test_a_galaxy_of_the_survey_is_simulated_by_its_number(tmp_path):
    out = tmp_path / "out"
    arguments = ["simulate", "--kurvs-id", "9", "--seed", "4", "--output", str(out), "--quiet"]
    assert execute(arguments) == 0
    assert (out / "KURVS-9_YJ.fits").is_file()
    with xr.open_dataset(out / "truth.nc", engine="h5netcdf") as truth:
        assert truth.attrs["redshift"] == pytest.approx(1.5396, abs=2e-4)
        assert truth["gradient"].sel(diagnostic="n2") == pytest.approx(-0.027, abs=1e-6)
    record = json.loads((out / "run.json").read_text())
    assert (record["seed"], record["configuration"]["kurvs_id"]) == (4, 9)


def test_a_galaxy_of_the_survey_is_described_in_a_file_that_gives_it_again(tmp_path, capsys):
    arguments = ["--seed", "4", "--within-kms-of-lines", "3000", "--describe"]
    assert execute(["simulate", "--kurvs-id", "9", *arguments]) == 0
    path = tmp_path / "mine.toml"
    path.write_text(capsys.readouterr().out)
    expected = {**survey_observation(9), "seed": 4, "within_kms_of_lines": 3000.0}
    assert Mock.load(path) == Mock(kurvs_galaxy(9), expected)


def test_an_unknown_number_is_refused_with_those_that_exist(capsys):
    assert execute(["simulate", "--kurvs-id", "37"]) == BAD_INPUT
    assert "is 37; expected one of 1-36, 38-44" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["galaxy.toml", "--kurvs-id", "1"]])
def test_either_a_file_or_a_number_is_expected(arguments, capsys):
    assert execute(["simulate", *arguments]) == BAD_INPUT
    assert "expected either a file" in capsys.readouterr().err


def test_the_schema_is_printed_as_json(capsys):
    assert execute(["simulate", "--schema"]) == 0
    assert "galaxy" in json.loads(capsys.readouterr().out)["properties"]


def test_help_has_examples(capsys):
    assert execute(["simulate", "--help"]) == 0
    assert "kurvs simulate --kurvs-id 9 --format netcdf" in capsys.readouterr().out


def simulated_survey_galaxy(folder, *options):
    """Run ``kurvs simulate`` for a galaxy of the survey, and return the mock."""
    arguments = ["simulate", "--format", "netcdf", "--within-kms-of-lines", "2000", *options]
    assert execute([*arguments, "--output", str(folder)]) == 0
    return read_native(next(folder.glob("KURVS-*.nc")))


def test_a_galaxy_of_the_survey_has_the_noise_of_its_exposures(tmp_path, capsys):
    """The ratio is that of the committed table of the twin's; the survey reports 9."""
    cube = simulated_survey_galaxy(tmp_path / "out", "--kurvs-id", "9")
    assert "KURVS-9 in IZ, YJ, H: S/N of H-alpha 16.6" in capsys.readouterr().out
    measured = Pipeline().run(cube)
    assert measured.snr("integrated", "halpha") == pytest.approx(16.6, rel=0.2)


def test_a_galaxy_of_the_survey_has_the_bands_that_were_observed(tmp_path, capsys):
    assert band_names(simulated_survey_galaxy(tmp_path / "out", "--kurvs-id", "11")) == ("IZ",)
    assert "H-alpha is in none of its bands" in capsys.readouterr().out


def test_another_ratio_and_other_bands_are_made_on_request(tmp_path, capsys):
    cube = simulated_survey_galaxy(
        tmp_path / "out", "--kurvs-id", "25", "--halpha-snr", "60", "--bands", "YJ,H"
    )
    assert band_names(cube) == ("YJ", "H")
    assert "S/N of H-alpha 60 in 1.5 effective radii, as asked for" in capsys.readouterr().out
    measured = Pipeline().run(cube)
    assert measured.snr("integrated", "halpha") == pytest.approx(60.0, rel=0.2)
