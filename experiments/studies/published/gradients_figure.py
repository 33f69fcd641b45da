"""Figure of the published gradients, rebuilt and measured by every estimator."""

import matplotlib.pyplot as plt
import numpy as np
from astropy.table import QTable
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kurvs_pipeline.plots.parts import BLUE, DATA_COLOUR, FIT_COLOUR, MUTED_COLOUR

LARGEST_DRAWN = 0.25
"""dex/kpc: estimates beyond stand at the edge of the panel."""


def draw_gradients(factors: QTable, gradients: QTable) -> Figure:
    """Draw the factors behind Table 1, and the gradients of all galaxies by three estimators."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(13.0, 5.2), layout="constrained", width_ratios=(1.0, 2.1)
    )
    _draw_factors(left, factors)
    _draw_estimates(right, gradients)
    return figure


def _draw_factors(axes: Axes, factors: QTable) -> None:
    found = np.asarray(factors["factor"])
    low, high = np.asarray(factors["factor_low"]), np.asarray(factors["factor_high"])
    errors = np.abs([found - low, high - found])
    for name, colour, label in (
        ("curves_cos2", MUTED_COLOUR, r"$(b/a)^2$ from $\cos^2 i$"),
        ("curves_cos", FIT_COLOUR, r"$(b/a)^2$ from $\cos i$"),
    ):
        axes.errorbar(
            np.asarray(factors[name]), found, errors, fmt="o", markersize=4, color=colour,
            elinewidth=0.8, label=label,
        )  # fmt: skip
    ends = np.array([0.9, 9.0])
    axes.plot(ends, ends, color=DATA_COLOUR, linewidth=0.8, zorder=0)
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
    ticks = [1, 2, 3, 5, 8]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(ticks, [str(tick) for tick in ticks])
        axis.set_ticks([], minor=True)
    axes.set_xlabel("factor of the curves of Gillman et al. (2021)")
    axes.set_ylabel("gradient in Table 1 / slope through the annuli")
    axes.legend(loc="upper left", frameon=False, title="axis ratio of the curves")


def _draw_estimates(axes: Axes, gradients: QTable) -> None:
    order = np.argsort([_rank(row) for row in gradients])
    rows = gradients[order]
    place = np.arange(len(rows))
    unit = rows["published"].unit
    for name, shift, colour, label in (
        ("published", -0.22, MUTED_COLOUR, "Table 1"),
        ("slope_fgrad", 0.0, FIT_COLOUR, "slope_fgrad"),
    ):
        value, error = rows[name].to_value(unit), np.abs(rows[f"{name}_err"].to_value(unit))
        axes.errorbar(place + shift, value, error, fmt="o", markersize=3.5, color=colour,
                      elinewidth=0.9, label=label)  # fmt: skip
    value = rows["forward"].to_value(unit)
    ends = np.abs([value - rows["forward_low"].to_value(unit),
                   rows["forward_high"].to_value(unit) - value])  # fmt: skip
    axes.errorbar(place + 0.22, value, ends, fmt="s", markersize=3.5, color=BLUE, elinewidth=0.9,
                  label="forward")  # fmt: skip
    axes.axhline(0.0, color=DATA_COLOUR, linewidth=0.8, zorder=0)
    axes.set_xticks(place, [str(number) for number in rows["kurvs_id"]], fontsize=8)
    axes.set(ylim=(-LARGEST_DRAWN, LARGEST_DRAWN), xlim=(-0.8, len(rows) - 0.2))
    axes.set_xlabel(
        "KURVS number, in the order of the published gradient; without one at the right"
    )
    axes.set_ylabel("metallicity gradient (dex/kpc)")
    axes.legend(loc="upper left", ncols=3, frameon=False)


def _rank(row: QTable.Row) -> float:
    """Return the published gradient, or more than any for galaxies without one."""
    value = float(row["published"].value)
    return value if np.isfinite(value) else 1.0 + float(row["kurvs_id"])
