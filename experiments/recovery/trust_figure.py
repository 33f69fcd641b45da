"""Figures of the report: bias and coverage of every estimator, by each property of mocks."""

import numpy as np
from astropy.table import QTable
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.statistics.estimator_figure import COLOURS, TITLES
from experiments.statistics.trust import COVERAGE, LARGEST_BIAS, judged_by
from kurvs_pipeline.plots.parts import RANGE_COLOUR


def trust_figure(table: QTable, factor: str, title: str) -> Figure:
    """Draw what a property of mocks does to every estimator.

    Left: median of found less true gradient, with its error. Right: fraction of truths inside
    the 68 per cent interval. Shaded: what the rules of :mod:`experiments.statistics.trust` allow.

    Parameters
    ----------
    table : QTable
        ``recovery.ecsv``, of one diagnostic.
    factor, title : str
        A column and what to call it.
    """
    figure = Figure(figsize=(11.0, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.axhspan(-LARGEST_BIAS, LARGEST_BIAS, color=RANGE_COLOUR, zorder=0)
    right.axhspan(*COVERAGE, color=RANGE_COLOUR, zorder=0)
    plot_factor(table, factor, "bias", left)
    plot_factor(table, factor, "inside", right)
    left.set(ylabel="median bias (dex kpc$^{-1}$)")
    right.set(ylabel="truths inside 68 % intervals", ylim=(-0.03, 1.05))
    for axes in (left, right):
        axes.set_xlabel(title)
    figure.legend(*left.get_legend_handles_labels(), loc="outside right upper", fontsize=10)
    return figure


def plot_factor(table: QTable, factor: str, quantity: str, axes: Axes) -> Axes:
    """Draw one quantity of every estimator by one property of mocks.

    Parameters
    ----------
    table : QTable
        ``recovery.ecsv``, of one diagnostic.
    factor : str
        Column with the property.
    quantity : str
        Attribute of a judgement: ``bias``, in dex/kpc, or ``inside``, a share.
    axes : Axes
        Axes to draw into.
    """
    estimators = [name for name in TITLES if name in set(table["estimator"].tolist())]
    for shift, estimator in enumerate(estimators):
        judged = judged_by(table[table["estimator"] == estimator], factor)
        found = [getattr(judgement, quantity) for _, judgement in judged]
        place = np.arange(len(judged)) + 0.1 * (shift - 1.5)
        axes.errorbar(
            place, [f.value for f in found], [f.error for f in found], fmt="o",
            markersize=5.0, color=COLOURS[estimator], label=TITLES[estimator],
        )  # fmt: skip
        axes.set_xticks(range(len(judged)), [label for label, _ in judged])
    axes.axhline(0.0 if quantity == "bias" else 0.68, color="0.5", linewidth=0.8)
    axes.tick_params(axis="x", length=0.0)
    return axes
