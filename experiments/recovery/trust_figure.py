"""The figures of the report: bias and coverage of every estimator, by each property of mocks."""

import numpy as np
from astropy.table import QTable
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.statistics.estimator_figure import COLOURS, TITLES
from experiments.statistics.trust import COVERAGE, LARGEST_BIAS, Judgement, judged_by
from kurvs_pipeline.plots.parts import RANGE_COLOUR


def trust_figure(table: QTable, factor: str, title: str) -> Figure:
    """Draw bias and coverage of every estimator against a property of mocks.

    Left: median of found less true gradient, with its error. Right: fraction of truths inside the
    68 per cent interval. Shaded: what the rules of :mod:`experiments.statistics.trust` allow.

    Parameters
    ----------
    factor, title : str
        Column with the property, and its label.
    """
    figure = Figure(figsize=(11.0, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.05})
    left.axhspan(-LARGEST_BIAS, LARGEST_BIAS, color=RANGE_COLOUR, zorder=0)
    right.axhspan(*COVERAGE, color=RANGE_COLOUR, zorder=0)
    _plot_factor(table, factor, "bias", left)
    _plot_factor(table, factor, "inside", right)
    left.set(ylabel="median bias (dex kpc$^{-1}$)")
    right.set(ylabel="coverage of 68 % intervals", ylim=(-0.03, 1.05))
    for axes in (left, right):
        axes.set_xlabel(title)
    figure.legend(*left.get_legend_handles_labels(), loc="outside right upper", fontsize=10)
    return figure


def _ends(judgement: Judgement, quantity: str) -> tuple[float, float]:
    """Return the ends of the error bar of the bias or of the fraction inside."""
    if quantity == "inside":
        return judgement.inside_interval
    bias = judgement.bias
    return bias.value - bias.error, bias.value + bias.error


def _plot_factor(table: QTable, factor: str, quantity: str, axes: Axes) -> Axes:
    """Draw ``bias``, dex/kpc, or ``inside``, a fraction, of every estimator by one property."""
    estimators = [name for name in TITLES if name in set(table["estimator"].tolist())]
    for shift, estimator in enumerate(estimators):
        judged = judged_by(table[table["estimator"] == estimator], factor)
        value = np.array([getattr(judgement, quantity).value for _, judgement in judged])
        low, high = np.array([_ends(judgement, quantity) for _, judgement in judged]).T
        place = np.arange(len(judged)) + 0.1 * (shift - 1.5)
        axes.errorbar(
            place, value, np.abs([value - low, high - value]), fmt="o",
            markersize=5.0, color=COLOURS[estimator], label=TITLES[estimator],
        )  # fmt: skip
        labels = [label.replace(" to ", "\nto ") for label, _ in judged]
        axes.set_xticks(range(len(judged)), labels, fontsize=9)
    axes.axhline(0.0 if quantity == "bias" else 0.68, color="0.5", linewidth=0.8)
    axes.tick_params(axis="x", length=0.0)
    return axes
