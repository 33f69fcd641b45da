"""The figure of a recovery: what was measured against what was put in."""

import numpy as np
from astropy.table import QTable
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

ESTIMATOR_TITLE = {
    "slope": "slope of the annuli",
    "slope_fgrad": "slope $\\times$ f$_\\nabla$ (beam-smearing correction)",
}
# Okabe & Ito (2008): distinguishable with any colour vision.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
MARKERS = ("o", "s", "^", "D", "v", "P")


def plot_estimator(table: QTable, estimator: str, axes: Axes) -> Axes:
    """Draw recovered against true gradient for one estimator.

    Colours are effective radii, symbols inclinations; points of one true gradient are spread
    sideways by effective radius. Bars mark the truth. Mocks without a gradient stand as
    crosses on the lower edge.

    Parameters
    ----------
    table : QTable
        From :func:`experiments.recovery.recover`.
    estimator : str
        Which rows.
    axes : Axes
        To draw on.
    """
    rows = table[table["estimator"] == estimator]
    radii = np.unique(rows["effective_radius_arcsec"].value)
    inclinations = np.unique(rows["inclination_deg"].value)
    offset = _spread(table, len(radii))
    for i, radius in enumerate(radii):
        for j, inclination in enumerate(inclinations):
            chosen = rows[
                (rows["effective_radius_arcsec"].value == radius)
                & (rows["inclination_deg"].value == inclination)
            ]
            shift = (i - 0.5 * (len(radii) - 1)) * offset
            _draw(chosen, shift, COLOURS[i % len(COLOURS)], MARKERS[j % len(MARKERS)], axes)
    # A bar a truth, as wide as its points are spread: a diagonal would misplace them.
    truth = np.unique(rows["gradient_true"].value)
    half = 0.6 * offset * len(radii)
    axes.hlines(truth, truth - half, truth + half, color="#555555", linewidth=2.0, zorder=0)
    axes.axhline(0.0, color="#BBBBBB", linestyle=":", linewidth=1.0, zorder=0)
    axes.set(xlabel="true gradient (dex kpc$^{-1}$)", title=ESTIMATOR_TITLE[estimator])
    return axes


def _spread(table: QTable, n_radii: int) -> float:
    truth = np.unique(table["gradient_true"].value)
    spacing = float(np.min(np.diff(truth))) if truth.size > 1 else 0.02
    return 0.5 * spacing / max(n_radii, 1)


def _draw(rows: QTable, shift: float, colour: str, marker: str, axes: Axes) -> None:
    x = rows["gradient_true"].value + shift
    y, error = rows["gradient"].value, rows["gradient_err"].value
    known = np.isfinite(y)
    axes.errorbar(x[known], y[known], error[known], fmt=marker, color=colour, markersize=7,
                  capsize=2, elinewidth=1.0, markeredgecolor="white", alpha=0.9)  # fmt: skip
    if not known.all():
        lower_edge = np.full((~known).sum(), 0.02)
        axes.plot(x[~known], lower_edge, "x", color=colour, transform=axes.get_xaxis_transform())


def _legend(table: QTable, axes: Axes) -> None:
    radii = np.unique(table["effective_radius_arcsec"].value)
    inclinations = np.unique(table["inclination_deg"].value)
    for i, radius in enumerate(radii):
        axes.plot([], [], "o", color=COLOURS[i % len(COLOURS)], label=f'R$_e$ = {radius:g}"')
    for j, inclination in enumerate(inclinations):
        axes.plot([], [], MARKERS[j % len(MARKERS)], color="#555555", label=f"i = {inclination:g}°")
    axes.plot([], [], color="#555555", linewidth=2.0, label="truth")
    axes.legend(loc="upper left", frameon=False, fontsize=11)


def recovery_figure(table: QTable) -> Figure:
    """Draw every estimator side by side, on the same axes.

    Parameters
    ----------
    table : QTable
        From :func:`experiments.recovery.recover`.

    Returns
    -------
    Figure
    """
    figure = Figure(figsize=(12.0, 6.2), layout="constrained")
    with rc_context({"font.size": 13.0}):
        left, right = figure.subplots(1, 2, sharex=True, sharey=True)
        for estimator, axes in zip(ESTIMATOR_TITLE, (left, right), strict=True):
            plot_estimator(table, estimator, axes)
        left.set_ylabel("recovered gradient (dex kpc$^{-1}$)")
        left.set_ylim(*_limits(table))
        _legend(table, right)
    seeing = float(table["seeing_fwhm_arcsec"].value[0])
    snr = float(np.median(table["snr_halpha"]))
    figure.suptitle(
        f'{len(table) // 2} simulated KMOS galaxies, N2, seeing {seeing:g}", '
        f"median H$\\alpha$ S/N {snr:.0f}",
        fontsize=15,
    )
    return figure


def _limits(table: QTable) -> tuple[float, float]:
    """Show all truths and, with their errors, all but the wildest points."""
    truth = table["gradient_true"].value
    known = table[np.isfinite(table["gradient"].value)]
    gradient, error = known["gradient"].value, known["gradient_err"].value
    low, high = truth.min(), truth.max()
    if len(known) > 0:
        low = min(low, np.percentile(gradient - error, 2, method="lower"))
        high = max(high, np.percentile(gradient + error, 98, method="higher"))
    margin = 0.08 * max(high - low, 0.02)
    return float(low - margin), float(high + margin)
