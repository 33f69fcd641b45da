"""Co-added spectra of annuli with their fits on one page, as in Fig. 5 of Li et al. (2025)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from kurvs_pipeline.lines import DETECTION_SNR, REST_WAVELENGTH_UM
from kurvs_pipeline.measured_galaxy import MeasuredGalaxy
from kurvs_pipeline.plots.maps import plot_halpha_map
from kurvs_pipeline.plots.parts import (
    DATA_COLOUR,
    FIT_COLOUR,
    LEFT_OUT_COLOUR,
    MUTED_COLOUR,
    NOISE_COLOUR,
    NOTE_POINTS,
    PAGE_WIDTH_INCHES,
    REST_WAVELENGTH_LABEL,
    TEXT_POINTS,
    flux_density_label,
    unit_label,
)
from kurvs_pipeline.plots.spectrum import DOUBTFUL, SpectralPanel, plot_spectrum, spectral_panels

WIDTH_EXPONENT = 0.35
"""Panels are as wide as this power of their range: room for numbers beside a single line."""

ROW_INCHES = 1.2

_LEAST_HEIGHT_INCHES = 3.3
_MAP_INCHES = 1.9


def spectra_figure(galaxy: MeasuredGalaxy) -> Figure:
    """Draw the annuli on the H-alpha map, and beside it their spectra, as in the paper's Fig. 5.

    Parameters
    ----------
    galaxy : MeasuredGalaxy
        What was measured.

    Returns
    -------
    Figure
        Rows are annuli outwards, columns bands.
    """
    height = max(ROW_INCHES * len(galaxy.annuli) + 0.7, _LEAST_HEIGHT_INCHES)
    figure = Figure(figsize=(PAGE_WIDTH_INCHES, height), layout="constrained")
    widths = (_MAP_INCHES, PAGE_WIDTH_INCHES - _MAP_INCHES)
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=widths).ravel()
    _draw_map(galaxy, left)
    draw_spectra(galaxy, right, [annulus.name for annulus in galaxy.annuli])
    return figure


def _draw_map(results: MeasuredGalaxy, figure: SubFigure) -> None:
    height = figure.bbox.height / figure.dpi
    above, below = figure.subplots(
        2, 1, height_ratios=(_MAP_INCHES + 0.4, max(height - _MAP_INCHES - 0.4, 0.9))
    )
    plot_halpha_map(results, above)
    below.set_axis_off()
    below.legend(handles=spectra_key(results), loc="upper left", fontsize=NOTE_POINTS,
                 frameon=False, borderaxespad=0.0, handlelength=1.4,
                 labelspacing=0.35)  # fmt: skip


def spectra_key(results: MeasuredGalaxy) -> list[Line2D | Patch]:
    """Return what explains spectra and the map beside them, for a legend."""
    limit = rf"or < its {DETECTION_SNR:g} $\sigma$ limit in"
    unit = unit_label(results.fluxes["flux"].unit)
    names = {(str(row["aperture"]), str(row["line"])) for row in results.fluxes}
    cut = any(results.is_doubtful(*name) for name in names)
    doubtful = [f"{DOUBTFUL} cut, or doublet not 3:1"] if cut else []
    return [
        Line2D([], [], color=DATA_COLOUR, linewidth=0.9, label="data"),
        Line2D([], [], color=FIT_COLOUR, linewidth=1.2, label=f"fit, S/N > {DETECTION_SNR:g}"),
        Line2D([], [], color=FIT_COLOUR, linewidth=1.2, linestyle=":",
               label=f"fit, S/N < {DETECTION_SNR:g}"),
        Patch(color=NOISE_COLOUR, label=r"noise, $\pm 1 \sigma$"),
        Patch(color=LEFT_OUT_COLOUR, label="left out"),
        Line2D([], [], color=FIT_COLOUR, linestyle="--", linewidth=1.0, label="integrated (map)"),
        Line2D([], [], marker="o", linestyle="", markerfacecolor="white",
               markeredgecolor=MUTED_COLOUR, label="seeing (map)"),
        *(Line2D([], [], linestyle="", label=text)
          for text in ("numbers: S/N of each line,", limit, unit, *doubtful)),
    ]  # fmt: skip


def draw_spectra(results: MeasuredGalaxy, figure: SubFigure, apertures: Sequence[str]) -> None:
    """Draw spectra in a grid: a row an aperture, a column a group of lines."""
    panels = spectral_panels(results)
    widths = [(panel.range_um[1] - panel.range_um[0]) ** WIDTH_EXPONENT for panel in panels]
    grid = figure.subplots(
        len(apertures), len(panels), sharex="col", squeeze=False, width_ratios=widths
    )
    for row, name in zip(grid, apertures, strict=True):
        for panel, axes in zip(panels, row, strict=True):
            plot_spectrum(results, panel, name, axes)
        row[0].set_ylabel(_row_label(results, name), fontsize=TEXT_POINTS)
    for panel, axes in zip(panels, grid[0], strict=True):
        _name_lines(panel, axes)
        axes.set_title(panel.band, fontsize=TEXT_POINTS, weight="bold", pad=13.0)
    units = {results.spectra[panel.band].units for panel in panels}
    figure.supxlabel(REST_WAVELENGTH_LABEL, fontsize=TEXT_POINTS)
    figure.supylabel(flux_density_label(*sorted(units)), fontsize=TEXT_POINTS)


def _row_label(results: MeasuredGalaxy, name: str) -> str:
    aperture = next(a for a in results.apertures if a.name == name)
    edges = f"{aperture.inner_arcsec:.3g}\N{EN DASH}{aperture.outer_arcsec:.3g}\N{DOUBLE PRIME}"
    return f"{name}  {edges}" if len(name) == 1 else f"{name}\n{edges}"


def _name_lines(panel: SpectralPanel, axes: Axes) -> None:
    for text, names in panel.headings:
        middle = float(np.mean([REST_WAVELENGTH_UM[name] for name in names]))
        axes.annotate(
            text, (middle, 1.0), xycoords=("data", "axes fraction"), xytext=(0.0, 2.5),
            textcoords="offset points", ha="center", va="bottom", fontsize=NOTE_POINTS,
        )  # fmt: skip
