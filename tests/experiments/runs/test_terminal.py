"""What long commands say while they run."""

import itertools

import pytest

from experiments.runs import terminal
from experiments.runs.terminal import BAD_INPUT, Terminal, run_alone
from experiments.studies.ensemble import report as survey_ensemble_report


@pytest.fixture
def clock(monkeypatch):
    """Let a call of the clock be 12 s later than the one before."""
    seconds = itertools.count(0.0, 12.0)
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(seconds))


def lines_of(capsys, total, *, quiet=False):
    with Terminal(quiet=quiet).progress("mocks", total) as advance:
        for _ in range(total):
            advance(1)
    shown = capsys.readouterr()
    assert shown.out == ""
    return shown.err.splitlines()


@pytest.mark.usefixtures("clock")
def test_without_a_terminal_a_line_is_printed_every_half_minute(capsys):
    assert lines_of(capsys, 7) == ["mocks: 3 of 7 in 0.6 min", "mocks: 6 of 7 in 1.2 min"]


@pytest.mark.usefixtures("clock")
def test_there_are_never_more_lines_than_per_cents(capsys):
    assert 90 <= len(lines_of(capsys, 2000)) <= 100


def test_what_is_quick_says_nothing(capsys):
    assert lines_of(capsys, 500) == []


@pytest.mark.usefixtures("clock")
def test_quiet_says_nothing(capsys):
    assert lines_of(capsys, 50, quiet=True) == []


def test_a_module_run_by_itself_tells_an_error_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["report", str(tmp_path), str(tmp_path)])
    with pytest.raises(SystemExit) as left:
        run_alone(survey_ensemble_report.main)
    assert left.value.code == BAD_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{tmp_path / 'ensemble.zarr'}: is not the store of a campaign")
