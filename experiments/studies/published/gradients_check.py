"""Whether the estimators of the published annuli are unbiased, from mocks of the same table.

    python -m experiments.studies.published.gradients_check docs --samples 40

draws gradients for the galaxies of the survey, puts each annulus behind the seeing, adds the noise
of its ratio, turns what is below 4 sigma into limits as the survey does, and measures the outcome
as :mod:`experiments.studies.published.gradients` measures the survey. Writes
``published-gradients-check.ecsv``.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from astropy import units as u
from astropy.table import QTable

from experiments.campaign.tasks import run_tasks
from experiments.runs.tables import write_table
from experiments.runs.terminal import Terminal, run_alone
from experiments.studies.published.gradients import (
    LIMIT_SNR,
    MARINO13_SLOPE,
    MARINO13_SLOPE_ERR,
    MARINO13_ZERO,
    MARINO13_ZERO_ERR,
    Normal,
    PublishedGalaxy,
    gradient_table,
    population_table,
    published_galaxies,
    sample_abundance,
)
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_sim.survey.annuli import AnnularAbundance, Limit

TRUE_POPULATIONS = (Normal(0.0, 0.04), Normal(-0.03, 0.05))
"""dex/kpc: what the survey finds, and a sample that is not flat."""

NOISE_FACTORS = (1.0, 2.0)
"""True over stated errors: as stated, and as on mocks of the published procedure, 1.6 to 2.6."""


def mock(
    galaxy: PublishedGalaxy,
    gradient: float,
    abundance: float,
    noise_factor: float,
    random: np.random.Generator,
) -> PublishedGalaxy:
    """Return a galaxy as the survey would tabulate it, had it this gradient.

    Noise is that of the survey's ratio in each annulus, times ``noise_factor``; stated errors are
    the survey's.
    """
    seeing = SeeingKnowledge.exact(galaxy.metadata)
    model = galaxy.model(Normal(abundance, 1.0), seeing)
    halpha, nii = model.predict(np.array([gradient]), model.prior_mean[None]).flux[0]
    stated = _ratio_err(galaxy)
    ratio = nii / halpha + noise_factor * stated * random.standard_normal(len(stated))
    return replace(
        galaxy,
        annuli=tuple(
            _tabulated(one, value, error)
            for one, value, error in zip(galaxy.annuli, ratio, stated, strict=True)
        ),
    )


def _ratio_err(galaxy: PublishedGalaxy) -> Array:
    """Return the stated error of [N II] over H-alpha in each annulus."""
    ratio = 10.0**galaxy.log_ratio
    measured = ratio * np.log(10.0) * galaxy.log_ratio_err
    return np.where(galaxy.detected, measured, ratio / LIMIT_SNR)


def _tabulated(one: AnnularAbundance, ratio: float, error: float) -> AnnularAbundance:
    limit: Limit = "" if ratio > LIMIT_SNR * error else "upper"
    log_ratio = np.log10(LIMIT_SNR * error if limit else ratio)
    of_ratio = MARINO13_SLOPE * error / (ratio * np.log(10.0))
    drawn_err = np.sqrt(of_ratio**2 + MARINO13_ZERO_ERR**2 + (MARINO13_SLOPE_ERR * log_ratio) ** 2)
    return replace(
        one,
        abundance=float(MARINO13_ZERO + MARINO13_SLOPE * log_ratio),
        abundance_err=float("nan") if limit else float(drawn_err),
        limit=limit,
    )


def _sample(index: int, truth: Normal, noise_factor: float) -> QTable:
    """Draw and measure one sample; return its means and scatters by estimator."""
    random = np.random.default_rng([2025, index])
    galaxies = published_galaxies()
    abundances = sample_abundance(galaxies)
    mocks = [
        mock(g, random.normal(*truth), random.normal(*abundances), noise_factor, random)
        for g in galaxies
    ]
    _, populations = gradient_table(mocks)
    populations.pop("published")
    return population_table(populations)


def check(
    samples: int,
    *,
    workers: int = 1,
    advance: Callable[[int], None] = lambda _: None,
) -> QTable:
    """Return bias and coverage of the mean of a sample by estimator.

    Returns
    -------
    QTable
        ``true_mean, true_scatter, noise_factor, gradients, samples, mean_bias, mean_bias_err,
        mean_coverage, scatter_bias, scatter_bias_err``; coverage is that of mean +- its error.
    """
    rows: list[dict[str, object]] = []
    for truth in TRUE_POPULATIONS:
        for factor in NOISE_FACTORS:
            of_sample = partial(_sample, truth=truth, noise_factor=factor)
            found = run_tasks(of_sample, range(samples), workers=workers, advance=advance)
            rows += _summary(truth, factor, found)
    table = QTable(rows=rows)
    for name in ("true_mean", "true_scatter", "mean_bias", "mean_bias_err", "scatter_bias",
                 "scatter_bias_err"):  # fmt: skip
        table[name] = table[name] * (u.dex / u.kpc)
    return table


def _summary(truth: Normal, factor: float, found: Sequence[QTable]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for at, name in enumerate(found[0]["gradients"].tolist()):
        mean, error, scatter = (
            np.array([sample[column][at].value for sample in found])
            for column in ("mean", "mean_err", "scatter")
        )
        inside = np.abs(mean - truth.mean) < error
        root = np.sqrt(len(found))
        rows.append({
            "true_mean": truth.mean, "true_scatter": truth.scatter, "noise_factor": factor,
            "gradients": name, "samples": len(found),
            "mean_bias": mean.mean() - truth.mean, "mean_bias_err": mean.std(ddof=1) / root,
            "mean_coverage": float(inside.mean()),
            "scatter_bias": scatter.mean() - truth.scatter,
            "scatter_bias_err": scatter.std(ddof=1) / root,
        })  # fmt: skip
    return rows


def main(
    docs: Annotated[Path, typer.Argument(metavar="DOCS", help="The table goes there.")],
    *,
    samples: Annotated[int, typer.Option(min=2, help="Samples by true population.")] = 40,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
) -> None:
    """Measure samples with known gradients as the published one, and write bias and coverage."""
    terminal = Terminal()
    runs = samples * len(TRUE_POPULATIONS) * len(NOISE_FACTORS)
    with terminal.progress("fitting", runs) as advance:
        table = check(samples, workers=workers, advance=advance)
    for column in table.itercols():
        if column.dtype.kind == "f":
            column.info.format = ".3g"
    write_table(table, docs / "published-gradients-check.ecsv",
                command="python -m experiments.studies.published.gradients_check")  # fmt: skip
    terminal.show("\n".join(table.pformat(max_lines=-1, max_width=-1)))


if __name__ == "__main__":
    run_alone(main)
