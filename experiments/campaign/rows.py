"""Campaigns of tasks that give rows of a table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from astropy import units as u
from astropy.table import QTable

from experiments.campaign.campaign import CampaignOutcome
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
        Arguments of the function; each has its own random draws.
    columns : mapping of str to type
        ``float``, ``int`` or ``str``, by the name of the column.
    most_rows : int
        Largest number of rows of a task.
    units : mapping of str to unit
        Of the columns that have one.
    design : mapping
        All that determines the rows, as plain values for JSON.
    """

    function: Callable[[Any], list[Row]]
    tasks: tuple[Any, ...]
    columns: Mapping[str, type]
    most_rows: int
    units: Mapping[str, u.UnitBase]
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
            name: (
                "row",
                np.full(self.most_rows, FILLS[kind], dtype=TEXT if kind is str else kind),
                {"units": self.units[name].to_string()} if name in self.units else {},
            )
            for name, kind in self.columns.items()
        }
        return xr.Dataset({**variables, "n_rows": ((), np.int64(0))})

    def run(self, number: int) -> xr.Dataset:
        """Return the rows of a task, padded to the largest number of rows.

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

    def table(self, outcome: CampaignOutcome) -> QTable:
        """Return all rows of a finished campaign, task by task.

        Parameters
        ----------
        outcome : CampaignOutcome
            The outcome of this experiment's campaign.

        Returns
        -------
        QTable
            The columns, with their units.

        Raises
        ------
        FitError
            If a task failed: the rows are compared with one another, and would not be of the
            same mocks.
        """
        if outcome.failures:
            raise FitError(
                f"{len(outcome.failures)} of {self.n_tasks} mocks failed, the first of them by "
                f"{outcome.failures[0].reason}; the others are in {outcome.store}: mend the "
                "cause and add --resume"
            )
        filled = np.arange(self.most_rows) < outcome.results["n_rows"].to_numpy()[:, None]
        table = QTable(
            {name: outcome.results[name].to_numpy()[filled].tolist() for name in self.columns}
        )
        for name, unit in self.units.items():
            table[name] = table[name] * unit
        return table
