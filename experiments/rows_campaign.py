"""Campaigns of tasks that give rows of a table: resumable, the same for any number of workers."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from experiments.campaign import run_campaign
from experiments.campaign_store import take_away
from experiments.run import Run
from kurvs_pipeline.errors import FitError

TEXT = "<U320"
"""Longest text of a cell."""

FILLS: Mapping[type, Any] = {float: np.nan, int: -1, str: ""}

Row = dict[str, object]


@dataclass(frozen=True)
class RowsExperiment:
    """Tasks that give rows, as :func:`~experiments.campaign.run_campaign` runs them.

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


def run_rows(
    experiment: RowsExperiment,
    *,
    workers: int,
    resume: bool,
    run: Run,
    progress: Callable[[str, int], AbstractContextManager[Callable[[int], None]]],
    announce: Callable[[str], None] = lambda _: None,
) -> tuple[list[Row], Path]:
    """Run an experiment into a store beside the results of a command.

    Parameters
    ----------
    experiment : RowsExperiment
        What to run.
    workers : int
        Processes.
    resume : bool
        Whether to go on with the store of a run that was interrupted.
    run : Run
        Of the command. The store is there at once.
    progress : callable
        Makes a progress bar from a description and a total.
    announce : callable
        Called with lines such as the address of the dashboard.

    Returns
    -------
    rows : list of dict
        Of all tasks, in their order.
    store : Path
        To be moved to the results.

    Raises
    ------
    FitError
        If a task failed; the others are kept.
    OutputError
        If the store of an earlier run cannot be replaced.
    """
    store = run.directory / f"{run.command}.zarr"
    if not resume:
        take_away(store)
    with progress("simulating and measuring", experiment.n_tasks) as advance:
        outcome = run_campaign(
            experiment, store, workers=workers, resume=resume, advance=advance, announce=announce
        )
    if outcome.failures:
        first: Sequence[str] = outcome.failures[0].traceback.strip().splitlines()
        raise FitError(
            f"{len(outcome.failures)} of {experiment.n_tasks} mocks failed, the first of them "
            f"by {first[-1]}; the others are in {store}: mend the cause and add --resume"
        )
    return experiment.rows(outcome.results), store
