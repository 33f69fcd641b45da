"""One client at a time for a campaign's store."""

import fcntl
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from kurvs_pipeline.errors import OutputError


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """Keep every other client off a store; the operating system frees it if this one dies.

    Parameters
    ----------
    store : Path
        The store; ``NAME.lock`` beside it says who is at work, while somebody is.

    Yields
    ------
    None
        The store is locked within the context.

    Raises
    ------
    OutputError
        If another client is at work on it.
    """
    path = store.with_name(f"{store.name}.lock")
    handle = _take(path, store)
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
        path.unlink(missing_ok=True)
        os.close(handle)


def _take(path: Path, store: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(handle)
            os.close(handle)
            raise OutputError(
                f"{store}: {holder} is at work on it; expected one client a store: wait until it "
                "is done, or choose another store"
            ) from None
        if _is_still_there(path, handle):
            return handle
        os.close(handle)


def _holder(handle: int) -> str:
    try:
        holder = json.loads(os.pread(handle, 1000, 0))
        return f"process {holder['pid']} on {holder['host']} (since {holder['since']})"
    except (ValueError, KeyError, TypeError):
        return "another process"


def _is_still_there(path: Path, handle: int) -> bool:
    """Whether the file was not taken away between opening and locking it."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
