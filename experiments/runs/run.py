"""One run of a command: where its results go, and the record that it leaves."""

import itertools
import json
import math
import platform
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from experiments.runs.differences import differences
from experiments.runs.invocation import ARGUMENTS
from experiments.runs.lock import OccupiedError, locked
from experiments.runs.style import figure_style
from kurvs_pipeline.errors import ConfigurationError, OutputError
from kurvs_pipeline.io.files import checksum, folder_checksum
from kurvs_pipeline.provenance import commit_of, of_run, software, software_version

OUTPUT_ROOT = Path("kurvs-out")
RECORD = "run.json"
BEGUN = "begun.json"
"""What a run that can be resumed leaves while it is not finished."""

LOCK = ".run.lock"
GALAXIES = "galaxies"
"""Folder with one folder per galaxy, of commands that measure many."""

PARTIAL = ".partial-"
"""Prefix of files and folders that are not complete yet."""


@dataclass(frozen=True)
class Run:
    """A run under way; :func:`start_run` begins and ends it.

    Parameters
    ----------
    command : str
        As typed, such as ``fit-spectra``.
    directory : Path
        Where the results will be when the run is over.
    checksums : mapping of str to str
        SHA-256 of each input file, by its path.
    design : mapping or None
        What a run that goes on with this one must share with it.
    """

    command: str
    directory: Path
    configuration: Mapping[str, object]
    seed: int | None
    checksums: Mapping[str, str]
    design: Mapping[str, object] | None
    _staging: Path
    _started: datetime = field(default_factory=lambda: datetime.now(UTC))
    _clock: float = field(default_factory=time.perf_counter)

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """Give the folder to write results in; they appear together when the run is over.

        Figures made meanwhile have the project's style.

        Raises
        ------
        OutputError
            If the disk or its permissions do not allow it.
        """
        with _reported(self.directory), figure_style():
            yield self._staging

    def provenance(self) -> dict[str, object]:
        """Return what every table and array says of the run: nothing that leaves bits the same."""
        schemes = {k: v for k, v in self.configuration.items() if k in {"scheme", "schemes"}}
        facts = {"command": self.command, "seed": self.seed, **schemes}
        return {**_plain_mapping(facts), "inputs_sha256": dict(self.checksums)}

    def identity(self) -> dict[str, object]:
        """Return all that a run must share with another to go on with it."""
        design = {} if self.design is None else {"design": _plain_mapping(self.design)}
        return {
            "version": software_version(), "command": self.command, "seed": self.seed, **design,
        }  # fmt: skip

    def record(self) -> dict[str, object]:
        """Return the content of ``run.json``."""
        return {
            "software": "kurvs",
            **self.identity(),
            "commit": commit_of(software_version()),
            "libraries": {k: v for k, v in software().items() if k not in {"kurvs", "python"}},
            "arguments": list(ARGUMENTS.get()),
            "working_directory": str(Path.cwd()),
            "configuration": _plain_mapping(self.configuration),
            "inputs_sha256": dict(self.checksums),
            "outputs": sorted(item.name for item in self._staging.iterdir()),
            "outputs_sha256": {
                item.name: folder_checksum(item) if item.is_dir() else checksum(item)
                for item in sorted(self._staging.iterdir())
            },
            "started_utc": self._started.isoformat(timespec="seconds"),
            "wall_time_s": round(time.perf_counter() - self._clock, 3),
            "peak_memory_mib": peak_memory_mib(),
            "python": platform.python_version(),
        }


@contextmanager
def start_run(
    command: str,
    *,
    output: Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
    configuration: Mapping[str, object],
    seed: int | None = None,
    inputs: Sequence[Path] = (),
    design: Mapping[str, object] | None = None,
) -> Iterator[Run]:
    """Run a command's work: results and their record appear whole, or not at all.

    A run that can be resumed also keeps what it finds on its way, in places of its own, and says
    in ``begun.json`` what it is until it is finished.

    Parameters
    ----------
    output : Path, optional
        Folder for the results; ``kurvs-out/COMMAND`` otherwise, numbered where that is taken.
    overwrite : bool
        Whether ``output`` may hold results already. Those of an earlier run are replaced.
    resume : bool
        Whether to go on with the run in ``output``, finished or not: of the same command, version,
        seed and design.
    configuration : mapping
        Every option by name, for the record.
    design : mapping, optional
        All that decides results, where the command can be resumed.

    Raises
    ------
    OutputError
        If ``output`` holds files and may not be overwritten, or no run that could be resumed,
        another run is at work there, or it cannot be written.
    ConfigurationError
        If a run is to be resumed that is of another version, seed or design, or to be resumed and
        replaced at once.
    OSError
        If an input cannot be read.
    """
    check_options(output, overwrite=overwrite, resume=resume)
    checksums = {str(path): checksum(path) for path in inputs}
    made: list[Path] = []
    try:
        with ExitStack() as stack:
            replace = overwrite or resume
            directory = _claim(command, output, made, stack, replace=replace)
            staging = stack.enter_context(_staging(directory))
            run = Run(command, directory, configuration, seed, checksums, design, staging)
            if resume:
                _check_resumed(run)
            if design is not None:
                stack.enter_context(_begun(run, staging))
            stack.enter_context(of_run(run.provenance()))
            yield run
            with run.writing():
                record = json.dumps(run.record(), indent=2, allow_nan=False)
                _publish(staging, directory)
                _write_whole(staging / RECORD, record + "\n", directory)
                (directory / BEGUN).unlink(missing_ok=True)
    except BaseException:
        for empty in reversed(made):
            with suppress(OSError):
                empty.rmdir()
        raise


def peak_memory_mib() -> dict[str, float]:
    """Return the largest resident memory so far, of this process and of its largest child."""
    # Linux counts in KiB, macOS in bytes.
    unit = 2.0**20 if sys.platform == "darwin" else 2.0**10
    users = {"this_process": resource.RUSAGE_SELF, "largest_child": resource.RUSAGE_CHILDREN}
    return {name: round(resource.getrusage(who).ru_maxrss / unit, 1) for name, who in users.items()}


def _claim(
    command: str,
    output: Path | None,
    made: list[Path],
    stack: ExitStack,
    *,
    replace: bool,
) -> Path:
    """Make and lock the folder of a run, noting in ``made`` what was not there before."""
    if output is None:
        return _claim_numbered(OUTPUT_ROOT / command, made, stack)
    with _reported(output):
        _make_directory(output, made)
        stack.enter_context(locked(output, output / LOCK))
        if (held := _held(output)) and not replace:
            raise OutputError(
                f"{output}: expected a new or empty directory, found {len(held)} files such as "
                f"{min(held)}; choose another --output or add --overwrite"
            )
    return output


def check_options(output: Path | None, *, overwrite: bool, resume: bool) -> None:
    """Refuse options that do not go together, before anything is read or made."""
    if resume and overwrite:
        raise ConfigurationError(
            "--resume and --overwrite are given together; expected one of them: --resume keeps "
            "what is there, --overwrite replaces it"
        )
    if resume and output is None:
        raise ConfigurationError(
            "--resume goes on with what is there: give the --output DIR of the run that was "
            "interrupted"
        )
    if resume and output is not None and not output.is_dir():
        raise OutputError(
            f"{output}: no such folder; expected that of the run that was interrupted: give its "
            "--output DIR, or leave --resume out to begin"
        )


def _check_resumed(run: Run) -> None:
    """Refuse to go on with what is no run, or with one of another command, version or design."""
    directory = run.directory
    found = _read_record(directory / BEGUN) or _read_record(directory / RECORD)
    if not found:
        raise OutputError(
            f"{directory}: holds no run to go on with ({BEGUN} or {RECORD}); expected the folder "
            "of the run that was interrupted: give its --output DIR, or leave --resume out to begin"
        )
    if found.get("command") != run.command:
        raise OutputError(
            f"{directory}: expected a run of '{run.command}' to go on with, found the results of "
            f"'{found.get('command')}'; give the --output of the run that was interrupted"
        )
    now = run.identity()
    changed = differences({key: found.get(key) for key in now}, now, of="begun with")
    if changed:
        raise ConfigurationError(
            f"{directory}: holds a run of another design: {'; '.join(changed)}; go on with what it "
            "was begun with, or choose another --output"
        )


@contextmanager
def _begun(run: Run, staging: Path) -> Iterator[None]:
    """Say what the run is, for one that goes on with it; nothing stays where nothing was done."""
    with _reported(run.directory):
        text = json.dumps(run.identity(), indent=2, allow_nan=False) + "\n"
        _write_whole(staging / BEGUN, text, run.directory)
    try:
        yield
    except BaseException:
        if _held(run.directory) == [BEGUN]:
            (run.directory / BEGUN).unlink()
        raise


def _claim_numbered(first: Path, made: list[Path], stack: ExitStack) -> Path:
    """Make and lock ``name``, ``name-2``, ``name-3``...: the first that nobody has."""
    free = _free_directories(first)
    with _reported(first):
        while True:
            directory = next(free)
            _make_directory(directory, made)
            with suppress(OccupiedError), ExitStack() as lock:
                lock.enter_context(locked(directory, directory / LOCK))
                # Another run may have come to its end between the look and the lock.
                if not _held(directory):
                    made.append(directory)
                    stack.enter_context(lock.pop_all())
                    return directory


def free_directory(first: Path) -> Path:
    """Return ``name``, ``name-2``, ``name-3``...: the first that holds nothing."""
    with _reported(first):
        return next(_free_directories(first))


def _free_directories(first: Path) -> Iterator[Path]:
    numbered = (first.with_name(f"{first.name}-{number}") for number in itertools.count(2))
    return (path for path in itertools.chain([first], numbered) if not _is_taken(path))


def _is_taken(directory: Path) -> bool:
    return directory.exists() and (not directory.is_dir() or bool(_held(directory)))


def _held(directory: Path) -> list[str]:
    """Return what lies in a folder; what is hidden is left of a run that was killed."""
    return [item.name for item in directory.iterdir() if not item.name.startswith(".")]


def _make_directory(directory: Path, made: list[Path]) -> None:
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        made.append(path)


@contextmanager
def _staging(directory: Path) -> Iterator[Path]:
    """Give a hidden folder on the same disk, so that results can be moved in one step.

    The remains of a killed run are removed: the lock guarantees that nobody is writing them.
    """
    with _reported(directory):
        for leftover in directory.glob(f"{PARTIAL}*"):
            _remove(leftover)
        staging = tempfile.TemporaryDirectory(
            prefix=PARTIAL, dir=directory, ignore_cleanup_errors=True
        )
    with staging as path:
        yield Path(path)


def _publish(staging: Path, directory: Path) -> None:
    """Move results to their place, and take away those of the run that they replace."""
    stale = _outputs_of_last_run(directory)
    # Without its record, a run that is interrupted here does not pass for a finished one.
    (directory / RECORD).unlink(missing_ok=True)
    for name in stale:
        _remove(directory / name)
    for item in sorted(staging.iterdir()):
        _remove(directory / item.name)
        item.replace(directory / item.name)


def _write_whole(path: Path, text: str, directory: Path) -> None:
    path.write_text(text, encoding="utf-8")
    path.replace(directory / path.name)


def _read_record(path: Path) -> dict[str, object]:
    """Return what a run says of itself; nothing where there is none."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _outputs_of_last_run(directory: Path) -> list[str]:
    outputs = _read_record(directory / RECORD).get("outputs")
    names = [str(name) for name in outputs] if isinstance(outputs, list) else []
    # Only what lies in the folder itself, whatever the record claims.
    return [name for name in names if name == Path(name).name and name not in {"", ".."}]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _reported(directory: Path) -> Iterator[None]:
    """Say of a folder what the disk or its permissions do not allow."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error).partition("\n")[0] or type(error).__name__
        raise OutputError(
            f"{directory}: results cannot be written ({reason}); free space there or choose "
            "another place with --output"
        ) from error


def _plain_mapping(values: Mapping[str, object]) -> dict[str, object]:
    return {str(key): _plain(item) for key, item in values.items()}


def _plain(value: object) -> object:
    """Return a value as JSON has it; JSON has no NaN, infinities, paths or tuples."""
    if isinstance(value, Mapping):
        return _plain_mapping(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if isinstance(value, str | int | bool | None) else str(value)
