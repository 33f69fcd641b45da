"""``kurvs recover``: simulate galaxies of known gradient, measure, compare."""

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

UNITS = {
    "gradient_true": u.dex / u.kpc,
    "gradient_annuli": u.dex / u.kpc,
    "gradient": u.dex / u.kpc,
    "gradient_err": u.dex / u.kpc,
    "inclination_deg": u.deg,
    "effective_radius_arcsec": u.arcsec,
    "seeing_fwhm_arcsec": u.arcsec,
    "dust_gradient_mag_per_kpc": u.mag / u.kpc,
    "rotation_kms": u.km / u.s,
}
"""Of the columns of ``recovery.ecsv``."""

COLUMNS = (
    "galaxy", "realisation", "gradient_true", "gradient_annuli",
    *(name for name in NAMES if name not in {"gradient_dex_per_kpc", "halpha_snr"}),
    "snr_halpha", "diagnostic", "estimator",
    "gradient", "gradient_err", "f_grad", "n_bins", "flag",
)  # fmt: skip


def recovery_table(results: xr.Dataset) -> QTable:
    """Return the gradients of a recovery as a table.

    Parameters
    ----------
    results : Dataset
        Of a campaign of :class:`~experiments.recovery.experiment.RecoveryExperiment`.

    Returns
    -------
    QTable
        One row a mock that was measured, diagnostic and estimator that applies to it, in the
        order of the design.
    """
    done = results[list(COLUMNS)].isel(task=np.flatnonzero(results["done"])).load()
    rows = done.stack(row=("task", "diagnostic", "estimator"), create_index=False)
    rows = rows.isel(row=np.flatnonzero(rows["flag"] != ""))
    table = QTable({name: rows[name].to_numpy() for name in COLUMNS})
    for name, unit in UNITS.items():
        table[name] = table[name] * unit
    return table


def conclude(experiment: RecoveryExperiment, outcome: CampaignOutcome) -> Conclusion:
    """Compare what was recovered with what was put in.

    Parameters
    ----------
    experiment : RecoveryExperiment
        What was simulated.
    outcome : CampaignOutcome
        Of its campaign.

    Returns
    -------
    Conclusion
        Table, figure and summary.

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
    """Return what to show on the terminal.

    Parameters
    ----------
    table : QTable
        From :func:`recovery_table`.
    failures : sequence of Failure
        Mocks that could not be measured.
    """
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
