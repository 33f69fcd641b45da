"""``kurvs recover``: simulate galaxies of known gradient, measure, compare."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path

import numpy as np
import xarray as xr
from astropy import units as u
from astropy.table import QTable
from astropy.table import Table as PlainTable
from rich.console import Group

from experiments.campaign.campaign import Failure, run_campaign
from experiments.campaign.store import take_away
from experiments.recovery.design import NAMES
from experiments.recovery.experiment import RecoveryExperiment
from experiments.recovery.figure import recovery_figure
from experiments.recovery.summary import summarise, summary_table
from experiments.runs.run import Run
from kurvs_pipeline.errors import FitError

STORE = "recovery.zarr"

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


def run_recovery(
    experiment: RecoveryExperiment,
    *,
    workers: int,
    scheduler: str | None,
    resume: bool,
    run: Run,
    progress: Callable[[str, int], AbstractContextManager[Callable[[int], None]]],
    announce: Callable[[str], None],
) -> Group:
    """Run the command ``kurvs recover``: simulate, measure, compare, write.

    Parameters
    ----------
    experiment : RecoveryExperiment
        What to simulate.
    workers : int
        Processes on this machine.
    scheduler : str, optional
        Address of the scheduler of a cluster that runs already, to use instead.
    resume : bool
        Whether to go on with the store of a run that was interrupted.
    run : Run
        Where results go. The store is there at once, so that a run can be resumed.
    progress : callable
        Makes a progress bar from a description and a total.
    announce : callable
        Called with lines such as the address of the dashboard.

    Returns
    -------
    rich.console.Group
        Truth against what was recovered.

    Raises
    ------
    FitError
        If no mock at all could be measured.
    OutputError
        If the store of an earlier run cannot be replaced.
    """
    store = run.directory / STORE
    if not resume:
        take_away(store)
    with progress("simulating and measuring", experiment.n_tasks) as advance:
        outcome = run_campaign(
            experiment, store, workers=workers, scheduler=scheduler, resume=resume,
            advance=advance, announce=announce,
        )  # fmt: skip
    if not outcome.results["done"].any():
        raise FitError(f"none of {experiment.n_tasks} mocks could be measured: "
                       f"{_last_line(outcome.failures[0])}")  # fmt: skip
    table = recovery_table(outcome.results)
    table.meta.update(version=version("kurvs"), seed=experiment.seed)
    with run.writing() as directory:
        table.write(directory / "recovery.ecsv")
        recovery_figure(table, experiment.diagnostics[0]).savefig(
            directory / "recovery.png", dpi=130
        )
        if outcome.failures:
            _write_failures(outcome.failures, directory)
        store.replace(directory / STORE)
    return summary(table, outcome.failures)


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
            f"{_last_line(failures[0])}"
        )
    return Group(*parts)  # type: ignore[arg-type]


def _last_line(failure: Failure) -> str:
    return failure.traceback.strip().rpartition("\n")[2]


def _write_failures(failures: Sequence[Failure], directory: Path) -> None:
    columns = {
        "task": [failure.number for failure in failures],
        "seed": [failure.seed for failure in failures],
        "reason": [_last_line(failure) for failure in failures],
        "traceback": [failure.traceback for failure in failures],
    }
    PlainTable(columns).write(directory / "failures.ecsv", format="ascii.ecsv")
