"""Tasks that workers import by name, as they cannot import a test."""

import os
import signal
from pathlib import Path


def process_id(_task):
    return os.getpid()


def die_once(mark):
    """Take the process down where the mark is not there yet."""
    path = Path(mark)
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return path.name


def die_at_two(number):
    """Take the process down at 2, every time."""
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number
