"""The figure of a recovery: what was measured against what was put in."""

from itertools import cycle

import numpy as np
from astropy.table import QTable
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.recovery.summary import MOST_GROUPS
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.plots.parts import PALE_COLOUR, SERIES_COLOURS, TRUTH_COLOUR

ESTIMATOR_TITLE = {
    "slope": "slope of the annuli",
    "slope_fgrad": "slope $\\times$ f$_\\nabla$",
    "forward": "forward model of the fluxes",
}
MARKERS = ("o", "s", "^", "D", "v", "P")
_WIDTH_OF_GROUP = 0.8
_FARTHEST_BEYOND = 1.5
"""Of the range of truths: gradients and errors beyond it leave the panels."""


def plot_estimator(table: QTable, estimator: str, axes: Axes) -> Axes:
    """Draw recovered against true gradient for one estimator.

    The galaxies of one true gradient stand side by side, so that none covers another: colours
    are effective radii, symbols inclinations. Bars mark the truth. Mocks without a gradient
    stand as crosses on the lower edge.

    Parameters
    ----------
    table : QTable
        From :func:`experiments.recovery.recover.recovery_table`.
    estimator : str
        Which rows.
    axes : Axes
        Axes to draw into.
    """
    truth = np.unique(table["gradient_true"].value)
    kinds = _kinds(table)
    for place, (radius, inclination) in enumerate(kinds):
        chosen = table[
            (table["estimator"] == estimator)
            & (table["effective_radius_arcsec"].value == radius)
            & (table["inclination_deg"].value == inclination)
        ]
        shift = (place - 0.5 * (len(kinds) - 1)) * _WIDTH_OF_GROUP / len(kinds)
        x = np.searchsorted(truth, chosen["gradient_true"].value) + shift
        _draw(chosen, x, _colours(table)[radius], _markers(table)[inclination], axes)
    group = np.arange(truth.size)
    half = 0.5 * _WIDTH_OF_GROUP
    axes.hlines(truth, group - half, group + half, color=TRUTH_COLOUR, linewidth=2.0, zorder=0)
    axes.axhline(0.0, color=PALE_COLOUR, linestyle=":", linewidth=1.0, zorder=-1)
    axes.set_xticks(group, [f"{value:g}".replace("-", "\u2212") for value in truth])
    axes.tick_params(axis="x", which="both", length=0)
    axes.set(
        xlim=(-0.5, truth.size - 0.5),
        xlabel="true gradient (dex kpc$^{-1}$)",
        title=ESTIMATOR_TITLE[estimator],
    )
    return axes


def _kinds(table: QTable) -> list[tuple[float, float]]:
    """Return the effective radii and inclinations that occur, in order."""
    pairs = zip(table["effective_radius_arcsec"].value, table["inclination_deg"].value, strict=True)
    return sorted({(float(radius), float(inclination)) for radius, inclination in pairs})


def _colours(table: QTable) -> dict[float, str]:
    radii = np.unique(table["effective_radius_arcsec"].value)
    return dict(zip(radii.tolist(), cycle(SERIES_COLOURS)))


def _markers(table: QTable) -> dict[float, str]:
    inclinations = np.unique(table["inclination_deg"].value)
    return dict(zip(inclinations.tolist(), cycle(MARKERS)))


def _draw(rows: QTable, x: Array, colour: str, marker: str, axes: Axes) -> None:
    y, error = rows["gradient"].value, rows["gradient_err"].value
    known = np.isfinite(y)
    axes.errorbar(x[known], y[known], error[known], fmt=marker, color=colour, markersize=7,
                  capsize=2, elinewidth=1.2, markeredgecolor="white")  # fmt: skip
    if not known.all():
        lower_edge = np.full((~known).sum(), 0.02)
        axes.plot(x[~known], lower_edge, "x", color=colour, transform=axes.get_xaxis_transform())


def _legend(table: QTable, figure: Figure) -> None:
    """Explain colours and symbols below the panels, where no data are."""

    def mark(marker: str, colour: str, label: str) -> Line2D:
        return Line2D([], [], marker=marker, color=colour, linestyle="", markersize=7, label=label)

    handles = [mark("o", c, f'R$_e$ = {radius:g}"') for radius, c in _colours(table).items()]
    handles += [mark(m, TRUTH_COLOUR, f"i = {i:g}°") for i, m in _markers(table).items()]
    handles.append(Line2D([], [], color=TRUTH_COLOUR, linewidth=2.0, label="truth"))
    if not np.isfinite(table["gradient"].value).all():
        handles.append(mark("x", TRUTH_COLOUR, "no gradient"))
    figure.legend(handles=handles, loc="outside lower center", ncols=7, frameon=False, fontsize=13)


def plot_every_mock(table: QTable, estimator: str, axes: Axes) -> Axes:
    """Draw recovered against true gradient where every mock has a truth of its own.

    Colours are effective radii; the line is the truth. Mocks without a gradient stand as crosses
    on the lower edge.

    Parameters
    ----------
    table : QTable
        From :func:`experiments.recovery.recover.recovery_table`.
    estimator : str
        Which rows.
    axes : Axes
        Axes to draw into.
    """
    chosen = table[table["estimator"] == estimator]
    truth, gradient = chosen["gradient_true"].value, chosen["gradient"].value
    known = np.isfinite(gradient)
    radii = table["effective_radius_arcsec"].value
    axes.errorbar(truth[known], gradient[known], chosen["gradient_err"].value[known], fmt="none",
                  ecolor=PALE_COLOUR, elinewidth=0.8, zorder=1)  # fmt: skip
    axes.scatter(truth[known], gradient[known], c=radii[table["estimator"] == estimator][known],
                 vmin=radii.min(), vmax=radii.max(), cmap="viridis", s=22, zorder=2)  # fmt: skip
    if not known.all():
        axes.plot(truth[~known], np.full((~known).sum(), 0.02), "x", color=TRUTH_COLOUR,
                  transform=axes.get_xaxis_transform(), label="no gradient")  # fmt: skip
        axes.legend(loc="upper left")
    ends = np.array([truth.min(), truth.max()])
    axes.plot(ends, ends, color=TRUTH_COLOUR, linewidth=2.0, zorder=0)
    axes.set(xlabel="true gradient (dex kpc$^{-1}$)", title=ESTIMATOR_TITLE[estimator])
    return axes


def recovery_figure(table: QTable, diagnostic: str = "n2") -> Figure:
    """Draw every estimator side by side, on the same axes.

    Parameters
    ----------
    table : QTable
        From :func:`experiments.recovery.recover.recovery_table`.
    diagnostic : str
        Which rows.

    Returns
    -------
    Figure
    """
    table = table[table["diagnostic"] == diagnostic]
    few = np.unique(table["gradient_true"].value).size <= MOST_GROUPS and len(_kinds(table)) <= 12
    figure = Figure(figsize=(16.0, 6.2), layout="constrained")
    with rc_context({"font.size": 13.0}):
        panels = figure.subplots(1, len(ESTIMATOR_TITLE), sharex=True, sharey=True)
        for estimator, axes in zip(ESTIMATOR_TITLE, panels, strict=True):
            (plot_estimator if few else plot_every_mock)(table, estimator, axes)
        panels[0].set_ylabel("recovered gradient (dex kpc$^{-1}$)")
        panels[0].set_ylim(*_limits(table))
        if few:
            _legend(table, figure)
        else:
            figure.colorbar(panels[-1].collections[-1], ax=panels, label="R$_e$ (arcsec)")
    figure.suptitle(_title(table, diagnostic), fontsize=15)
    return figure


def _title(table: QTable, diagnostic: str) -> str:
    seeing = np.unique(table["seeing_fwhm_arcsec"].value)
    seeing_text = "\u2013".join(f"{value:.2g}" for value in dict.fromkeys(seeing[[0, -1]]))
    n_mocks = len(set(zip(table["galaxy"], table["realisation"], strict=True)))
    snr = float(np.median(table["snr_halpha"]))
    return (
        f'{n_mocks} simulated KMOS galaxies, {diagnostic.upper()}, seeing {seeing_text}", '
        f"median H$\\alpha$ S/N {snr:.0f}"
    )


def _limits(table: QTable) -> tuple[float, float]:
    """Show all truths and all points whole, but for bars far beyond any truth."""
    truth = table["gradient_true"].value
    shown = table[np.isin(table["estimator"], list(ESTIMATOR_TITLE))]
    gradient, error = shown["gradient"].value, np.nan_to_num(shown["gradient_err"].value)
    beyond = _FARTHEST_BEYOND * max(float(np.ptp(truth)), 0.04)
    low = np.min(gradient - error, where=np.isfinite(gradient), initial=truth.min())
    high = np.max(gradient + error, where=np.isfinite(gradient), initial=truth.max())
    low, high = max(low, truth.min() - beyond), min(high, truth.max() + beyond)
    margin = 0.08 * max(high - low, 0.02)
    return float(low - margin), float(high + margin)
