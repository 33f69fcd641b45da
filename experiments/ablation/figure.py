"""The figure of the ablation: the bias and scatter of gradients that each effect adds."""

import numpy as np
from astropy.table import QTable
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.statistics.estimator_figure import COLOURS, TITLES

MARKERS = {"alone": "o", "within": "s"}
LEGEND = {"alone": "on alone", "within": "among all others"}


def ablation_figure(table: QTable) -> Figure:
    """Draw the bias and the scatter that every effect adds, by estimator.

    Left: median change of the gradients of the same mocks when the effect is switched on; its
    error is drawn where it is larger than the symbol. Right: robust scatter of these changes.
    Circles: with nothing else on but what the effect needs. Squares: with all others on.
    """
    n_effects = len(set(table["effect"].tolist()))
    figure = Figure(figsize=(13.0, 2.0 + 0.36 * n_effects), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _plot_changes(table, "bias", left)
    _plot_changes(table, "scatter", right)
    left.set_xlabel("bias that it adds (dex kpc$^{-1}$)")
    right.set_xlabel("scatter that it adds (dex kpc$^{-1}$)")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)
    return figure


def _plot_changes(table: QTable, column: str, axes: Axes) -> Axes:
    """Draw one quantity with one row per effect."""
    effects = list(dict.fromkeys(table["effect"].tolist()))
    labels = dict(zip(table["effect"], table["label"], strict=True))
    for shift, estimator in enumerate(dict.fromkeys(table["estimator"].tolist())):
        rows = table[table["estimator"] == estimator]
        place = np.array([effects.index(name) for name in rows["effect"]])
        for prefix, marker in MARKERS.items():
            offset = 0.24 * (shift - 1) + (0.08 if prefix == "within" else -0.04)
            errors = rows[f"{prefix}_bias_err"].value if column == "bias" else None
            axes.errorbar(
                rows[f"{prefix}_{column}"].value, place + offset, xerr=errors, fmt=marker,
                markersize=5.0, color=COLOURS[estimator], linestyle="none",
                markerfacecolor="white" if prefix == "within" else COLOURS[estimator],
                label=f"{TITLES[estimator]}, {LEGEND[prefix]}",
            )  # fmt: skip
    for border in np.arange(0.5, len(effects) - 0.5):
        axes.axhline(border, color="0.9", linewidth=0.6, zorder=0)
    axes.axvline(0.0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(effects)), [labels[name] for name in effects])
    axes.set_ylim(len(effects) - 0.5, -0.5)
    axes.locator_params(axis="x", nbins=5)
    axes.tick_params(axis="y", length=0.0)
    return axes
