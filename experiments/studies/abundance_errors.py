"""Whether attenuation and abundances are unbiased, on mocks with the noise of real cubes.

    python -m experiments.studies.abundance_errors docs/abundance-calibration.ecsv --mocks 300

measures the mocks of :mod:`experiments.studies.flux_errors` and compares the attenuation and every
diagnostic with what the noise-free light of the same apertures gives by the same relations.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from astropy.table import QTable, vstack
from rich.table import Table

from experiments.runs.tables import write_table
from experiments.runs.terminal import Terminal, run_alone
from experiments.studies.flux_errors import measure_mocks, observe_and_measure, true_light
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS, Diagnostic
from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.gas.quantities import dust_free, parts_of
from kurvs_pipeline.measured_galaxy import MeasuredGalaxy

CLEAR_SNR = 6.0
"""Of every line, by its true flux: noise then rarely takes one below the limit of 4, which would
choose among mocks by what is to be measured."""

DUST_FREE_LINES = {"halpha", "nii_6584", "sii_6716", "sii_6731"}
"""Lines so close in wavelength that attenuation does not matter."""

FEWEST_MOCKS = 10


def measure_mock(index: int, *, seed: int) -> QTable:
    """Simulate and measure one mock.

    Returns
    -------
    QTable
        ``mock, aperture, quantity, truth, value, err_low, err_high``, for quantities all of
        whose lines are bright; NaN where nothing was found even so.
    """
    galaxy, mock, measured = observe_and_measure(index, seed=seed)
    names = [aperture.name for aperture in measured.apertures]
    light, joint = true_light(mock, measured.weights), JointFluxes.of(names, measured.fits)
    # The sum of the [O II] pair is no line of its own.
    intrinsic = {name: light[name] for name in joint.names}
    a_v = np.full(len(measured.apertures), float(galaxy.a_v(0.0)))
    intrinsic = dust_free(intrinsic, a_v)
    by_balmer = np.asarray(measured.attenuation["source"] == "balmer")
    reddened = by_balmer & _clear(light, joint, (("hbeta",), ("halpha",)))
    tables = [_attenuation_rows(measured, a_v, reddened)]
    for diagnostic in DIAGNOSTICS.values():
        if set(diagnostic.lines) <= set(joint.names):
            used = _clear(light, joint, parts_of(diagnostic))
            used &= reddened | (set(diagnostic.lines) <= DUST_FREE_LINES)
            truth = diagnostic.from_fluxes(intrinsic)
            tables.append(_abundance_rows(measured, diagnostic, truth, used))
    table = vstack(tables)
    table.add_column(index, name="mock", index=0)
    return table


def _clear(
    light: dict[str, Array], joint: JointFluxes, parts: Sequence[Sequence[str]]
) -> BoolArray:
    """Return in which apertures every part is bright by its true flux."""
    snr = [sum(light[line] for line in part) / joint.error_of(*part) for part in parts]
    return np.asarray(np.min(snr, axis=0) > CLEAR_SNR)


def _attenuation_rows(measured: MeasuredGalaxy, truth: Array, used: BoolArray) -> QTable:
    found = measured.attenuation
    error = found["a_v_err"].value
    return QTable({
        "aperture": np.asarray(found["aperture"]), "quantity": np.full(len(found), "a_v"),
        "truth": truth, "value": found["a_v"].value, "err_low": error, "err_high": error,
    })[used]  # fmt: skip


def _abundance_rows(
    measured: MeasuredGalaxy, diagnostic: Diagnostic, truth: Array, used: BoolArray
) -> QTable:
    found = measured.abundances[measured.abundances["diagnostic"] == diagnostic.name]
    known = np.where(found["limit"] == "", 1.0, np.nan)
    return QTable({
        "aperture": np.asarray(found["aperture"]), "quantity": np.asarray(found["diagnostic"]),
        "truth": truth, "value": found["abundance"].value * known,
        "err_low": found["err_low"].value, "err_high": found["err_high"].value,
    })[used & np.isfinite(truth)]  # fmt: skip


def summarise(table: QTable) -> QTable:
    """Return how far quantities are from the truth, over all mocks and apertures.

    Returns
    -------
    QTable
        One row per quantity: ``quantity, number, galaxies, lost, bias, bias_err, significance,
        pull_mean, pull_std``: the mean of measured less true value, its standard error from the
        scatter of galaxies (whose apertures share noise), and their ratio; ``lost`` were bright
        and not found.
    """
    rows = [
        _row(str(name), table[table["quantity"] == name])
        for name in np.unique(table["quantity"])
        if _galaxies_with(table[table["quantity"] == name]) >= FEWEST_MOCKS
    ]
    return QTable(rows=rows)


def _galaxies_with(rows: QTable) -> int:
    """Return in how many galaxies a quantity was found."""
    return len(np.unique(np.asarray(rows["mock"])[np.isfinite(rows["value"])]))


def _row(quantity: str, rows: QTable) -> dict[str, object]:
    found = rows[np.isfinite(rows["value"])]
    deviation = np.asarray(found["value"] - found["truth"])
    error = np.where(deviation > 0.0, found["err_low"], found["err_high"])
    # Where a relation turns over, an error may be 0.
    pull = deviation[error > 0.0] / error[error > 0.0]
    galaxies = np.unique(np.asarray(found["mock"]))
    means = np.array([deviation[found["mock"] == mock].mean() for mock in galaxies])
    bias = float(means.mean()) if means.size else np.nan
    bias_err = float(means.std(ddof=1) / np.sqrt(means.size)) if means.size > 1 else np.nan
    return {
        "quantity": quantity, "number": len(found), "galaxies": int(galaxies.size),
        "lost": len(rows) - len(found), "bias": bias, "bias_err": bias_err,
        "significance": bias / bias_err if bias_err > 0.0 else np.nan,
        "pull_mean": float(np.mean(pull)), "pull_std": float(np.std(pull)),
    }  # fmt: skip


def shown(summary: QTable) -> Table:
    """Lay the summary out for the terminal."""
    table = Table(title="Attenuation and abundances of mocks with the noise of real cubes")
    for heading in ("quantity", "apertures", "galaxies", "bias", "mean pull", "std of pull"):
        table.add_column(heading, justify="left" if heading == "quantity" else "right")
    for row in summary:
        table.add_row(
            row["quantity"], str(row["number"]), str(row["galaxies"]),
            f"{row['bias']:+.4f} ± {row['bias_err']:.4f}", f"{row['pull_mean']:+.2f}",
            f"{row['pull_std']:.2f}",
        )  # fmt: skip
    return table


def main(
    output: Annotated[Path, typer.Argument(metavar="TABLE", help="Written as ECSV.")],
    *,
    mocks: Annotated[int, typer.Option(min=1, help="Galaxies.")] = 300,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
) -> None:
    """Measure mocks with realistic noise and write how far abundances are from the truth."""
    terminal = Terminal()
    with terminal.progress("simulating and measuring", mocks) as advance:
        table = measure_mocks(
            mocks, seed=seed, workers=workers, advance=advance, measure=measure_mock
        )
    summary = summarise(table)
    write_table(summary, output, mocks=mocks, seed=seed,
                command="python -m experiments.studies.abundance_errors")  # fmt: skip
    terminal.show(shown(summary))


if __name__ == "__main__":
    run_alone(main)
