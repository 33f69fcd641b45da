"""Campaigns of tasks that give rows of a table: resumable, the same for any number of workers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from astropy.table import QTable
from matplotlib.figure import Figure
from rich.table import Table

from experiments.campaign.campaign import run_campaign
from experiments.campaign.store import take_away
from experiments.runs.run import start_run
from experiments.runs.terminal import Terminal
from kurvs_pipeline.errors import FitError

TEXT = "<U320"
"""Longest text of a cell."""

FILLS: Mapping[type, Any] = {float: np.nan, int: -1, str: ""}

Row = dict[str, object]


@dataclass(frozen=True)
class RowsExperiment:
    """Tasks that give rows, as :func:`~experiments.campaign.campaign.run_campaign` runs them.

    Parameters
    ----------
    function : callable
        From a task to its rows; at the top level of a module.
    tasks : tuple
        What it is called with; each has its own random draws.
    columns : mapping of str to type
        ``float``, ``int`` or ``str``, of every row.
    most_rows : int
        Of one task.
    design : mapping
        All that decides the rows, as JSON has it.
    """

    function: Callable[[Any], list[Row]]
    tasks: tuple[Any, ...]
    columns: Mapping[str, type]
    most_rows: int
    design: Mapping[str, object]

    @property
    def description(self) -> Mapping[str, object]:
        """The design."""
        return self.design

    @property
    def n_tasks(self) -> int:
        """How many tasks there are."""
        return len(self.tasks)

    def template(self) -> xr.Dataset:
        """Return the rows of a task that is not done."""
        variables = {
            name: ("row", np.full(self.most_rows, FILLS[kind], dtype=TEXT if kind is str else kind))
            for name, kind in self.columns.items()
        }
        return xr.Dataset({**variables, "n_rows": ((), np.int64(0))})

    def run(self, number: int) -> xr.Dataset:
        """Return the rows of a task, filled up to the most that there can be.

        Parameters
        ----------
        number : int
            Of the task, from 0.
        """
        rows, result = self.function(self.tasks[number]), self.template()
        for place, row in enumerate(rows):
            for name in self.columns:
                result[name].to_numpy()[place] = row[name]
        return result.assign(n_rows=((), np.int64(len(rows))))

    def rows(self, results: xr.Dataset) -> list[Row]:
        """Return all rows of a finished campaign, task by task.

        Parameters
        ----------
        results : Dataset
            Of the campaign.
        """
        loaded = {name: results[name].to_numpy() for name in self.columns}
        return [
            {name: values[task, place].item() for name, values in loaded.items()}
            for task, n_rows in enumerate(results["n_rows"].to_numpy())
            for place in range(n_rows)
        ]


@dataclass(frozen=True, eq=False)
class Conclusion:
    """What a command makes of the rows of all tasks.

    Parameters
    ----------
    tables : mapping of str to QTable
        At least one, by the names of their files; the figure has that of the last.
    figure : Figure
        Of them.
    shown : rich.table.Table
        For the terminal.
    """

    tables: Mapping[str, QTable]
    figure: Figure
    shown: Table

    def write(self, directory: Path) -> None:
        """Write ``NAME.ecsv`` of every table, and ``NAME.png``.

        Parameters
        ----------
        directory : Path
            Where to.
        """
        for name, table in self.tables.items():
            table.write(directory / f"{name}.ecsv")
        *_, last = self.tables
        self.figure.savefig(directory / f"{last}.png", dpi=130)


def run_rows(
    command: str,
    experiment: RowsExperiment,
    conclude: Callable[[list[Row]], Conclusion],
    *,
    configuration: Mapping[str, object],
    seed: int,
    workers: int,
    resume: bool,
    overwrite: bool,
    output: Path | None,
    terminal: Terminal,
) -> None:
    """Run a command: an experiment into a store, and what follows from it beside.

    Parameters
    ----------
    command : str
        As typed.
    experiment : RowsExperiment
        What to run.
    conclude : callable
        From the rows of all tasks, in their order, to tables and figure.
    configuration : mapping
        Options that decide the results, for the record and the tables.
    seed : int
        Of all draws.
    workers : int
        Processes.
    resume : bool
        Whether to go on with the store of a run that was interrupted.
    overwrite : bool
        Whether ``output`` may hold results already.
    output : Path or None
        Where results go, as :func:`~experiments.runs.run.start_run` has it.
    terminal : Terminal
        For progress and the outcome.

    Raises
    ------
    FitError
        If a task failed; the others are kept.
    OutputError
        If results cannot be written, or those of an earlier run not be replaced.
    """
    with start_run(
        command, output=output, overwrite=overwrite, resume=resume, seed=seed,
        configuration={**configuration, "workers": workers},
    ) as run:  # fmt: skip
        store = run.directory / f"{command}.zarr"
        rows = _run_into(store, experiment, workers=workers, resume=resume, terminal=terminal)
        with run.writing() as directory:
            conclusion = conclude(rows)
            for table in conclusion.tables.values():
                table.meta.update(version=version("kurvs"), seed=seed, **configuration)
            conclusion.write(directory)
            store.replace(directory / store.name)
    terminal.show(conclusion.shown)
    terminal.show(f"Results in {run.directory}")


def _run_into(
    store: Path, experiment: RowsExperiment, *, workers: int, resume: bool, terminal: Terminal
) -> list[Row]:
    if not resume:
        take_away(store)
    with terminal.progress("simulating and measuring", experiment.n_tasks) as advance:
        outcome = run_campaign(
            experiment, store, workers=workers, resume=resume, advance=advance,
            announce=terminal.tell,
        )  # fmt: skip
    if outcome.failures:
        first: Sequence[str] = outcome.failures[0].traceback.strip().splitlines()
        raise FitError(
            f"{len(outcome.failures)} of {experiment.n_tasks} mocks failed, the first of them "
            f"by {first[-1]}; the others are in {store}: mend the cause and add --resume"
        )
    return experiment.rows(outcome.results)
