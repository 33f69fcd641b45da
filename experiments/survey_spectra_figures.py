"""Figs A1 to A4 of Li et al. (2025), of a twin: the integrated spectra of all galaxies."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from experiments.observed_twin import ObservedGalaxy, ObservedTwin
from kurvs_pipeline.figure_parts import NOTE_POINTS, PAGE_WIDTH_INCHES, TEXT_POINTS
from kurvs_pipeline.spectra_plot import plot_spectrum
from kurvs_pipeline.spectral_panels import spectral_panels

BANDS = ("IZ", "YJ", "H")
TITLE = {"IZ": "IZ: [O II]", "YJ": "YJ: H$\\beta$, [O III]", "H": "H: H$\\alpha$, [N II], [S II]"}
GALAXIES_A_PAGE = 11
ROW_INCHES = 0.95


def spectra_pages(twin: ObservedTwin) -> list[Figure]:
    """Return a page for every eleven galaxies.

    Rows are galaxies, columns bands; each panel has the spectrum without continuum and rotation
    in 1.5 effective radii, its noise and, with a line above 4 sigma, the fit.

    Parameters
    ----------
    twin : ObservedTwin
        As it was measured.
    """
    galaxies = twin.galaxies
    starts = range(0, len(galaxies), GALAXIES_A_PAGE)
    return [_page(galaxies[start : start + GALAXIES_A_PAGE]) for start in starts]


def _page(galaxies: Sequence[ObservedGalaxy]) -> Figure:
    figure = Figure(
        figsize=(PAGE_WIDTH_INCHES, ROW_INCHES * len(galaxies) + 0.6), layout="constrained"
    )
    grid = figure.subplots(len(galaxies), len(BANDS), squeeze=False, width_ratios=(1.0, 1.6, 1.6))
    for row, galaxy in zip(grid, galaxies, strict=True):
        # Of two groups of lines in a band, as in IZ of the nearest galaxies, the bluer one.
        panels = {panel.band: panel for panel in reversed(spectral_panels(galaxy.results))}
        for axes, band in zip(row, BANDS, strict=True):
            if band in panels:
                plot_spectrum(galaxy.results, panels[band], "integrated", axes)
            else:
                axes.set_axis_off()
            axes.tick_params(labelsize=NOTE_POINTS - 1.0)
        row[0].set_ylabel(str(galaxy.kurvs_id), rotation=0, labelpad=10, fontsize=TEXT_POINTS)
    for axes, band in zip(grid[0], BANDS, strict=True):
        axes.set_title(TITLE[band], fontsize=TEXT_POINTS)
    figure.supxlabel("rest wavelength (µm, vacuum)", fontsize=TEXT_POINTS)
    figure.supylabel("flux density (10$^{-16}$ erg s$^{-1}$ cm$^{-2}$ µm$^{-1}$)",
                     fontsize=TEXT_POINTS)  # fmt: skip
    return figure
