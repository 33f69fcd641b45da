"""What an ensemble of twins says of the statistics that the survey publishes.

    python -m experiments.studies.ensemble.report OUT docs

reads ``OUT/ensemble.zarr`` of :mod:`experiments.studies.ensemble.ensemble`, whole or in part, and
writes ``survey-twin.ecsv`` and ``images/survey-twin.png`` into the second folder. Only twins whose
galaxies were all measured, in all distributions, are counted.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
import xarray as xr
from astropy.table import Table
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.campaign.campaign import open_campaign
from experiments.runs.style import figure_style
from experiments.runs.tables import write_table
from experiments.runs.terminal import Terminal, run_alone
from experiments.studies.ensemble.ensemble import STORE, as_twins
from experiments.survey.numbers import FORWARD, LINES
from experiments.survey.signal_to_noise import PUBLISHED_MEDIAN_SNR
from experiments.survey.statistics import (
    MEANING,
    PUBLISHED,
    SurveyTable,
    percentiles,
    twin_statistics,
)
from experiments.survey.twin import DEFINITIONS, INTRINSIC
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import ResultsError
from kurvs_pipeline.plots.parts import BLUE, DATA_COLOUR, GREEN, VERMILION
from kurvs_pipeline.robust import MAD_TO_SIGMA

COLOURS = {"flat": BLUE, "scattered": GREEN, "steep": VERMILION}
LABELS = {
    "flat": "all 0",
    "scattered": "N(0, 0.04)",
    "steep": "all -0.05",
}
SHOWN = (
    "n_n2", "n_n2o2", "n_r23", "median", "percentile_16", "percentile_84", "r_n2_n2o2",
    "r_2x0.8", "r_3x0.6", "mean_r_n2_n2o2", "mean_r_2x0.8", "mean_r_3x0.6",
)  # fmt: skip

ERRORS = {
    "inside_slope": "share of true gradients within one error of slope x f_grad by N2",
    "error_slope": "robust error of slope x f_grad by N2 (dex/kpc)",
    "error_forward": "robust error of forward, the same galaxies (dex/kpc)",
    "error_forward_prior": "robust error of forward_prior, the same galaxies (dex/kpc)",
}


def mixed(twins: xr.Dataset, number: int, *, seed: int = 0) -> xr.Dataset:
    """Return twins that combine galaxies of randomly chosen twins.

    Galaxies of a twin are independent of one another, so that mixed twins have the same
    distribution as the twins; each galaxy has no more realisations than there are twins.
    """
    random = np.random.default_rng(seed)
    chosen = random.integers(twins.sizes["twin"], size=(number, twins.sizes["galaxy"]))
    return twins.drop_vars("twin").isel(
        twin=xr.DataArray(chosen, dims=("mixed", "galaxy")),
        galaxy=xr.DataArray(np.arange(twins.sizes["galaxy"]), dims="galaxy"),
    ).rename(mixed="twin")  # fmt: skip


def _snr_statistics(numbers: xr.Dataset) -> dict[str, float]:
    """Return the median S/N of every line in the integrated apertures of a twin."""
    ratio = (numbers["flux"] / numbers["flux_err"]).sel(aperture="integrated")
    return {f"snr_{line}": float(np.nanmedian(ratio.sel(line=line))) for line in LINES}


def error_statistics(numbers: xr.Dataset) -> dict[str, float]:
    """Return how wrong the gradients by N2 of a twin are, and how often their errors hold.

    Returns
    -------
    dict
        1.48 times the median absolute error, dex/kpc: ``error_slope`` of slopes times f_grad in
        the survey's annuli; ``error_forward`` and ``error_forward_prior`` of the forward
        estimators, from the pipeline's fluxes, in the galaxies that have a slope.
        ``inside_slope`` is the share of these whose truth is within the stated error.
    """
    of_n2 = numbers.isel(scheme=0).sel(diagnostic="n2")
    slope = of_n2["gradient"]
    pull = (abs(slope - numbers["gradient_true"]) / of_n2["gradient_err"]).to_numpy()
    known = pull[np.isfinite(pull)]
    inside = float(np.mean(known < 1.0)) if known.size else float("nan")
    forward = numbers["forward_gradient"].where(np.isfinite(slope))
    found = {"slope": slope} | {name: forward.sel(estimator=name) for name in FORWARD}
    return {"inside_slope": inside} | {
        f"error_{name}": MAD_TO_SIGMA * float(np.nanmedian(abs(value - numbers["gradient_true"])))
        for name, value in found.items()
    }


def _statistics_of_twins(twins: xr.Dataset) -> dict[tuple[str, str], dict[str, Array]]:
    """Return the statistics of all twins, by definition, intrinsic distribution and statistic."""
    found: dict[tuple[str, str], dict[str, Array]] = {}
    for definition in DEFINITIONS:
        for intrinsic in INTRINSIC:
            here = twins.sel(definition=definition, intrinsic=intrinsic)
            rows = [
                twin_statistics(one) | _snr_statistics(one) | error_statistics(one)
                for one in (here.isel(twin=index) for index in range(twins.sizes["twin"]))
            ]
            found[definition, intrinsic] = {
                name: np.array([row[name] for row in rows]) for name in rows[0]
            }
    return found


def p_value(values: Array, published: float) -> float:
    """Return the chance of a value as far out as the published one, on either side.

    Parameters
    ----------
    values : array, shape (n_twins,)
        Those that are NaN are left out.

    Returns
    -------
    float
        At least 2 / (n_twins + 1), which is the least that so many twins can show. NaN without
        any.
    """
    known = values[np.isfinite(values)]
    if known.size == 0 or not np.isfinite(published):
        return float("nan")
    rarer = min(int((known <= published).sum()), int((known >= published).sum()))
    return min(1.0, 2.0 * (rarer + 1) / (known.size + 1))


def published_values() -> dict[str, float]:
    """Return the values that twins are compared with: unrounded from Table 1, else as printed."""
    return {**PUBLISHED, **SurveyTable.published().statistics()}


def summary_table(found: dict[tuple[str, str], dict[str, Array]]) -> Table:
    """Return the sampling distribution of every statistic, with the published value.

    Returns
    -------
    Table
        ``statistic, definition, intrinsic, n, percentile_16, median, percentile_84, published,
        p_value, meaning``; ``n`` is the number of twins that have it.
    """
    published = {
        **published_values(),
        **{f"snr_{line}": PUBLISHED_MEDIAN_SNR[line] for line in LINES},
    }
    meaning = {
        **MEANING, **{f"snr_{line}": f"median S/N of {line}" for line in LINES}, **ERRORS,
    }  # fmt: skip
    rows = []
    for name, text in meaning.items():
        for (definition, intrinsic), statistics in found.items():
            values = statistics[name]
            low, middle, high = percentiles(values)
            value = published.get(name, np.nan)
            rows.append({
                "statistic": name, "definition": definition, "intrinsic": intrinsic,
                "n": int(np.isfinite(values).sum()), "percentile_16": low, "median": middle,
                "percentile_84": high, "published": value, "p_value": p_value(values, value),
                "meaning": text,
            })  # fmt: skip
    table = Table(rows=rows)
    for name in ("percentile_16", "median", "percentile_84", "published", "p_value"):
        table[name].info.format = ".4g"
    return table


def figure(found: dict[tuple[str, str], dict[str, Array]]) -> Figure:
    """Draw the sampling distributions with the survey's stated errors and published values.

    Bars are the central 68 per cent of the twins, small points single twins; the vertical line is
    the survey's value.
    """
    published = published_values()
    page, panels = plt.subplots(4, 3, figsize=(12.0, 9.5), layout="constrained", sharey=True)
    for axes, name in zip(panels.ravel(), SHOWN, strict=True):
        for place, intrinsic in enumerate(INTRINSIC):
            values = found["published", intrinsic][name]
            _draw_distribution(axes, values[np.isfinite(values)], place, COLOURS[intrinsic])
        axes.axvline(published[name], color=DATA_COLOUR, linewidth=1.5, linestyle="--")
        axes.set_xlabel(MEANING[name] if "likewise" not in MEANING[name] else _LONG[name],
                        fontsize=9)  # fmt: skip
        axes.set_yticks(range(len(INTRINSIC)), [LABELS[name] for name in INTRINSIC])
        axes.set_ylim(-0.6, len(INTRINSIC) - 0.4)
        axes.invert_yaxis()
    return page


_LONG = {
    "mean_r_n2_n2o2": "the same, errors drawn again",
    "mean_r_2x0.8": '3 x 0.5" against 2 x 0.8", errors drawn again',
    "mean_r_3x0.6": '3 x 0.5" against 3 x 0.6", errors drawn again',
}


def _draw_distribution(axes: Axes, values: Array, place: int, colour: str) -> None:
    if values.size == 0:
        return
    low, middle, high = percentiles(values)
    jitter = np.random.default_rng(place).uniform(-0.25, 0.25, values.size)
    axes.plot(values, place + jitter, ".", color=colour, markersize=3, alpha=0.4)
    axes.errorbar([middle], [place], xerr=[[middle - low], [high - middle]], fmt="o", color=colour,
                  markersize=7, elinewidth=2.5)  # fmt: skip


def main(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the ensemble.")],
    docs: Annotated[Path, typer.Argument(metavar="DOCS", help="Where table and figure go.")],
    *,
    mix: Annotated[int, typer.Option(min=0, help="Twins mixed from those of a short run.")] = 0,
) -> None:
    """Compare the statistics of an ensemble of twins with the published ones."""
    twins = as_twins(open_campaign(output / STORE))
    if twins.sizes["twin"] == 0:
        raise ResultsError(
            f"{output / STORE}: no twin is complete; expected at least one: go on with "
            f"python -m experiments.studies.ensemble.ensemble {output} --resume"
        )
    found = _statistics_of_twins(mixed(twins, mix) if mix else twins)
    table = summary_table(found)
    table.meta.update(
        n_twins=int(twins.sizes["twin"]), n_mixed=mix,
        source="Li et al. (2025), MNRAS 544, 4025",
        command="python -m experiments.studies.ensemble.report",
    )  # fmt: skip
    write_table(table, docs / "survey-twin.ecsv")
    (docs / "images").mkdir(exist_ok=True)
    with figure_style():
        figure(found).savefig(docs / "images" / "survey-twin.png", dpi=90)
    Terminal().show(f"{twins.sizes['twin']} twins of each distribution")


if __name__ == "__main__":
    run_alone(main)
