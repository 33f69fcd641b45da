"""The results of ``kurvs recover``: table, summary and figure of recovered gradients."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from astropy import units as u
from astropy.table import QTable
from rich.console import Group

from experiments.campaign.campaign import CampaignOutcome, Failure
from experiments.campaign.command import Conclusion
from experiments.recovery.design import NAMES
from experiments.recovery.experiment import RecoveryExperiment
from experiments.recovery.figure import recovery_figure
from experiments.recovery.summary import summarise, summary_table
from kurvs_pipeline.errors import FitError

COLUMNS = (
    "galaxy", "realisation", "gradient_true", "gradient_annuli",
    *(name for name in NAMES if name not in {"gradient_dex_per_kpc", "halpha_snr"}),
    "snr_halpha", "diagnostic", "estimator",
    "gradient", "gradient_err", "f_grad", "n_bins", "flag",
)  # fmt: skip


def recovery_table(results: xr.Dataset) -> QTable:
    """Return the gradients of a recovery as a table, in the order of the design.

    Returns
    -------
    QTable
        One row per measured mock, diagnostic and estimator that applies to it.
    """
    done = results[list(COLUMNS)].isel(task=np.flatnonzero(results["done"])).load()
    rows = done.stack(row=("task", "diagnostic", "estimator"), create_index=False)
    rows = rows.isel(row=np.flatnonzero(rows["flag"] != ""))
    table = QTable({name: rows[name].to_numpy() for name in COLUMNS})
    for name in COLUMNS:
        unit = rows[name].attrs.get("units", "1")
        if unit != "1":
            table[name] = table[name] * u.Unit(unit)
    return table


def conclude(experiment: RecoveryExperiment, outcome: CampaignOutcome) -> Conclusion:
    """Compare recovered with true gradients.

    Raises
    ------
    FitError
        If no mock at all could be measured.
    """
    if not outcome.results["done"].any():
        raise FitError(
            f"none of {experiment.n_tasks} mocks could be measured: {outcome.failures[0].reason}"
        )
    table = recovery_table(outcome.results)
    figure = recovery_figure(table, experiment.diagnostics[0])
    return Conclusion({"recovery": table}, figure, summary(table, outcome.failures))


def summary(table: QTable, failures: Sequence[Failure]) -> Group:
    """Return what to show on the terminal."""
    parts: list[object] = [
        summary_table(summarise(table[table["diagnostic"] == name]), name)
        for name in dict.fromkeys(table["diagnostic"])
    ]
    if failures:
        parts.append(
            f"{len(failures)} mocks failed and are in failures.ecsv; the first: "
            f"{failures[0].reason}"
        )
    return Group(*parts)  # type: ignore[arg-type]
