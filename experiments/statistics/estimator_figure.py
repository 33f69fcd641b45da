"""The figure of the estimators: bias and scatter against the truth, and how honest errors are."""

import itertools

import numpy as np
from astropy.table import QTable
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.statistics.repeated_measurements import bias_by_truth, coverage, rank_histogram
from kurvs_pipeline.plots.parts import (
    CORRECTED_COLOUR,
    FORWARD_COLOUR,
    FORWARD_PRIOR_COLOUR,
    SLOPE_COLOUR,
)

TITLES = {"slope": "slope", "slope_fgrad": r"slope $\times$ f", "forward": "forward",
          "forward_prior": "forward, prior"}  # fmt: skip
COLOURS = {"slope": SLOPE_COLOUR, "slope_fgrad": CORRECTED_COLOUR, "forward": FORWARD_COLOUR,
           "forward_prior": FORWARD_PRIOR_COLOUR}  # fmt: skip
EDGES = np.array([-0.10, -0.07, -0.045, -0.025, -0.008, 0.008, 0.025, 0.045, 0.07, 0.10])
RANK_BINS = 20
SIDE_BY_SIDE = 0.18


def estimator_figure(table: QTable) -> Figure:
    """Draw bias against true gradient, coverage by case, and the ranks of the truth.

    Left: median of found less true gradient, with its error, all known. Middle: how often the 68
    per cent interval holds the truth, where something is believed that is wrong. Right: ranks of
    the truth in the posterior with the population prior; even where the posterior is right.

    Parameters
    ----------
    table : QTable
        From :func:`experiments.studies.estimators.run`.
    """
    figure = Figure(figsize=(15.0, 5.0), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.0, 1.1, 0.8))
    annular = table[table["scheme"] == "3x0.5"]
    first = str(table["case"][0])
    plot_bias(annular[annular["case"] == first], left)
    plot_coverage(annular, middle)
    plot_ranks(annular[annular["case"] == first], right)
    return figure


def plot_bias(rows: QTable, axes: Axes) -> Axes:
    """Draw the bias of every estimator against the truth.

    Parameters
    ----------
    rows : QTable
        A row a draw and estimator.
    axes : Axes
        Axes to draw into.
    """
    centre = np.array([0.5 * (low + high) for low, high in itertools.pairwise(EDGES)])
    for shift, (name, title) in enumerate(TITLES.items()):
        own = rows[rows["estimator"] == name]
        bias = bias_by_truth(own["truth"], own["gradient"], EDGES)
        axes.errorbar(
            centre + 0.0008 * (shift - 1.5), [b.value for b in bias], [b.error for b in bias],
            fmt="o-", markersize=4.0, color=COLOURS[name], label=title,
        )  # fmt: skip
    axes.axhline(0.0, color="black", linewidth=0.8)
    axes.set(xlabel="true gradient (dex kpc$^{-1}$)", ylabel="median bias (dex kpc$^{-1}$)",
             title="all known", ylim=(-0.06, 0.06))  # fmt: skip
    axes.locator_params(axis="x", nbins=5)
    axes.legend(frameon=False)
    return axes


def plot_coverage(rows: QTable, axes: Axes) -> Axes:
    """Draw how often intervals hold the truth, by case.

    Parameters
    ----------
    rows : QTable
        A row a draw and estimator.
    axes : Axes
        Axes to draw into.
    """
    cases = list(dict.fromkeys(str(case) for case in rows["case"]))
    for shift, name in enumerate(("slope_fgrad", "forward", "forward_prior")):
        own = rows[rows["estimator"] == name]
        inside = [
            coverage(of_case["truth"], of_case["low"], of_case["high"])
            for of_case in (own[own["case"] == case] for case in cases)
        ]
        axes.errorbar(
            [one.value for one in inside], np.arange(len(cases)) + SIDE_BY_SIDE * (shift - 1),
            xerr=[one.error for one in inside], fmt="o", color=COLOURS[name], label=TITLES[name],
        )  # fmt: skip
    axes.axvline(0.683, color="black", linewidth=0.8)
    axes.axvspan(0.64, 0.76, color="black", alpha=0.07, linewidth=0.0)
    axes.set(xlabel="truths inside 68 % intervals", xlim=(0.3, 0.9))
    axes.set_yticks(np.arange(len(cases)), cases)
    axes.invert_yaxis()
    return axes


def plot_ranks(rows: QTable, axes: Axes) -> Axes:
    """Draw the ranks of the truth in the posterior.

    Parameters
    ----------
    rows : QTable
        A row a draw and estimator.
    axes : Axes
        Axes to draw into.
    """
    ranks = np.asarray(rows["rank"][rows["estimator"] == "forward_prior"])
    counts, _ = rank_histogram(ranks[np.isfinite(ranks)], RANK_BINS)
    axes.stairs(counts, np.linspace(0.0, 1.0, RANK_BINS + 1), color=COLOURS["forward_prior"],
                fill=True, alpha=0.5)  # fmt: skip
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set(xlabel="rank of the truth", ylabel="number over its mean", ylim=(0.0, 1.6),
             title="forward, prior")  # fmt: skip
    return axes
