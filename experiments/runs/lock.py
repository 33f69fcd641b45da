"""One process at a time for a place where results go.

The package filelock would leave its file among the results, does not say who holds it, and where
there is no flock takes a marker that outlives its owner.
"""

import fcntl
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from kurvs_pipeline.errors import OutputError


class OccupiedError(OutputError):
    """Another process is at work there."""


@contextmanager
def locked(place: Path, lock: Path) -> Iterator[None]:
    """Keep every other process off a place; the operating system frees it if this one dies.

    Parameters
    ----------
    place : Path
        What is to be written, for the message.
    lock : Path
        The file that says who is at work, while somebody is.

    Yields
    ------
    None
        The place is locked within the context.

    Raises
    ------
    OccupiedError
        If another process is at work there.
    OutputError
        If the file system knows no locks.
    OSError
        If the file of the lock cannot be written.
    """
    handle = _take(lock, place)
    try:
        holder = {
            "pid": os.getpid(),
            "host": platform.node(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(holder).encode(), 0)
        yield
    finally:
        # While it is held: whoever waits for this very file finds that it is gone.
        lock.unlink(missing_ok=True)
        os.close(handle)


def _take(lock: Path, place: Path) -> int:
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(handle)
            os.close(handle)
            raise OccupiedError(
                f"{place}: {holder} is at work on it; expected one at a time: wait until it is "
                "done, or choose another place"
            ) from None
        except OSError as error:
            os.close(handle)
            raise OutputError(
                f"{place}: {lock.name} cannot be locked there ({error.strerror}); expected a file "
                "system with flock: choose another place"
            ) from error
        if _is_still_there(lock, handle):
            return handle
        os.close(handle)


def _holder(handle: int) -> str:
    try:
        holder = json.loads(os.pread(handle, 1000, 0))
        return f"process {holder['pid']} on {holder['host']} (since {holder['since']})"
    except (ValueError, KeyError, TypeError):
        return "another process"


def _is_still_there(lock: Path, handle: int) -> bool:
    """Whether the file was not taken away between opening and locking it."""
    try:
        return os.path.samestat(os.fstat(handle), lock.stat())
    except FileNotFoundError:
        return False
