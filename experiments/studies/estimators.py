"""How biased and how precise each estimator of a gradient is, on the survey's galaxies.

    python -m experiments.studies.estimators docs

measures the line fluxes of 34 galaxies, each 500 times with gradients drawn from N(0, 0.04)
dex/kpc and scale lengths of H-alpha from the prior of the fit, by every estimator: with what is
assumed of seeing and size right, and with it wrong.
Writes ``gradient-estimators.ecsv`` and ``images/gradient-estimators.png``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from astropy.table import QTable, vstack

from experiments.campaign.tasks import run_tasks
from experiments.mocks.line_fluxes import (
    SCALE_LENGTH_SCATTER,
    LineFluxMocks,
    MockDesign,
    annuli,
    galaxies_with_gradient,
    read_signal_to_noise,
)
from experiments.runs.tables import write_table
from experiments.runs.terminal import Terminal, run_alone
from experiments.statistics.estimator_figure import estimator_figure
from experiments.statistics.estimators import summarise, summary_table
from experiments.statistics.information import information
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.gradients.corrected import correction_of
from kurvs_pipeline.gradients.forward.estimator import ForwardFit
from kurvs_pipeline.gradients.forward.fluxes import ApertureFluxes
from kurvs_pipeline.gradients.forward.model import ForwardModel
from kurvs_pipeline.gradients.forward.profiles import InverseCalibration, NitrogenProfiles
from kurvs_pipeline.gradients.slope import Slope, weighted_slope
from kurvs_pipeline.lines import DETECTION_SNR
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_pipeline.robust import ONE_SIGMA_PERCENTILES
from kurvs_pipeline.smearing.correction import DiskSmearing
from kurvs_pipeline.smearing.matrix import InclinedDisk
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.smearing.sky_apertures import SpaxelApertures
from kurvs_sim import PointSpreadFunction

N2_DIAGNOSTIC = DIAGNOSTICS["n2"]
TWO_SIGMA = 1.96
CENTRAL_INTERVALS = (2.5, *ONE_SIGMA_PERCENTILES, 97.5)
SLOPE_DRAWS = np.random.default_rng(0).standard_normal(512)
"""Draws of the noise of a slope, in standard errors."""

SPAXEL_FIELD_ARCSEC = 1.5
"""Spaxels farther out hold little light."""

SPAXEL_DRAWS = 40


@dataclass(frozen=True)
class Case:
    """The truth of a mock, and what the fit assumes.

    Parameters
    ----------
    psf : PointSpreadFunction
        The true one.
    clumpy : bool
        Whether the disk has clumps.
    radius_factor : float
        Assumed over true effective radius.
    seeing_known : bool
        Whether the fit takes the seeing for a Gaussian of exactly 0.6 arcsec; otherwise a
        Gaussian is stated, and the pipeline assumes its errors.
    scale_scatter : float
        Of the natural logarithm of the scale length of H-alpha about that of the effective radius.
    """

    name: str
    psf: PointSpreadFunction = PointSpreadFunction()  # noqa: RUF009 - frozen
    clumpy: bool = False
    radius_factor: float = 1.0
    seeing_known: bool = False
    scale_scatter: float = SCALE_LENGTH_SCATTER


CASES = (
    Case("all known", seeing_known=True),
    Case("scale length exact", seeing_known=True, scale_scatter=0.0),
    Case("seeing uncertain"),
    Case("radius 20 % too large", radius_factor=1.2),
    Case("radius 20 % too small", radius_factor=1.0 / 1.2),
    Case("Moffat, beta 3", psf=PointSpreadFunction("moffat", 0.6, 3.0)),
    Case("seeing 10 % wider", psf=PointSpreadFunction("gaussian", 0.66)),
    Case("clumps", clumpy=True),
)
"""Those with the same disks behind the same seeing follow one another: these are drawn once."""


@dataclass(frozen=True)
class Task:
    """One galaxy in one case, with the expected S/N of its lines."""

    design: MockDesign
    case: Case
    snr: dict[str, float]


def measure(task: Task) -> QTable:
    """Measure all mocks of one galaxy in one case by every estimator.

    Returns
    -------
    QTable
        One row per draw, scheme and estimator: ``galaxy, case, scheme, estimator,
        effective_radius_arcsec, bound, truth, gradient, low, high, low95, high95, rank``.
    """
    mocks = task.design.make(task.snr)
    believed = replace(
        mocks.metadata,
        effective_radius_arcsec=mocks.metadata.effective_radius_arcsec * task.case.radius_factor,
    )
    tables = _annular(mocks, believed, "3x0.5", task.case, with_slopes=True)
    if task.case == CASES[0]:
        tables += _annular(mocks, believed, "6x0.25", task.case, with_slopes=False)
        tables.append(_by_spaxels(mocks, believed, task.case))
    table = vstack(tables)
    table["galaxy"], table["case"] = task.design.kurvs_id, task.case.name
    table["effective_radius_arcsec"] = mocks.metadata.effective_radius_arcsec
    table["bound"] = cramer_rao_bound(mocks, task.design.abundance)
    return table


def _annular(
    mocks: LineFluxMocks,
    believed: ObservationMetadata,
    scheme: str,
    case: Case,
    *,
    with_slopes: bool,
) -> list[QTable]:
    weights = mocks.weights(annuli(scheme, believed), believed)
    fit = forward_fit(mocks, believed, weights, case)
    tables = [
        _forward_rows(mocks, fit, scheme),
        _prior_rows(mocks, fit, scheme),
    ]  # fmt: skip
    if with_slopes:
        radius_kpc = mocks.kpc_per_arcsec * np.array(
            [annulus.middle_arcsec for annulus in annuli(scheme, believed)]
        )
        smearing = DiskSmearing(believed, mocks.x_arcsec, mocks.y_arcsec, weights)
        tables += _slope_rows(mocks, fit.fluxes, radius_kpc, smearing, scheme)
    return tables


def forward_fit(
    mocks: LineFluxMocks,
    believed: ObservationMetadata,
    weights: Array,
    case: Case,
    **known: Any,  # noqa: ANN401 - fields of the model
) -> ForwardFit:
    """Fit all mocks of a galaxy forward; annuli have shape (n_apertures, n_y, n_x).

    Keywords are fields of the model that are known better than the pipeline assumes.
    """
    apertures = SpaxelApertures(weights, mocks.x_arcsec, mocks.y_arcsec)
    model = replace(_model(mocks, believed, case, apertures), **known)
    return ForwardFit.of(model, mocks.fluxes(weights), _random(mocks))


def _by_spaxels(mocks: LineFluxMocks, believed: ObservationMetadata, case: Case) -> QTable:
    """Fit squares of two by two spaxels: seeing leaves nothing finer."""
    few = replace(mocks, gradient=mocks.gradient[:SPAXEL_DRAWS], flux=mocks.flux[:SPAXEL_DRAWS])
    apertures = _squares(few)
    fluxes = few.fluxes(apertures.weights)
    fit = ForwardFit.of(_model(few, believed, case, apertures), fluxes, _random(few))
    return _forward_rows(few, fit, "spaxels")


def _squares(mocks: LineFluxMocks) -> SpaxelApertures:
    n_y, n_x = mocks.y_arcsec.size, mocks.x_arcsec.size
    block = (np.arange(n_y)[:, None] // 2) * n_x + np.arange(n_x) // 2
    distance = np.hypot(mocks.x_arcsec, mocks.y_arcsec[:, None])
    near = np.unique(block[distance < SPAXEL_FIELD_ARCSEC])
    weights = (block == near[:, None, None]).astype(float)
    return SpaxelApertures(weights, mocks.x_arcsec, mocks.y_arcsec)


def _random(mocks: LineFluxMocks) -> np.random.Generator:
    number = int(mocks.metadata.name.removeprefix("KURVS-"))
    return np.random.default_rng(np.random.SeedSequence(0, spawn_key=(number, 1)))


def _model(
    mocks: LineFluxMocks, believed: ObservationMetadata, case: Case, apertures: SpaxelApertures
) -> ForwardModel:
    seeing = SeeingKnowledge.exact if case.seeing_known else SeeingKnowledge.assumed
    return ForwardModel(
        disk=InclinedDisk.of(believed),
        effective_radius_arcsec=believed.effective_radius_arcsec,
        kpc_per_arcsec=mocks.kpc_per_arcsec,
        seeing=seeing(believed),
        apertures=apertures,
        profiles=NitrogenProfiles(InverseCalibration(N2_DIAGNOSTIC)),
    )


def cramer_rao_bound(mocks: LineFluxMocks, abundance: float) -> float:
    """Return the least error of a gradient near 0 that the whole field allows, dex/kpc.

    Scale length, brightness and central abundance are free but for the prior of the first; the
    seeing is known.
    """
    apertures = _squares(mocks)
    model = _model(mocks, mocks.metadata, CASES[0], apertures)
    fluxes = mocks.fluxes(apertures.weights)
    at = model.prior_mean.copy()
    at[0] = abundance
    unit = model.predict(np.zeros(1), at[None]).flux[0, 0].sum()
    at[model.amplitude_index] = np.log(np.median(fluxes.flux[:, 0].sum(axis=1)) / unit)
    precision = information(model, fluxes, 0.0, at)
    scale = 2 + model.amplitude_index
    precision[scale, scale] += model.prior_err[scale - 1] ** -2
    return float(np.sqrt(np.linalg.inv(precision)[0, 0]))


def _rows(mocks: LineFluxMocks, scheme: str, estimator: str, **columns: Array) -> QTable:
    unknown = np.full(len(mocks.gradient), np.nan)
    table = QTable({"truth": mocks.gradient})
    for name in ("gradient", "low", "high", "low95", "high95", "rank"):
        table[name] = columns.get(name, unknown)
    table["scheme"], table["estimator"] = scheme, estimator
    return table


def _forward_rows(mocks: LineFluxMocks, fit: ForwardFit, scheme: str) -> QTable:
    found = fit.flat
    low95, high95 = fit.posterior.likelihood_interval(TWO_SIGMA)
    known = np.where(np.isfinite(found.gradient), 0.0, np.nan)
    return _rows(
        mocks, scheme, "forward", gradient=found.gradient, low=found.low, high=found.high,
        low95=low95 + known, high95=high95 + known,
    )  # fmt: skip


def _prior_rows(mocks: LineFluxMocks, fit: ForwardFit, scheme: str) -> QTable:
    found, posterior = fit.with_prior(), fit.posterior.with_prior(0.0, 0.04)
    low95, high95 = posterior.quantile([0.025, 0.975]).T
    known = np.where(np.isfinite(found.gradient), 0.0, np.nan)
    return _rows(
        mocks, scheme, "forward_prior", gradient=found.gradient, low=found.low, high=found.high,
        low95=low95 + known, high95=high95 + known, rank=posterior.rank(mocks.gradient) + known,
    )  # fmt: skip


def _slope_rows(
    mocks: LineFluxMocks, fluxes: ApertureFluxes, radius_kpc: Array, smearing: DiskSmearing,
    scheme: str,
) -> list[QTable]:  # fmt: skip
    """Return the slopes through detected annuli, as they are and corrected."""
    abundance, error = _abundances(fluxes)
    slopes = [weighted_slope(radius_kpc, *row) for row in zip(abundance, error, strict=True)]
    factors = np.array([
        correction_of(N2_DIAGNOSTIC, slope.coefficients, smearing) if slope.n_bins > 1 else np.nan
        for slope in slopes
    ])  # fmt: skip
    gradient = np.array([slope.gradient for slope in slopes])
    spread = np.array([slope.gradient_err for slope in slopes])
    known = np.where(np.isfinite(factors), 1.0, np.nan)
    corrected = factors * gradient
    ends = np.array([_corrected_ends(slope, smearing) for slope in slopes]).T
    # As the pipeline's, intervals reach to the gradient itself.
    low95, low = np.fmin(ends[:2], corrected)
    high, high95 = np.fmax(ends[2:], corrected)
    return [
        _rows(
            mocks, scheme, "slope", gradient=known * gradient, low=known * (gradient - spread),
            high=known * (gradient + spread), low95=known * (gradient - TWO_SIGMA * spread),
            high95=known * (gradient + TWO_SIGMA * spread),
        ),
        _rows(mocks, scheme, "slope_fgrad", gradient=corrected, low=low, high=high, low95=low95,
              high95=high95),
    ]  # fmt: skip


def _corrected_ends(slope: Slope, smearing: DiskSmearing) -> Array:
    """Return the ends of the intervals of a corrected slope, with the errors of f_grad."""
    if slope.n_bins < 2:
        return np.full(len(CENTRAL_INTERVALS), np.nan)
    drawn = slope.gradient + slope.gradient_err * SLOPE_DRAWS
    intrinsic = smearing.intrinsic_gradients(
        drawn, slope.coefficients, abundance_per_log_ratio=N2_DIAGNOSTIC.abundance_per_log_ratio()
    )
    return np.asarray(np.percentile(intrinsic, CENTRAL_INTERVALS))


def _abundances(fluxes: ApertureFluxes) -> tuple[Array, Array]:
    """Return 12 + log(O/H) of annuli with both lines above 4 sigma, NaN elsewhere."""
    size = fluxes.flux[0].size
    variance = np.diagonal(fluxes.covariance.reshape(size, size)).reshape(fluxes.flux[0].shape)
    snr = fluxes.flux / np.sqrt(variance)
    detected = (snr > DETECTION_SNR).all(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = N2_DIAGNOSTIC.from_fluxes(
            {"halpha": fluxes.flux[:, 0], "nii_6584": fluxes.flux[:, 1]}
        )
        relative = np.hypot(1.0 / snr[:, 0], 1.0 / snr[:, 1])
        error = N2_DIAGNOSTIC.abundance_per_log_ratio() / np.log(10.0) * relative
    return np.where(detected, value, np.nan), np.where(detected, error, np.nan)


def run(
    snr: dict[int, dict[str, float]], *, draws: int, case_draws: int, workers: int,
    advance: Callable[[int], None] = lambda _: None, cases: Sequence[Case] = CASES,
    galaxies: Sequence[int] | None = None,
) -> QTable:  # fmt: skip
    """Measure all galaxies in all cases; the numbers do not depend on the number of workers.

    Parameters
    ----------
    draws, case_draws : int
        Draws of every galaxy with all known, and in the other cases.
    advance : callable
        Called with 1 after each galaxy and case.
    galaxies : sequence of int, optional
        Numbers in the survey; by default all with a published gradient.
    """
    chosen = galaxies_with_gradient() if galaxies is None else galaxies
    tasks = [
        Task(_design(number, case, draws if case == CASES[0] else case_draws), case, snr[number])
        for number in chosen for case in cases
    ]  # fmt: skip
    return vstack(run_tasks(measure, tasks, workers=workers, advance=advance))


def _design(number: int, case: Case, draws: int) -> MockDesign:
    return MockDesign(number, case.psf, case.clumpy, draws, case.scale_scatter)


def main(
    folder: Annotated[Path, typer.Argument(metavar="DOCS", help="With twin-signal-to-noise.ecsv.")],
    *,
    draws: Annotated[int, typer.Option(min=2, help="Of each galaxy, all known.")] = 500,
    case_draws: Annotated[int, typer.Option(min=2, help="In the other cases.")] = 200,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
) -> None:
    """Measure mocks of the survey's galaxies and write what each estimator is worth."""
    terminal = Terminal()
    snr = read_signal_to_noise(folder / "twin-signal-to-noise.ecsv")
    with terminal.progress("fitting", len(CASES) * len(galaxies_with_gradient())) as advance:
        table = run(snr, draws=draws, case_draws=case_draws, workers=workers, advance=advance)
    summary = summarise(table)
    write_table(
        summary, folder / "gradient-estimators.ecsv", draws=draws, case_draws=case_draws,
        command="python -m experiments.studies.estimators",
    )  # fmt: skip
    estimator_figure(table).savefig(folder / "images" / "gradient-estimators.png", dpi=90)
    terminal.show(summary_table(summary))


if __name__ == "__main__":
    run_alone(main)
