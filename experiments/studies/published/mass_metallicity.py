"""The published mass-metallicity relation by N2, with and without the bound of its fit.

    python -m experiments.studies.published.mass_metallicity docs --shared ../shared/authors

The survey draws masses and abundances about their values and fits each draw by unweighted least
squares. Its turnover mass is at most the largest mass less a third of the range of masses. What it
prints are medians of the draws. Writes ``published-mass-metallicity.ecsv``.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from astropy.table import QTable
from scipy.optimize import curve_fit

from experiments.runs.tables import write_table
from experiments.runs.terminal import Terminal, run_alone
from experiments.survey.points import PublishedPoints
from experiments.survey.statistics import LOG_MASS_ERR
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.robust import ONE_SIGMA_PERCENTILES
from kurvs_pipeline.scaling_relations import LOG_TURNOVER_MASS_RANGE, MassMetallicityRelation

PUBLISHED = ((9.00, 10.87, 0.32), (0.05, 0.30, 0.06))
"""Asymptote, log turnover mass and slope with their errors (Li et al. 2025, Section 3)."""

SHARE_OF_RANGE = 0.33
"""The turnover is at most the largest mass less this share of the range of masses."""

DRAWS = 2000
AT_THE_BOUND = 0.005
"""dex: a turnover this near to the bound counts as on it."""

FIRST_GUESS = (9.0, 10.0, 0.5)
LOWEST, HIGHEST = (8.0, 7.0, 0.0), (10.0, LOG_TURNOVER_MASS_RANGE[1], 3.0)


def fit_unweighted(mass: Array, abundance: Array, largest_turnover: float) -> Array:
    """Return asymptote, log turnover mass and slope by unweighted least squares."""
    bounds = LOWEST, (HIGHEST[0], largest_turnover, HIGHEST[2])
    found, _ = curve_fit(
        lambda x, *p: MassMetallicityRelation(*p)(x), mass, abundance, p0=FIRST_GUESS, bounds=bounds
    )
    return np.asarray(found)


def relation_table(mass: Array, abundance: Array, abundance_err: Array, seed: int = 0) -> QTable:
    """Return the three parameters as published and as fitted, with the bound and without.

    Returns
    -------
    QTable
        ``fit, asymptote, asymptote_err, log_turnover_mass, log_turnover_mass_err, slope,
        slope_err, at_the_bound``: medians of the draws and half their central 68 per cent, and the
        fraction of draws whose turnover is at the bound; NaN where a fit has no such value.
    """
    bound = float(mass.max() - SHARE_OF_RANGE * np.ptp(mass))
    rows = [("published", *_interleaved(*PUBLISHED), np.nan)]
    for name, largest in (("bounded", bound), ("unbounded", HIGHEST[1])):
        best = fit_unweighted(mass, abundance, largest)
        rows.append((f"{name}, points", *_interleaved(best, np.full(3, np.nan)), np.nan))
        drawn = _drawn(mass, abundance, abundance_err, largest, seed)
        low, high = np.percentile(drawn, ONE_SIGMA_PERCENTILES, axis=0)
        share = float((drawn[:, 1] > largest - AT_THE_BOUND).mean())
        values = _interleaved(np.median(drawn, axis=0), 0.5 * (high - low))
        rows.append((f"{name}, draws", *values, share))
    names = ("asymptote", "log_turnover_mass", "slope")
    columns = [column for name in names for column in (name, f"{name}_err")]
    return QTable(rows=rows, names=("fit", *columns, "at_the_bound"))


def _drawn(mass: Array, abundance: Array, abundance_err: Array, largest: float, seed: int) -> Array:
    random = np.random.default_rng(seed)
    return np.array([
        fit_unweighted(
            mass + LOG_MASS_ERR * random.standard_normal(mass.size),
            abundance + abundance_err * random.standard_normal(mass.size),
            largest,
        )
        for _ in range(DRAWS)
    ])  # fmt: skip


def _interleaved(
    values: Array | tuple[float, ...], errors: Array | tuple[float, ...]
) -> list[float]:
    return [float(x) for pair in zip(values, errors, strict=True) for x in pair]


def sample(published: PublishedPoints) -> tuple[Array, Array, Array]:
    """Return log mass, 12 + log(O/H) by N2 and its error of the galaxies that have both."""
    abundance, error = published.abundances["n2"]
    known = np.isfinite(abundance)
    mass = published.of_galaxies("log_stellar_mass")
    return mass[known], abundance[known], error[known]


def main(
    docs: Annotated[Path, typer.Argument(metavar="DOCS", help="The table goes there.")],
    *,
    shared: Annotated[Path, typer.Option(metavar="DIR", help="The survey's public tables.")],
) -> None:
    """Fit the published mass-metallicity relation with and without its bound."""
    table = relation_table(*sample(PublishedPoints(shared)))
    for column in table.itercols():
        if column.dtype.kind == "f":
            column.info.format = ".3f"
    write_table(table, docs / "published-mass-metallicity.ecsv",
                command="python -m experiments.studies.published.mass_metallicity")  # fmt: skip
    Terminal().show("\n".join(table.pformat(max_lines=-1, max_width=-1)))


if __name__ == "__main__":
    run_alone(main)
