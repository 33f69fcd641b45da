"""Whether the errors of line fluxes are the errors made, on mocks with the noise of real cubes.

    python -m experiments.studies.flux_errors docs/flux-calibration.ecsv --mocks 300

draws disk galaxies of the survey's range, observes them with correlated and understated noise,
dithers and residuals of sky lines, measures them, and writes how far every line of every
aperture was from the truth in units of its error.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
import xarray as xr
from astropy.table import QTable, vstack
from rich.table import Table

from experiments.campaign.tasks import run_tasks
from experiments.runs.tables import write_table
from experiments.runs.terminal import Terminal, run_alone
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.fitting.fit import fit_lines
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fluxes.band_fit import BandFit
from kurvs_pipeline.fluxes.measured import MeasuredLines
from kurvs_pipeline.lines import DETECTION_SNR, REST_WAVELENGTH_UM
from kurvs_pipeline.measured_galaxy import MeasuredGalaxy
from kurvs_pipeline.pipeline import Pipeline
from kurvs_pipeline.spectra.calibration import near_lines
from kurvs_sim import Effects, ExposureModel, Galaxy, observe
from kurvs_sim.effects.defects import MisscaledNoise
from kurvs_sim.effects.dithers import Dithers
from kurvs_sim.effects.sky_residuals import SkyResiduals
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.profiles.radial import Constant, Linear

REALISTIC_NOISE = Effects(
    covariance=NoiseCovariance(),
    dithers=Dithers(),
    misscaled_noise=MisscaledNoise(),
    sky_residuals=SkyResiduals(),
)

STRONG_SNR = 5.0
"""A line is bright above it, by its true flux, so that noise does not select."""

EMPTY_LINE_KMS = 2500.0
"""Smallest distance of an empty part of a spectrum from lines of the galaxy."""

EMPTY = "empty"
"""Name of the line in fits where there is none."""

TIED_LINES = ("nii_6548", "oiii_4959")
"""Lines that are tied to the brighter line of their doublet."""

EMPTY_STEP_UM = 0.004
MEDIAN_HALPHA_FLUX = 1.0
"""1e-16 erg/s/cm2, similar to the survey's twins."""

ABUNDANCE_AT_EFFECTIVE_RADIUS = 8.5


def _draw_galaxy(seed: int, index: int) -> Galaxy:
    """Draw a galaxy with sizes, inclinations and gradients of the survey's range."""
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index, 0)))
    radius_arcsec = random.uniform(0.3, 1.2)
    gradient = float(np.clip(random.normal(0.0, 0.03), -0.05, 0.05))
    return Galaxy(
        name=f"mock-{index:04d}",
        redshift=random.uniform(1.35, 1.65),
        inclination_deg=random.uniform(20.0, 65.0),
        position_angle_deg=random.uniform(0.0, 360.0),
        effective_radius_arcsec=radius_arcsec,
        halpha_flux=float(np.exp(random.normal(np.log(MEDIAN_HALPHA_FLUX), 0.5))),
        a_v=Constant(random.uniform(0.0, 1.2)),
        oxygen_abundance=Linear(
            central=ABUNDANCE_AT_EFFECTIVE_RADIUS - gradient * radius_arcsec * 8.6,
            gradient=gradient,
        ),
    )


def _observed_mock(index: int, *, seed: int) -> tuple[Galaxy, xr.DataTree]:
    """Return a galaxy of a set of mocks, and its observation."""
    galaxy = _draw_galaxy(seed, index)
    key = np.random.SeedSequence(seed, spawn_key=(index, 1))
    noise_seed = int(key.generate_state(1, np.uint32)[0])
    return galaxy, observe(
        galaxy, noise=ExposureModel(), effects=REALISTIC_NOISE, seed=noise_seed
    )  # fmt: skip


def observe_and_measure(index: int, *, seed: int) -> tuple[Galaxy, xr.DataTree, MeasuredGalaxy]:
    """Simulate a mock and measure it; return the galaxy, its observation and what was measured."""
    galaxy, mock = _observed_mock(index, seed=seed)
    return galaxy, mock, Pipeline().run(mock)


def true_light(mock: xr.DataTree, weights: Array) -> dict[str, Array]:
    """Return the light of every line in apertures; weights have shape (n_apertures, n_y, n_x).

    Returns
    -------
    dict of str to array, shape (n_apertures,)
        1e-16 erg/s/cm2, behind dust; ``oii`` is the sum of the pair.
    """
    maps = mock["truth"]["line_map_smeared"]
    light = {
        str(name): np.einsum("ayx,yx->a", weights, maps.sel(line=name).to_numpy())
        for name in maps["line"].to_numpy()
    }
    return light | {"oii": light["oii_3726"] + light["oii_3729"]}


def measure_mock(index: int, *, seed: int) -> QTable:
    """Simulate and measure one mock.

    Returns
    -------
    QTable
        ``mock, effective_radius_arcsec, aperture, line, kinematics, truth, flux, flux_err``,
        in 1e-16 erg/s/cm2. Rows of the line ``empty`` are fits where there is no line.
    """
    galaxy, mock = _observed_mock(index, seed=seed)
    pipeline = Pipeline()
    measured = pipeline.fit(pipeline.locate(mock))
    table = vstack([_line_rows(mock, measured), _empty_rows(measured)])
    table.add_column(index, name="mock", index=0)
    table.add_column(galaxy.effective_radius_arcsec, name="effective_radius_arcsec", index=1)
    return table


def _line_rows(mock: xr.DataTree, measured: MeasuredLines) -> QTable:
    """Return every measured line beside the light that fell into its aperture."""
    table = measured.table["aperture", "line", "kinematics", "flux", "flux_err"]
    apertures = measured.located.apertures
    light = true_light(mock, apertures.weights)
    truth = [
        light[str(row["line"])][apertures.names.index(row["aperture"])]
        if str(row["line"]) in light else np.nan
        for row in table
    ]  # fmt: skip
    unit = table["flux"].unit
    table["truth"] = np.array(truth) * unit
    for name in ("truth", "flux", "flux_err"):
        table[name] = table[name].value
    tied = np.isin(table["line"], TIED_LINES)
    return table[np.isfinite(table["truth"]) & ~tied]


def _empty_rows(measured: MeasuredLines) -> QTable:
    """Fit one line, with kinematics held, wherever the spectra have none."""
    tables = [
        table
        for fit in measured.fits.values()
        for table in _empty_of_band(fit, measured)
    ]  # fmt: skip
    return vstack(tables)


def _empty_of_band(fit: BandFit, measured: MeasuredLines) -> list[QTable]:
    model, spectra = fit.model, fit.spectra
    names = measured.located.apertures.names
    first, last = model.wavelength_um[[0, -1]]
    tables = []
    tried = np.arange(first + 0.02, last - 0.02, EMPTY_STEP_UM)
    lit = near_lines(tried, measured.located.metadata.redshift, within_kms=EMPTY_LINE_KMS)
    for wavelength in tried[~lit]:
        redshift = wavelength / REST_WAVELENGTH_UM["halpha"] - 1.0
        here = BandLineModel.for_band(
            model.wavelength_um, model.lsf_sigma_um, redshift, lines=("halpha",)
        )
        found = fit_lines(
            here, spectra.flux, spectra.variance, mask=~spectra.valid,
            velocity_kms=0.0, sigma_kms=50.0,
        )  # fmt: skip
        tables.append(QTable({
            "aperture": names, "line": [EMPTY] * len(names), "kinematics": found.kinematics,
            "truth": np.zeros(len(names)), "flux": found.flux[:, 0],
            "flux_err": found.flux_err[:, 0],
        }))  # fmt: skip
    return tables


def measure_mocks(
    n_mocks: int, *, seed: int = 0, workers: int = 1,
    advance: Callable[[int], None] = lambda _: None,
    measure: Callable[..., QTable] = measure_mock,
) -> QTable:  # fmt: skip
    """Return the rows of many mocks, each by a function such as :func:`measure_mock`.

    The rows do not depend on the number of workers.

    Parameters
    ----------
    advance : callable
        Called with 1 after each mock.
    """
    tables = run_tasks(
        partial(measure, seed=seed), range(n_mocks), workers=workers, advance=advance
    )
    return vstack(tables)


@dataclass(frozen=True)
class Cell:
    """One line in one aperture, bright or faint by its true S/N, over all mocks.

    Parameters
    ----------
    pull_mean, pull_std : float
        Of measured less true flux over its error.
    bias : float
        Inverse-variance weighted mean of flux over that of the truth, less 1; NaN for none.
    bias_err : float
        Standard error of the bias.
    """

    line: str
    aperture: str
    brightness: str
    number: int
    pull_mean: float
    pull_std: float
    bias: float
    bias_err: float


def summarise(table: QTable) -> QTable:
    """Return one row per :class:`Cell` with at least ten mocks."""
    true_snr = table["truth"] / table["flux_err"]
    bright = np.where(true_snr > STRONG_SNR, "bright", "faint")
    keys = np.stack([table["line"], table["aperture"], bright], axis=1).astype(str)
    cells = [
        _cell(table[(keys == key).all(axis=1)], *key)
        for key in np.unique(keys, axis=0)
    ]  # fmt: skip
    rows = [vars(cell) for cell in cells if cell.number >= 10]
    summary = QTable(rows=rows)
    summary.meta.update(empty_spectra=empty_counts(table))
    return summary


def _cell(rows: QTable, line: str, aperture: str, brightness: str) -> Cell:
    rows = rows[np.isfinite(rows["flux"]) & (rows["flux_err"] > 0.0)]
    pull = (rows["flux"] - rows["truth"]) / rows["flux_err"]
    if line == EMPTY:
        return Cell(line, aperture, brightness, len(rows), float(np.mean(pull)),
                    float(np.std(pull)), math.nan, math.nan)  # fmt: skip
    relative = rows["flux_err"] / rows["truth"]
    weight = relative**-2
    bias = np.sum(weight * (rows["flux"] / rows["truth"] - 1.0)) / np.sum(weight)
    return Cell(line, aperture, brightness, len(rows), float(np.mean(pull)),
                float(np.std(pull)), float(bias), float(np.sum(weight) ** -0.5))  # fmt: skip


def empty_counts(table: QTable) -> dict[str, int]:
    """Return how many spectra without a line were fitted, and in how many a line was found."""
    empty = table[(table["line"] == EMPTY) & np.isfinite(table["flux"])]
    detected = empty["flux"] > DETECTION_SNR * empty["flux_err"]
    return {"fitted": len(empty), "detected": int(np.count_nonzero(detected))}


def _cell_table(summary: QTable) -> Table:
    """Lay the cells out for the terminal."""
    empty = summary.meta["empty_spectra"]
    table = Table(title="Flux errors of mocks with the noise of real cubes", title_justify="left")
    for heading in ("line", "aperture", "S/N > 5", "mocks", "mean pull", "std of pull", "bias"):
        table.add_column(heading, justify="left" if heading in {"line", "aperture"} else "right")
    for row in summary:
        table.add_row(
            row["line"], row["aperture"], {"bright": "yes", "faint": "no"}[row["brightness"]],
            str(row["number"]), f"{row['pull_mean']:+.2f}", f"{row['pull_std']:.2f}",
            "" if row["line"] == EMPTY else f"{row['bias']:+.2%} ± {row['bias_err']:.2%}",
        )  # fmt: skip
    table.caption = (
        f"{empty['detected']} lines found at S/N > 4 in {empty['fitted']} spectra without one"
    )
    return table


def main(
    output: Annotated[Path, typer.Argument(metavar="TABLE", help="Written as ECSV.")],
    *,
    mocks: Annotated[int, typer.Option(min=1, help="Galaxies.")] = 300,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
) -> None:
    """Measure mocks with realistic noise and write how well their errors hold."""
    terminal = Terminal()
    with terminal.progress("simulating and measuring", mocks) as advance:
        table = measure_mocks(mocks, seed=seed, workers=workers, advance=advance)
    summary = summarise(table)
    write_table(summary, output, mocks=mocks, seed=seed,
                command="python -m experiments.studies.flux_errors")  # fmt: skip
    terminal.show(_cell_table(summary))


if __name__ == "__main__":
    run_alone(main)
