"""Radial profiles of many galaxies on one page, as in Fig. 6 of Li et al. (2025)."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kurvs_pipeline.lines import DETECTION_SNR
from kurvs_pipeline.measured_galaxy import MeasuredGalaxy
from kurvs_pipeline.plots.parts import DATA_COLOUR, NOTE_POINTS, PAGE_WIDTH_INCHES, TEXT_POINTS
from kurvs_pipeline.plots.profile import (
    SHOWN_DIAGNOSTICS,
    TrueProfile,
    common_abundance_range,
    marks_of,
    outermost_kpc,
    plot_radial_profile,
)

MOST_COLUMNS = 5

_LEAST_ROW_INCHES = 1.35
_FLATTEST_PANEL = 0.7
_LEAST_WIDTH_INCHES = 0.5 * PAGE_WIDTH_INCHES
_KEY_INCHES = (1.65, 0.15)
_MARGIN_INCHES = 0.75
_DESCRIPTION = {
    "n2": "N2 (Bian+18, survey)",
    "r23": "R23 (Maiolino+08)",
    "n2o2": "N2O2 (Kewley+19)",
    "o3n2": "O3N2 (Bian+18, survey)",
    "n2s2": "N2S2 (Dopita+16)",
}


def profiles_figure(
    galaxies: Sequence[MeasuredGalaxy],
    *,
    diagnostics: Sequence[str] = SHOWN_DIAGNOSTICS,
    truths: Mapping[str, TrueProfile] | None = None,
) -> Figure:
    """Draw the profiles of many galaxies in a grid of panels with the same axes.

    Parameters
    ----------
    galaxies : sequence of MeasuredGalaxy
        At least one, in the order drawn.
    diagnostics : sequence of str
        Up to four; those that no galaxy has are left out.
    truths : mapping of str to TrueProfile, optional
        By name of the galaxy: the profiles of mocks.

    Returns
    -------
    Figure
    """
    everything, known = list(galaxies), truths or {}
    measured = {str(name) for results in everything for name in results.gradients["diagnostic"]}
    drawn = [name for name in diagnostics if name in measured]
    key = profile_key(drawn, with_truth=bool(known))
    figure, grid = _page(len(everything), key)
    abundance_range = common_abundance_range(everything, drawn)
    for results, axes in zip(everything, grid, strict=True):
        plot_radial_profile(
            results, axes, diagnostics=drawn, truth=known.get(results.metadata.name),
            abundance_range=abundance_range,
        )  # fmt: skip
        axes.set_title(results.metadata.name, fontsize=TEXT_POINTS, weight="bold", pad=3.0)
        axes.set(xlabel="", ylabel="")
    grid[0].set_xlim(0.0, outermost_kpc(everything))
    return figure


def _page(number: int, key: list[Line2D]) -> tuple[Figure, list[Axes]]:
    """Return a page with its legend and labels, and a panel for each galaxy."""
    n_columns = min(MOST_COLUMNS, number)
    n_rows = -(-number // n_columns)
    width = max(PAGE_WIDTH_INCHES * n_columns / MOST_COLUMNS, _LEAST_WIDTH_INCHES)
    row_inches = max(_LEAST_ROW_INCHES, _FLATTEST_PANEL * width / n_columns)
    key_columns = int(width // _KEY_INCHES[0])
    key_inches = _KEY_INCHES[1] * (-(-len(key) // key_columns) + 1)
    height = row_inches * n_rows + key_inches + _MARGIN_INCHES
    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    for index, axes in enumerate(grid):
        axes.tick_params(labelleft=index % n_columns == 0, labelbottom=index + n_columns >= number)
        if index >= number:
            axes.set_axis_off()
    figure.supxlabel("radius (kpc)", fontsize=TEXT_POINTS)
    figure.supylabel("12 + log(O/H)", fontsize=TEXT_POINTS)
    figure.legend(
        handles=key, loc="outside upper center", ncols=key_columns, fontsize=NOTE_POINTS,
        frameon=False, handlelength=1.8, columnspacing=1.4,
    )  # fmt: skip
    return figure, list(grid[:number])


def profile_key(diagnostics: Sequence[str], *, with_truth: bool) -> list[Line2D]:
    """Return what explains a figure of profiles, with some truth or without, for its legend."""
    symbols = [
        Line2D([], [], linestyle="", marker=mark.marker, color=mark.colour, markersize=4.5,
               label=_DESCRIPTION.get(name, name))
        for name, mark in marks_of(diagnostics).items()
    ]  # fmt: skip
    lines = [
        Line2D([], [], linestyle="-", label="slope as fitted"),
        Line2D([], [], linestyle="--", label="corrected for seeing,\nshaded 68% (forward)"),
    ]
    if with_truth:
        lines.append(Line2D([], [], linestyle=":", label="truth"))
    for line in lines:
        line.set(color=DATA_COLOUR, linewidth=0.9)
    return [
        *symbols,
        Line2D([], [], linestyle="", marker=r"$\downarrow$", color=DATA_COLOUR, markersize=6.0,
               label=rf"{DETECTION_SNR:g} $\sigma$ limit"),
        Line2D([], [], linestyle="", marker="D", color=DATA_COLOUR, markerfacecolor="white",
               markersize=4.0, label="side excluded by [N II]"),
        *lines,
        Line2D([], [], linestyle="", label="numbers: dex/kpc,\ncorrected (* as fitted)"),
        Line2D([], [], linestyle="", label="faded, in brackets: flagged,\nsee gradients.ecsv"),
    ]  # fmt: skip
