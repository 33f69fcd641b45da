"""The figures of Li et al. (2025) that show gradients, of a twin: 7 to 9, C1 and C2.

Filled circles are the twin, with the detections and errors of the survey's own procedure; open
diamonds are the survey's gradients. Triangles at an edge are gradients beyond it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.survey.integrated_figures import (
    draw_survey,
    draw_twin,
    explain,
    mark_beyond,
)
from experiments.survey.observed import ObservedGalaxy, ObservedTwin
from experiments.survey.points import PublishedPoints
from experiments.survey.statistics import SurveyTable, drawn_pearson
from kurvs_pipeline.observation import FLUX_DENSITY_UNIT
from kurvs_pipeline.plots.parts import (
    MUTED_COLOUR,
    NOTE_POINTS,
    PAGE_WIDTH_INCHES,
    RANGE_COLOUR,
    REST_WAVELENGTH_LABEL,
    SURVEY_COLOUR,
    SURVEY_ERROR_COLOUR,
    TEXT_POINTS,
    TWIN_COLOUR,
    TWIN_ERROR_COLOUR,
    flux_density_label,
)
from kurvs_pipeline.plots.spectrum import plot_spectrum, spectral_panels

RANGE = (-0.22, 0.22)
UNIT = "(dex kpc$^{-1}$)"
OBSERVED_GRADIENTS = {
    "YuanMGz": "Yuan+11", "SwinbankMGz": "Swinbank+12", "QueyrelMGz": "Queyrel+12",
    "LeethochawalitMGz": "Leethochawalit+16", "CurtiMGz": "Curti+20", "Wang17MGz": "Wang+17",
    "Wang19MGz": "Wang+19",
}  # fmt: skip
MODELLED_GRADIENTS = {
    "MUGSMGz": "MUGS", "MottMGz": "Mott+13", "BellardiniMGz": "Bellardini+22", "SunMGz": "Sun+24",
    "AcharyyaMGz": "Acharyya+25",
}  # fmt: skip


def twin_table(twin: ObservedTwin, scheme: str = "3x0.5") -> SurveyTable:
    """Return the gradients of a twin as the survey would report them.

    Parameters
    ----------
    twin : ObservedTwin
        As it was measured.
    scheme : str
        Annuli, number times width in arcsec.
    """
    return SurveyTable.of_twin(twin.numbers.sel(definition="published", scheme=scheme))


def _cross(axes: Axes, x: str, y: str) -> None:
    axes.axline((0.0, 0.0), slope=1.0, color=MUTED_COLOUR, linestyle="--", linewidth=1.0)
    for draw in (axes.axhline, axes.axvline):
        draw(0.0, color=MUTED_COLOUR, linestyle=":", linewidth=1.0)
    axes.set(xlim=RANGE, ylim=RANGE, xlabel=f"gradient {x} {UNIT}", ylabel=f"gradient {y} {UNIT}")


@dataclass(frozen=True)
class GradientFigures:
    """The figures that show gradients.

    Parameters
    ----------
    twin : ObservedTwin
        The twin, as it was measured.
    published : PublishedPoints
        What the survey and other papers found.
    """

    twin: ObservedTwin
    published: PublishedPoints

    def diagnostics(self) -> Figure:
        """Draw Fig. 7: gradients by N2O2 against those by N2, and how both are distributed."""
        twin, published = self.twin, self.published
        figure, grid = plt.subplots(
            2,
            2,
            figsize=(7.5, 7.5),
            layout="constrained",
            width_ratios=(4, 1),
            height_ratios=(1, 4),
        )
        axes, bins = grid[1, 0], np.linspace(*RANGE, 23)
        ends = np.array(RANGE)
        _cross(axes, "by N2", "by N2O2")
        axes.fill_between(ends, ends - 0.05, ends + 0.05, color=RANGE_COLOUR, linewidth=0.0)
        for table, draw, colour in (
            (published.table_1, draw_survey, SURVEY_COLOUR),
            (twin_table(twin), draw_twin, TWIN_COLOUR),
        ):  # fmt: skip
            n2, n2o2 = table.gradient["n2"], table.gradient["n2o2"]
            errors = table.gradient_err["n2o2"], table.gradient_err["n2"]
            draw(axes, n2, n2o2, *errors)
            for panel, values, orientation in (
                (grid[0, 0], n2, "vertical"), (grid[1, 1], n2o2, "horizontal")
            ):  # fmt: skip
                inside = np.clip(values[np.isfinite(values)], *RANGE)
                panel.hist(inside, bins, histtype="step", color=colour, orientation=orientation)
        grid[0, 0].set(xlim=RANGE, ylabel="galaxies")
        grid[1, 1].set(ylim=RANGE, xlabel="galaxies")
        grid[0, 1].set_axis_off()
        grid[0, 1].text(0.5, 0.5, "last bins:\nall beyond", ha="center", va="center", fontsize=9)
        explain(axes, loc="upper left")
        return figure

    def redshift(self) -> Figure:
        """Draw Fig. 8: gradients by N2 against redshift, with those of other studies and models."""
        twin, published = self.twin, self.published
        figure, axes = plt.subplots(figsize=(8.5, 5.2), layout="constrained")
        axes.set(
            xlabel="redshift", ylabel=f"gradient by N2 {UNIT}", xlim=(1.1, 1.8), ylim=(-0.3, 0.3)
        )
        axes.axhline(0.0, color=MUTED_COLOUR, linestyle=":", linewidth=1.0)
        for names, style in ((OBSERVED_GRADIENTS, "x"), (MODELLED_GRADIENTS, "-")):
            for file, label in names.items():
                points = published.literature(file)
                if points is not None:
                    axes.plot(*points, style, markersize=5, linewidth=1.0, alpha=0.8, label=label)
        redshift, survey, table = twin.of_entries("redshift"), published.table_1, twin_table(twin)
        draw_survey(axes, published.of_galaxies("redshift"), survey.gradient["n2"],
                    survey.gradient_err["n2"], ecolor=SURVEY_ERROR_COLOUR)  # fmt: skip
        draw_twin(
            axes, redshift, table.gradient["n2"], table.gradient_err["n2"], ecolor=TWIN_ERROR_COLOUR
        )
        axes.legend(fontsize=7, ncols=3, loc="lower left")
        return figure

    def kinematics(self) -> Figure:
        """Draw Fig. 9: gradients by N2 against V/sigma and mass, coloured by effective radius."""
        twin, published = self.twin, self.published
        figure, panels = plt.subplots(1, 2, figsize=(11.5, 4.8), layout="constrained", sharey=True)
        radius, survey, table = (
            twin.of_entries("effective_radius_arcsec"), published.table_1, twin_table(twin)
        )  # fmt: skip
        band = [published.literature(f"Sharda21_Vrot_sigma_{end}") for end in ("lower", "upper")]
        if band[0] is not None and band[1] is not None:
            for x, y in (band[0], band[1]):
                panels[0].plot(x, y, color=MUTED_COLOUR, linewidth=1.0)
            panels[0].plot([], [], color=MUTED_COLOUR, label="models of Sharda+21, limits")
        binned = published.literature("WuytsMGM")
        if binned is not None:
            panels[1].plot(*binned, "s", color=MUTED_COLOUR, label="Wuyts+16")
        points = None
        for axes, name, label in (
            (panels[0], "v_over_sigma", "V/$\\sigma$"),
            (panels[1], "log_stellar_mass", "log stellar mass (solar)"),
        ):
            x = twin.of_entries(name)
            axes.set(xlabel=label, ylim=RANGE)
            axes.axhline(0.0, color=MUTED_COLOUR, linestyle=":", linewidth=1.0)
            draw_survey(axes, published.of_galaxies(name), survey.gradient["n2"],
                        survey.gradient_err["n2"], ecolor=SURVEY_ERROR_COLOUR)  # fmt: skip
            axes.errorbar(x, table.gradient["n2"], table.gradient_err["n2"], fmt="none",
                          ecolor=TWIN_ERROR_COLOUR, elinewidth=0.6)  # fmt: skip
            points = axes.scatter(x, table.gradient["n2"], c=radius, cmap="viridis", vmin=0.1,
                                  vmax=1.0, s=32, zorder=3, label="twin")  # fmt: skip
            mark_beyond(axes, x, table.gradient["n2"], TWIN_COLOUR)
            axes.legend(fontsize=8)
        panels[0].set_ylabel(f"gradient by N2 {UNIT}")
        if points is not None:
            figure.colorbar(points, ax=panels, label="effective radius (arcsec)", extend="both")
        return figure

    def binning(self, *, scheme: str) -> Figure:
        """Draw Figs C1 and C2: gradients through other annuli against those of 3 x 0.5 arcsec.

        Parameters
        ----------
        scheme : str
            ``2x0.8`` or ``3x0.6``; for the first N2O2 is shown too, as squares.
        """
        twin, published = self.twin, self.published
        first, second = twin_table(twin), twin_table(twin, scheme)
        names = ("n2", "n2o2") if scheme == "2x0.8" else ("n2",)
        figure, axes = plt.subplots(figsize=(6.0, 5.8), layout="constrained")
        _cross(axes, 'through 3 x 0.5"', f'through {scheme.replace("x", " x ")}"')
        other = published.gradients({"2x0.8": "0.8", "3x0.6": "gillman"}[scheme])
        if other is not None:
            survey = published.table_1
            draw_survey(axes, survey.gradient["n2"], other, None, survey.gradient_err["n2"])
        for name, marker in zip(names, ("o", "s"), strict=False):
            draw_twin(axes, first.gradient[name], second.gradient[name], second.gradient_err[name],
                      first.gradient_err[name], fmt=marker,
                      label=f"twin, {name.upper()}")  # fmt: skip
        r, scatter = drawn_pearson(first.columns(*names), second.columns(*names))
        axes.set_title(f"r of the twin, errors drawn again: {r:.2f} ± {scatter:.2f}", fontsize=11)
        explain(axes, loc="upper left")
        return figure


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
    figure.supxlabel(REST_WAVELENGTH_LABEL, fontsize=TEXT_POINTS)
    figure.supylabel(flux_density_label(FLUX_DENSITY_UNIT), fontsize=TEXT_POINTS)
    return figure
