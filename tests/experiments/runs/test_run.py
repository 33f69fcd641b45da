"""Where a run puts its results, and the record that it leaves."""

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from astropy.table import Table

from experiments.runs.run import _claim_numbered, start_run
from kurvs_pipeline.errors import OutputError
from kurvs_pipeline.io.tables import write_table
from kurvs_pipeline.provenance import commit_of, software_version


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_results(*, name="result.txt", text="42", **options):
    """Run something that writes one file, and return the folder."""
    with start_run("recover", **{"configuration": {}, **options}) as run:
        with run.writing() as directory:
            (directory / name).write_text(text)
        return run.directory


def record_of(directory):
    return json.loads((directory / "run.json").read_text())


def test_default_folders_are_numbered(tmp_path):
    folders = [write_results() for _ in range(3)]
    assert [str(folder) for folder in folders] == [
        "kurvs-out/recover",
        "kurvs-out/recover-2",
        "kurvs-out/recover-3",
    ]
    assert all((tmp_path / folder / "result.txt").read_text() == "42" for folder in folders)


def test_a_finished_run_leaves_results_and_record_only(tmp_path):
    write_results(output=tmp_path / "out")
    assert {item.name for item in (tmp_path / "out").iterdir()} == {"result.txt", "run.json"}


def test_a_named_folder_is_made_with_its_parents(tmp_path):
    write_results(output=tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / "run.json").is_file()


def test_a_folder_that_holds_files_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.txt.*--overwrite"):
        write_results(output=tmp_path)
    assert [item.name for item in tmp_path.iterdir()] == ["notes.txt"]


def test_overwriting_replaces_the_earlier_run_and_keeps_other_files(tmp_path):
    write_results(output=tmp_path, name="old.txt")
    (tmp_path / "notes.txt").write_text("mine")
    write_results(output=tmp_path, overwrite=True)
    names = {item.name for item in tmp_path.iterdir()}
    assert names == {"result.txt", "run.json", "notes.txt"}


def test_overwriting_deletes_nothing_outside_the_folder(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    out = tmp_path / "out"
    write_results(output=out)
    forged = {"outputs": ["../precious.txt", str(tmp_path / "precious.txt"), "..", ""]}
    (out / "run.json").write_text(json.dumps(forged))
    write_results(output=out, overwrite=True)
    assert (tmp_path / "precious.txt").read_text() == "mine"


def fail(error, **options):
    with (
        start_run("recover", configuration={}, **options) as run,
        run.writing() as directory,
    ):
        (directory / "half.txt").write_text("half")
        raise error


KILLED = """
import os, signal
from pathlib import Path
from experiments.runs.run import start_run
with start_run("recover", output={output}, configuration={{}}) as run, run.writing() as directory:
    (directory / "half.txt").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def kill_a_run(output=None):
    script = KILLED.format(output=output)
    done = subprocess.run([sys.executable, "-c", script], check=False)  # noqa: S603 - this file
    assert done.returncode == -signal.SIGKILL


def test_what_a_killed_run_left_in_a_named_folder_is_taken_away(tmp_path):
    kill_a_run("Path('out')")
    assert list((tmp_path / "out").glob(".partial-*/half.txt"))
    write_results(output=tmp_path / "out")
    assert {item.name for item in (tmp_path / "out").iterdir()} == {"result.txt", "run.json"}


def test_a_numbered_folder_with_nothing_but_what_a_killed_run_left_is_used_again(tmp_path):
    kill_a_run()
    folders = [str(write_results()) for _ in range(2)]
    assert folders == ["kurvs-out/recover", "kurvs-out/recover-2"]
    assert {item.name for item in (tmp_path / folders[0]).iterdir()} == {"result.txt", "run.json"}


def test_two_runs_do_not_share_a_folder(tmp_path):
    with start_run("recover", output=tmp_path / "out", configuration={}) as run:
        with pytest.raises(OutputError, match=f"out: process {os.getpid()} on .* is at work on it"):
            write_results(output=tmp_path / "out")
        assert str(write_results()) == "kurvs-out/recover"
        with run.writing() as directory:
            (directory / "result.txt").write_text("mine")
    assert (tmp_path / "out" / "result.txt").read_text() == "mine"


def test_a_numbered_folder_of_a_run_at_work_is_not_used():
    with start_run("recover", configuration={}) as run:
        assert str(write_results()) == "kurvs-out/recover-2"
    assert str(run.directory) == "kurvs-out/recover"


def test_of_two_runs_at_once_only_one_takes_what_a_killed_run_left():
    kill_a_run()
    with ExitStack() as one, ExitStack() as other:
        folders = [_claim_numbered(Path("kurvs-out/recover"), [], s) for s in (one, other)]
    assert [folder.name for folder in folders] == ["recover", "recover-2"]


def test_a_folder_that_another_run_filled_before_it_was_locked_is_not_used(monkeypatch):
    directory = write_results()
    monkeypatch.setattr("experiments.runs.run._is_taken", lambda _: False)
    assert str(write_results()) == "kurvs-out/recover-2"
    assert not (directory / ".run.lock").exists()


@pytest.mark.parametrize("options", [{}, {"output": Path("out")}])
def test_a_file_system_without_locks_is_named_as_the_cause(options, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(OutputError, match=r"\.run\.lock cannot be locked .*expected .* flock"):
        write_results(**options)


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt()])
def test_a_failed_run_leaves_nothing(tmp_path, error):
    with pytest.raises(type(error)):
        fail(error)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_run_keeps_the_results_that_it_would_have_replaced(tmp_path):
    write_results(output=tmp_path)
    before = record_of(tmp_path)
    with pytest.raises(ValueError, match="broken"):
        fail(ValueError("broken"), output=tmp_path, overwrite=True)
    assert record_of(tmp_path) == before
    assert (tmp_path / "result.txt").read_text() == "42"


def test_a_full_disk_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match=r"out: results cannot be written \(No space left"):
        fail(OSError(28, "No space left on device"), output=tmp_path / "out")


def test_a_folder_below_a_file_is_an_output_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="results cannot be written"):
        write_results(output=tmp_path / "file" / "out")


def test_a_file_in_place_of_the_folder_is_an_output_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="results cannot be written"):
        write_results(output=tmp_path / "file", overwrite=True)


def test_the_record_says_what_was_done(tmp_path):
    cube = tmp_path / "cube.fits"
    cube.write_bytes(b"data")
    before = datetime.now(UTC).replace(microsecond=0)
    directory = write_results(
        configuration={"seeing": 0.6, "cubes": [cube], "centre": (3.0, 4.0), "scheme": None},
        seed=7,
        inputs=[cube],
    )
    record = record_of(directory)
    assert record["command"] == "recover"
    assert record["configuration"] == {
        "seeing": 0.6, "cubes": [str(cube)], "centre": [3.0, 4.0], "scheme": None,
    }  # fmt: skip
    assert record["seed"] == 7
    assert record["inputs_sha256"] == {str(cube): hashlib.sha256(b"data").hexdigest()}
    assert record["outputs"] == ["result.txt"]
    assert before <= datetime.fromisoformat(record["started_utc"]) <= datetime.now(UTC)
    assert 0.0 <= record["wall_time_s"] < 60.0
    assert 20.0 < record["peak_memory_mib"]["this_process"] < 1e5


def test_the_record_is_strict_json_whatever_the_numbers():
    directory = write_results(configuration={"low": float("-inf"), "none": float("nan")})
    assert record_of(directory)["configuration"] == {"low": "-inf", "none": "nan"}


def test_a_run_goes_on_in_the_folder_of_its_own_command(tmp_path):
    write_results(output=tmp_path / "out", text="41")
    folder = write_results(output=tmp_path / "out", resume=True)
    assert (folder / "result.txt").read_text() == "42"


def test_results_of_another_command_are_not_gone_on_with(tmp_path):
    out = tmp_path / "out"
    with start_run("simulate", output=out, configuration={}) as run, run.writing() as directory:
        (directory / "mock.fits").write_text("precious")
    with pytest.raises(OutputError, match=r"expected a run of 'recover'.*found.*'simulate'"):
        write_results(output=out, resume=True)
    assert (out / "mock.fits").read_text() == "precious"
    assert record_of(out)["command"] == "simulate"


def test_the_record_names_commit_libraries_and_what_was_written(tmp_path):
    record = record_of(write_results(output=tmp_path / "out"))
    assert record["version"] == software_version()
    assert record["commit"] == commit_of(software_version())
    assert {"numpy", "scipy", "astropy", "numba"} <= set(record["libraries"])
    assert record["outputs_sha256"] == {"result.txt": hashlib.sha256(b"42").hexdigest()}
    assert record["working_directory"] == str(tmp_path)


def test_tables_of_a_run_say_its_seed_scheme_and_inputs(tmp_path):
    (tmp_path / "cube.fits").write_bytes(b"data")
    with (
        start_run(
            "measure", configuration={"scheme": "3x0.5", "workers": 2}, seed=7,
            inputs=[Path("cube.fits")],
        ) as run,
        run.writing() as directory,
    ):  # fmt: skip
        write_table(Table({"x": [1]}), directory / "x.ecsv")
    found = Table.read(run.directory / "x.ecsv").meta["provenance"]
    assert {k: found[k] for k in ("command", "seed", "scheme", "inputs_sha256")} == {
        "command": "measure", "seed": 7, "scheme": "3x0.5",
        "inputs_sha256": {"cube.fits": hashlib.sha256(b"data").hexdigest()},
    }  # fmt: skip
    assert "workers" not in found
