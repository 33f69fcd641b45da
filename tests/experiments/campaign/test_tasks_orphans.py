"""Workers leave with their parent, however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from paths import ROOT

from experiments.campaign.tasks import run_tasks

PATIENCE_S = 60.0


def note_and_wait(folder):
    """Note the worker's process and work on for longer than the test waits."""
    Path(folder, str(os.getpid())).touch()
    time.sleep(2.0 * PATIENCE_S)


def main(folder):
    run_tasks(note_and_wait, [folder] * 2, workers=2)


def is_running(process_id):
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_for(condition):
    end = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are known by /proc")
def test_workers_end_when_their_parent_is_killed(tmp_path):
    here = "tests.experiments.campaign.test_tasks_orphans"
    program = f"from {here} import main; main({str(tmp_path)!r})"
    path = os.pathsep.join(sys.path)
    parent = subprocess.Popen(  # noqa: S603 - our own text
        [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, "PYTHONPATH": path}
    )
    try:
        assert wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
        workers = [int(path.name) for path in tmp_path.iterdir()]
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    gone = wait_for(lambda: not any(map(is_running, workers)))
    for worker in filter(is_running, workers):
        os.kill(worker, signal.SIGKILL)
    assert gone
