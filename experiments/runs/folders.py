"""Folders of single tasks that appear whole, so that a run can go on past those that are there."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from experiments.runs.run import PARTIAL
from kurvs_pipeline.errors import OutputError


@contextmanager
def whole_folder(directory: Path) -> Iterator[Path]:
    """Give a folder to write in, which gets its name when all is there.

    Parameters
    ----------
    directory : Path
        The name, which must be free or an empty folder; its parent exists.

    Yields
    ------
    Path
        A hidden folder beside it.
    """
    staging = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=directory.parent))
    try:
        results = staging / directory.name
        results.mkdir()
        yield results
        results.replace(directory)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def prepare(parent: Path, *, record: str, stale: Callable[[Path], bool]) -> None:
    """Make the folder of all tasks, and take away what earlier runs left and is replaced.

    Parameters
    ----------
    parent : Path
        Folder with one folder for each task.
    record : str
        File that a folder of this program has; others are left alone.
    stale : callable
        Whether the folder of a task is to be replaced.

    Raises
    ------
    OutputError
        If the disk or its permissions do not allow it.
    """
    try:
        parent.mkdir(exist_ok=True)
        for directory in list(parent.iterdir()):
            leftover = directory.name.startswith(PARTIAL)
            if leftover or ((directory / record).is_file() and stale(directory)):
                shutil.rmtree(directory)
    except OSError as error:
        raise OutputError(
            f"{parent}: results cannot be written ({error.strerror}); free space there or choose "
            "another place with --output"
        ) from error
