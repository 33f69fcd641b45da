"""A command that is stopped by a batch system ends as one stopped by Ctrl-C does."""

import signal
import subprocess
import sys
import time

import pytest
from paths import EXAMPLES

from experiments.cli import INTERRUPTED

COMMANDS = {
    "simulate": (["simulate", str(EXAMPLES / "galaxy.toml")], "nothing was written"),
    "survey": (["survey", "--workers", "1"], "--resume goes on"),
    "recover": (
        ["recover", "--config", str(EXAMPLES / "recovery.toml"), "--workers", "1"],
        "--resume goes on",
    ),
}


def wait_for(place, seconds=30.0):
    """Wait until a run is at work in a folder."""
    end = time.monotonic() + seconds
    while not list(place.glob(".partial-*")):
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_stopped_run_says_what_is_kept_and_leaves_nothing_half_done(tmp_path, command, by):
    arguments, said = COMMANDS[command]
    output = tmp_path / "run"
    output.mkdir()
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "experiments.cli", *arguments, "--output", str(output), "--quiet"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(output)
    time.sleep(0.5)
    process.send_signal(by)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert said in errors
    assert "Traceback" not in errors
    assert not [item.name for item in output.iterdir() if item.name.startswith(".")]
