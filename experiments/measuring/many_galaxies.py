"""Measure a catalogue of galaxies, and join their tables."""

import json
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from astropy import units as u
from astropy.table import QTable, Table, TableMergeError, vstack
from rich.console import Group
from rich.table import Table as RichTable

from experiments.campaign.tasks import run_tasks
from experiments.measuring.catalogue import GalaxyCatalogue
from experiments.measuring.request import GalaxyRequest, write_galaxy
from experiments.measuring.sample_table import sample_table
from experiments.runs.folders import prepare, whole_folder
from experiments.runs.run import GALAXIES, Run
from experiments.runs.style import figure_style
from experiments.runs.tables import write_table
from experiments.runs.terminal import Terminal
from kurvs_pipeline.errors import CubeFormatError, KurvsError
from kurvs_pipeline.io.files import checksum
from kurvs_pipeline.pipeline import Pipeline
from kurvs_pipeline.provenance import software_version
from kurvs_pipeline.results.reading import read_result_table
from kurvs_pipeline.results.writing import TABLES


def _combine(folders: Mapping[str, Path], directory: Path) -> list[str | RichTable]:
    """Write joint tables and ``galaxies.ecsv`` (redshifts).

    Returns the gradients for the terminal, and which tables are left out, and why.
    """
    if not folders:
        return []
    notes: list[str | RichTable] = []
    redshifts = {}
    for kind in TABLES:
        tables = {
            name: read_result_table(folder / f"{kind}.ecsv") for name, folder in folders.items()
        }
        redshifts = {
            name: (table.meta["redshift"], table.meta["redshift_err"])
            for name, table in tables.items()
        }
        try:
            joint = _stacked(tables)
            write_table(joint, directory / f"{kind}.ecsv")
        except (u.UnitConversionError, TableMergeError) as error:
            notes.append(f"no table of all {kind}, units differ ({error}): see the galaxies' own")
        else:
            if kind == "gradients":
                notes.append(sample_table(joint, {name: z for name, (z, _) in redshifts.items()}))
    rows = [(name, *values) for name, values in redshifts.items()]
    measured = Table(rows=rows, names=("galaxy", "redshift", "redshift_err"))
    write_table(measured, directory / "galaxies.ecsv")
    return notes


def _stacked(tables: Mapping[str, QTable]) -> QTable:
    """Join tables; quantities are converted to the units of the first."""
    parts = []
    for name, table in tables.items():
        # Redshift and coverage are one galaxy's.
        table.meta.clear()
        table.add_column([name] * len(table), index=0, name="galaxy")
        parts.append(table)
    return vstack(parts, join_type="exact")


RECORD = "galaxy.json"
"""File in the folder of a measured galaxy: what its results depend on."""


@dataclass(frozen=True)
class Failure:
    """A galaxy that could not be measured: kind of error, and the reason in one line.

    Parameters
    ----------
    trace : str
        Traceback of a defect of the program; empty for data that cannot be used.
    """

    name: str
    error: str
    reason: str
    trace: str = ""


@dataclass(frozen=True)
class GalaxyTask:
    """One galaxy of a catalogue; its results go into the folder with its name below ``parent``."""

    name: str
    request: GalaxyRequest
    pipeline: Pipeline
    parent: Path

    @property
    def directory(self) -> Path:
        """Folder of the results."""
        return self.parent / self.name

    @property
    def is_done(self) -> bool:
        """Whether the folder holds the results of the same request, files and version."""
        try:
            found = json.loads((self.directory / RECORD).read_text(encoding="utf-8"))
            return bool(found == self.record())
        except (CubeFormatError, OSError, ValueError):
            return False

    def record(self) -> dict[str, object]:
        """Return what the results depend on."""
        return {
            "version": software_version(),
            "galaxy": self.name,
            "request": repr(self.request),
            "pipeline": repr(self.pipeline),
            "inputs_sha256": {str(path): checksum(path) for path in self.request.inputs},
        }

    def measure(self) -> None:
        """Measure the galaxy; its folder appears when it is complete."""
        galaxy = self.request.measure(self.pipeline)
        with whole_folder(self.directory) as results:
            with figure_style():
                write_galaxy(galaxy, results)
            text = json.dumps(self.record(), indent=2) + "\n"
            (results / RECORD).write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class CatalogueOutcome:
    """Failures in the order of the catalogue, and a summary for the terminal."""

    failures: tuple[Failure, ...]
    summary: Group


def measure_catalogue(
    catalogue: GalaxyCatalogue,
    pipeline: Pipeline,
    *,
    run: Run,
    workers: int,
    resume: bool,
    terminal: Terminal,
) -> CatalogueOutcome:
    """Measure every galaxy of a catalogue and write tables of them all.

    Parameters
    ----------
    run : Run
        Where results go: the folder of each galaxy as soon as it is measured, joint tables at
        the end.
    resume : bool
        Whether to skip galaxies that an earlier run measured from the same files in the same
        way.

    Raises
    ------
    OutputError
        If results cannot be written.
    """
    parent = run.directory / GALAXIES
    tasks = [
        GalaxyTask(name, request, pipeline, parent) for name, request in catalogue.requests.items()
    ]
    waiting = [task for task in tasks if not (resume and task.is_done)]
    names = {task.name for task in waiting}
    prepare(parent, record=RECORD, stale=lambda folder: not resume or folder.name in names)
    with terminal.progress("Galaxies", len(tasks)) as advance:
        advance(len(tasks) - len(waiting))
        failures = _measure_all(waiting, workers, advance)
    failed = {failure.name for failure in failures}
    folders = {task.name: task.directory for task in tasks if task.name not in failed}
    with run.writing() as directory:
        notes = _combine(folders, directory)
        _write_failures(failures, directory)
    before = len(tasks) - len(waiting)
    lines: list[str | RichTable] = [
        f"measured {len(folders)} of {len(tasks)} galaxies"
        + (f", {before} of them before" if before else ""),
        *notes,
    ]
    if catalogue.unused:
        lines.insert(0, f"columns without meaning here: {', '.join(catalogue.unused)}")
    return CatalogueOutcome(tuple(failures), Group(*lines))


def _measure_all(
    tasks: Sequence[GalaxyTask], workers: int, advance: Callable[[int], None]
) -> list[Failure]:
    if not tasks:
        return []
    outcomes = run_tasks(
        measure_or_fail, tasks, workers=workers, advance=advance,
        lost=_failure_of,
    )  # fmt: skip
    return [outcome for outcome in outcomes if outcome is not None]


def measure_or_fail(task: GalaxyTask) -> Failure | None:
    """Measure one galaxy; return the failure if that is not possible."""
    try:
        task.measure()
    except (KurvsError, OSError) as error:
        return _failure_of(task, error)
    except Exception as error:  # noqa: BLE001 - a defect met in one galaxy spares the others
        trace = traceback.format_exc()
        return Failure(task.name, type(error).__name__, _in_one_line(error), trace)
    return None


def _failure_of(task: GalaxyTask, error: Exception) -> Failure:
    return Failure(task.name, type(error).__name__, _in_one_line(error))


def _in_one_line(error: Exception) -> str:
    text = str(error)
    if isinstance(error, OSError) and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    return " ".join(text.split()) or type(error).__name__


def _write_failures(failures: Sequence[Failure], directory: Path) -> None:
    """Write ``failures.ecsv``, and ``failures.log`` where the program itself is to blame."""
    columns: Mapping[str, list[str]] = {
        "galaxy": [failure.name for failure in failures],
        "error": [failure.error for failure in failures],
        "reason": [failure.reason for failure in failures],
    }
    table = Table(columns, dtype=[str, str, str])
    write_table(table, directory / "failures.ecsv")
    traces = [f"{failure.name}\n{failure.trace}" for failure in failures if failure.trace]
    if traces:
        (directory / "failures.log").write_text("\n".join(traces), encoding="utf-8")
