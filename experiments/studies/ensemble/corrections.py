"""What an ensemble of twins says once its slopes are corrected as the survey's were.

    python -m experiments.studies.ensemble.corrections OUT docs --shared ../shared

reads ``OUT/ensemble.zarr`` of :mod:`experiments.studies.ensemble.ensemble` and writes
``survey-twin-corrections.ecsv``. Twins correct slopes by f_grad of their own annuli, the survey
by curves of Gillman et al. (2021), which ask for less.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
import xarray as xr
from astropy.table import QTable

from experiments.beam_smearing.f_grad import GillmanCurves, axis_ratio_of_cos2, factor_of_curves
from experiments.campaign.campaign import open_campaign
from experiments.runs.tables import write_table
from experiments.runs.terminal import Terminal, run_alone
from experiments.studies.ensemble.ensemble import STORE, as_twins
from experiments.studies.ensemble.report import p_value
from experiments.survey.statistics import PUBLISHED, SurveyTable, percentiles
from experiments.survey.twin import INTRINSIC
from kurvs_pipeline.arrays import Array
from kurvs_sim.survey.catalogue import kurvs_catalogue

LARGEST_PUBLISHED = PUBLISHED["f_grad_84"]
"""The 84th percentile of the factors that the survey states (Li et al. 2025, Section 4.1); its
curves have 4.6 there, so that something limited them."""

LIMITED = f"curves, {LARGEST_PUBLISHED:g} at most"


def factors(curves: GillmanCurves) -> dict[str, Array | None]:
    """Return by what slopes are multiplied, shape (n_galaxies,), by name of the correction.

    None stands for the twins' own f_grad.
    """
    galaxies = kurvs_catalogue().values()
    of_curves = np.array([factor_of_curves(curves, g, axis_ratio_of_cos2) for g in galaxies])
    return {
        "f_grad": None,
        "curves": of_curves,
        LIMITED: np.minimum(of_curves, LARGEST_PUBLISHED),
        "none": np.ones(of_curves.size),
    }


def corrected(numbers: xr.Dataset, factor: Array | None) -> Array:
    """Return the gradients by N2 of the survey's annuli with a factor in place of f_grad.

    Parameters
    ----------
    factor : array, shape (n_galaxies,), or None
        None keeps f_grad of the twins themselves.

    Returns
    -------
    array, shape (n_twins, n_galaxies)
        dex/kpc; NaN where fewer than two annuli are detected.
    """
    of_survey = numbers[["gradient", "f_grad"]].isel(scheme=0).sel(diagnostic="n2")
    gradient, own = (of_survey[name].transpose("twin", "galaxy").to_numpy() for name in of_survey)
    return gradient if factor is None else gradient / own * factor


def summary(twins: xr.Dataset, corrections: Mapping[str, Array | None]) -> QTable:
    """Return the distribution of gradients of the twins with every correction.

    Returns
    -------
    QTable
        ``correction, intrinsic, statistic, percentile_16, median, percentile_84, published,
        p_value``, dex/kpc; the published value is that of Table 1 of Li et al. (2025).
    """
    published = SurveyTable.published().statistics()
    rows = []
    for correction, factor in corrections.items():
        for intrinsic in INTRINSIC:
            here = twins.sel(definition="published", intrinsic=intrinsic)
            low, middle, high = np.transpose([percentiles(g) for g in corrected(here, factor)])
            spread = {"median": middle, "percentile_16": low, "percentile_84": high,
                      "width": 0.5 * (high - low)}  # fmt: skip
            for name, values in spread.items():
                at_16, at_50, at_84 = percentiles(values)
                value = published[name] if correction != "none" else np.nan
                rows.append({
                    "correction": correction, "intrinsic": intrinsic, "statistic": name,
                    "percentile_16": at_16, "median": at_50, "percentile_84": at_84,
                    "published": value, "p_value": p_value(values, value),
                })  # fmt: skip
    return QTable(rows=rows)


def main(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the ensemble.")],
    docs: Annotated[Path, typer.Argument(metavar="DOCS", help="Where the table goes.")],
    *,
    shared: Annotated[Path, typer.Option(metavar="DIR", help="Holds reference/gillman21.")],
) -> None:
    """Compare an ensemble, corrected as the survey was, with the published gradients."""
    curves = GillmanCurves.read(shared / "reference" / "gillman21")
    table = summary(as_twins(open_campaign(output / STORE)), factors(curves))
    for name in ("percentile_16", "median", "percentile_84", "published", "p_value"):
        table[name].info.format = ".4g"
    write_table(table, docs / "survey-twin-corrections.ecsv")
    Terminal().show(str(table))


if __name__ == "__main__":
    run_alone(main)
