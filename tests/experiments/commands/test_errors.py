"""The command line: what it says, and how it refuses."""

import subprocess
import sys
import warnings

import pytest

from experiments import cli
from experiments.cli import BAD_INPUT, INTERRUPTED, execute
from experiments.runs.values import comma_separated_numbers
from kurvs_pipeline.errors import ConfigurationError

COMMANDS = ("recover", "simulate", "measure", "fit-spectra")


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run_kurvs(*arguments):
    """Run the command in a process of its own, as a user does."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", "from experiments.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_examples(command, capsys):
    assert execute([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"  kurvs {command} " in shown
    assert "Examples:" in shown
    for option in ("--output", "--seed", "--quiet", "--debug", "--overwrite"):
        assert option in shown


def test_help_lists_every_command(capsys):
    assert execute(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {command} " in shown for command in COMMANDS)


def test_the_module_runs_as_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "experiments.cli", "--version"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout.startswith("kurvs 0.")


def test_without_arguments_help_is_shown(capsys):
    assert execute([]) == 0
    assert "Usage: kurvs" in capsys.readouterr().out


def test_version(capsys):
    assert execute(["--version"]) == 0
    assert capsys.readouterr().out.startswith("kurvs 0.")


def test_help_imports_no_heavy_library():
    code = (
        "import sys; from experiments.cli import execute; execute(['--help']);"
        "sys.exit(any(m in sys.modules for m in ('numpy', 'astropy', 'matplotlib', 'galsim')))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)  # noqa: S603
    assert done.returncode == 0


BAD_INPUTS = {
    "unknown command": (["bogus"], "bogus"),
    "unknown option": (["recover", "--bogus"], "--bogus"),
    "missing argument": (["measure"], "CUBE"),
    "not a number": (["recover", "--seeing", "wide"], "--seeing"),
    "negative seed": (["recover", "--seed", "-1"], "--seed"),
    "no workers": (["recover", "--workers", "0"], "--workers"),
    "bad list": (["recover", "--gradients", "-0.04,x"], "--gradients"),
    "missing cube": (["measure", "no.fits"], "no.fits"),
    "folder for a cube": (["measure", "."], "directory"),
    "missing galaxy": (["simulate", "no.toml"], "no.toml"),
    "missing table": (["fit-spectra", "no.csv"], "no.csv"),
    "unknown medium": (["fit-spectra", "no.csv", "--medium", "water"], "--medium"),
    "unwritable output": (["recover", "--output", "/dev/null/out"], "/dev/null/out"),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_bad_input_gives_exit_code_2_and_one_line(case, capsys, tmp_path):
    arguments, named = BAD_INPUTS[case]
    assert execute(arguments) == BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("kurvs: ")
    assert captured.err.count("\n") == 1
    assert named in captured.err
    assert list(tmp_path.iterdir()) == []


def test_a_process_ends_with_the_exit_code_and_one_line():
    done = run_kurvs("measure", "no.fits")
    assert done.returncode == BAD_INPUT
    assert done.stdout == ""
    assert done.stderr == "kurvs: no.fits: No such file or directory\n"


def test_debug_adds_the_traceback():
    done = run_kurvs("measure", "no.fits", "--debug")
    assert done.returncode == BAD_INPUT
    assert "Traceback" in done.stderr
    assert done.stderr.endswith("kurvs: no.fits: No such file or directory\n")


def test_a_message_of_several_lines_becomes_one(capsys):
    cli._complain("first\n  second")
    assert capsys.readouterr().err == "kurvs: first second\n"


def raise_in_recover(monkeypatch, error):
    def run_campaign(*_arguments, **_options):
        raise error

    monkeypatch.setattr("experiments.campaign.command.run_campaign", run_campaign)


def test_interruption_gives_exit_code_130_and_leaves_nothing(monkeypatch, capsys, tmp_path):
    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.beam_smearing.figure.f_grad_figure", interrupt)
    assert execute(["fgrad"]) == INTERRUPTED
    assert capsys.readouterr().err == "kurvs: interrupted; nothing was written\n"
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_recovery_says_how_to_go_on(monkeypatch, capsys):
    raise_in_recover(monkeypatch, KeyboardInterrupt())
    assert execute(["recover"]) == INTERRUPTED
    told = capsys.readouterr().err
    assert told == "kurvs: interrupted; what was done is kept: --output DIR --resume goes on\n"


def test_a_defect_is_not_passed_off_as_bad_input(monkeypatch):
    raise_in_recover(monkeypatch, ZeroDivisionError("1/0"))
    with pytest.raises(ZeroDivisionError):
        execute(["recover"])


def test_a_defect_is_reported_in_one_line(capsys):
    cli._report_defect(ZeroDivisionError, ZeroDivisionError("1/0"), None)
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert "ZeroDivisionError: 1/0" in shown
    assert "--debug" in shown


@pytest.fixture
def cube(tmp_path):
    """Return a file whose contents nobody reads."""
    path = tmp_path / "cube.fits"
    path.write_bytes(b"")
    return path


def test_warnings_of_libraries_stay_off_the_terminal(monkeypatch, capsys, cube):
    def run_measure(*_arguments, **_options):
        warnings.warn("noise", UserWarning, stacklevel=1)
        return "done"

    monkeypatch.setattr("experiments.measuring.one_galaxy.run_measure", run_measure)
    assert execute(["measure", str(cube)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out == "done\nResults in kurvs-out/measure\n"


def test_quiet_shows_nothing(monkeypatch, capsys, cube):
    monkeypatch.setattr("experiments.measuring.one_galaxy.run_measure", lambda *_, **__: "done")
    assert execute(["measure", str(cube), "--quiet"]) == 0
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


@pytest.mark.parametrize("form", [["--gradients", "-0.08,0"], ["--gradients=-0.08,0"]])
def test_gradients_may_be_negative(form, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "experiments.campaign.command.run_command",
        lambda _command, experiment, _conclude, **_: asked.append(experiment),
    )
    assert execute(["recover", "--quiet", *form]) == 0
    assert asked[0].design.axes["gradient_dex_per_kpc"] == (-0.08, 0.0)


def test_a_centre_may_be_negative(monkeypatch, cube):
    asked = {}
    monkeypatch.setattr(
        "experiments.measuring.one_galaxy.run_measure",
        lambda _cubes, stated, **_: asked.update(stated),
    )
    assert execute(["measure", str(cube), "--quiet", "--centre", "-1.5", "4"]) == 0
    assert asked["centre_pixel"] == (-1.5, 4.0)


@pytest.mark.parametrize("text", ["", "1,", "a", "nan", "0,inf", "0.1,0.1"])
def test_a_list_of_numbers_must_be_finite_and_without_repeats(text):
    with pytest.raises(ConfigurationError, match="--gradients"):
        comma_separated_numbers(text, "--gradients")
