"""``kurvs rerun``: the bytes of a run again, or why not."""

import json
import shutil

import pytest

from experiments.cli import BAD_INPUT, execute
from experiments.commands.rerun import DIFFERENT

GALAXY = """
[galaxy]
name = "disk"
redshift = 1.5
inclination_deg = 45.0
position_angle_deg = 30.0
effective_radius_arcsec = 0.6
oxygen_abundance = {central = 8.8, gradient_dex_per_kpc = -0.04}

[observation]
bands = ["H"]
seed = 3
within_kms_of_lines = 3000.0
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder in which a mock was simulated and measured, with relative paths."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "disk.toml").write_text(GALAXY)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for run in (
            ["simulate", "disk.toml", "--output", "mock"],
            ["measure", "mock/disk_H.fits", "--scheme", "2x0.6", "--output=measured"],
        ):
            assert execute([*run, "--quiet"]) == 0
    return folder


@pytest.mark.parametrize("run", ["mock", "measured"])
def test_a_run_is_repeated_to_the_bit_from_another_folder(made, here, run, capsys):
    assert execute(["rerun", str(made / run / "run.json"), "--output", "again"]) == 0
    files = {item.name for item in (made / run).iterdir()} - {"run.json"}
    assert {item.name for item in (here / "again").iterdir()} - {"run.json"} == files
    for name in files:
        assert (made / run / name).read_bytes() == (here / "again" / name).read_bytes()
    assert "files have the bytes of then" in capsys.readouterr().out


def test_results_go_to_a_free_folder_here(made, here):
    assert execute(["rerun", str(made / "mock"), "--quiet"]) == 0
    assert (here / "kurvs-out" / "simulate" / "disk_H.fits").is_file()
    record = json.loads((here / "kurvs-out" / "simulate" / "run.json").read_text())
    assert record["arguments"][:2] == ["simulate", "disk.toml"]


def test_many_mocks_on_two_workers_are_repeated_to_the_bit_on_one(here, capsys):
    options = ["--gradients", "0", "--workers", "2", "--output", "out", "--quiet"]
    assert execute(["recover", *options]) == 0
    assert execute(["recover", *options, "--resume"]) == 0
    record = json.loads((here / "out" / "run.json").read_text())
    record["arguments"] = ["1" if text == "2" else text for text in record["arguments"]]
    (here / "out" / "run.json").write_text(json.dumps(record))
    assert execute(["rerun", "out", "--output", "again"]) == 0
    assert "all 3 files have the bytes of then" in capsys.readouterr().out


def copied(made, here):
    shutil.copytree(made, here / "copy")
    path = here / "copy" / "measured" / "run.json"
    record = json.loads(path.read_text())
    record["working_directory"] = str(here / "copy")
    path.write_text(json.dumps(record))
    return path, record


def test_an_input_that_differs_is_named_and_nothing_runs(made, here, capsys):
    path, _ = copied(made, here)
    with (here / "copy" / "mock" / "disk_H.fits").open("ab") as file:
        file.write(b"\0")
    assert execute(["rerun", str(path), "--output", "again"]) == BAD_INPUT
    said = capsys.readouterr().err
    assert "input differs" in said
    assert "disk_H.fits has SHA-256" in said
    assert not (here / "again").exists()


def test_another_version_is_said_with_its_commit(made, here, capsys):
    path, record = copied(made, here)
    record["version"], record["libraries"]["numpy"] = "0.1.0+g0123456789ab", "1.0"
    path.write_text(json.dumps(record))
    assert execute(["rerun", str(path), "--output", "again", "--quiet"]) == 0
    said = capsys.readouterr().err
    assert "was 0.1.0+g0123456789ab (git checkout 0123456789ab)" in said
    assert "numpy is" in said


def test_files_with_other_bytes_are_named(made, here, capsys):
    path, record = copied(made, here)
    record["outputs_sha256"]["gradients.ecsv"] = "0" * 64
    path.write_text(json.dumps(record))
    assert execute(["rerun", str(path), "--output", "again", "--quiet"]) == DIFFERENT
    assert "gradients.ecsv" in capsys.readouterr().err


NO_FILES = '"working_directory": "", "inputs_sha256": {}, "outputs_sha256": {}'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("no JSON", "cannot be repeated"),
        ("{}", "arguments"),
        (f'{{"command": "recover", "arguments": [], {NO_FILES}}}', "started from Python"),
        (f'{{"command": "recover", "arguments": [3], {NO_FILES}}}', "other types"),
    ],
)
def test_what_is_no_record_is_refused(here, text, complaint, capsys):
    (here / "run.json").write_text(text)
    assert execute(["rerun", "run.json"]) == BAD_INPUT
    assert complaint in capsys.readouterr().err
