"""Figures of the comparison with the survey's tables."""

import matplotlib.pyplot as plt
import numpy as np
from astropy.table import Table
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.studies.published.annuli import (
    ANNULI,
    PIPELINE,
    ZERO_EQUAL,
    ZeroContinuumFit,
    line_fluxes,
    total_flux,
)
from experiments.studies.published.integrated import PUBLISHED_COLUMN
from experiments.studies.published.rings import RingKey, Rings
from kurvs_pipeline.lines import REST_WAVELENGTH_UM, air_from_vacuum
from kurvs_pipeline.observation import FLUX_DENSITY_UNIT
from kurvs_pipeline.plots.parts import (
    BLUE,
    DATA_COLOUR,
    FIT_COLOUR,
    LINE_LABEL,
    MUTED_COLOUR,
    flux_density_label,
)
from kurvs_pipeline.plots.spectrum import draw_channels

ZERO_COLOUR = BLUE
_SHOWN_UM = {"H": (0.6525, 0.6608), "YJ": (0.4825, 0.5048)}


def draw_integrated(values: Table) -> Figure:
    """Draw our integrated abundances against the published ones.

    Both with the attenuation that the survey's tables come out with. Filled points are
    detected at 4 sigma, open ones are not; the line is equality.

    Parameters
    ----------
    values : Table
        Of :func:`experiments.studies.published.integrated.compare_integrated`.
    """
    figure, panels = plt.subplots(1, 4, figsize=(12.0, 3.5), layout="constrained")
    for axes, name in zip(panels, PUBLISHED_COLUMN, strict=True):
        rows = values[(values["diagnostic"] == name) & (values["attenuation"] == "tables")]
        rows = rows[np.isfinite(rows["value"]) & np.isfinite(rows["published"])]
        for detected, face in ((True, DATA_COLOUR), (False, "white")):
            these = rows[rows["detected"] == detected]
            axes.errorbar(
                these["published"], these["value"], these["err"], these["published_err"],
                fmt="o", markersize=5, markerfacecolor=face, color=DATA_COLOUR, elinewidth=0.7,
            )  # fmt: skip
        both = np.concatenate([rows["published"], rows["value"]])
        ends = np.array([both.min() - 0.15, both.max() + 0.15])
        axes.plot(ends, ends, color=FIT_COLOUR, linewidth=1.0, zorder=0)
        axes.set(title=name.upper(), xlim=ends, ylim=ends, aspect="equal")
        axes.locator_params(nbins=5)
    figure.supxlabel("12 + log(O/H) in the survey's tables")
    figure.supylabel("from its spectra")
    return figure


def draw_annuli(rings: Rings) -> Figure:
    """Draw the annular spectra of both galaxies with two fits each.

    Data in black with the noise in blue; the pipeline's fit in orange; the fit without
    continuum and with equal weights, which comes near the survey's fluxes, dashed. Ticks
    below are bright airglow lines. Numbers are the fluxes of all lines over the survey's.

    Parameters
    ----------
    rings : Rings
        The spectra.
    """
    columns = [(galaxy, band) for galaxy in rings.redshift for band in ("H", "YJ")]
    figure, panels = plt.subplots(
        len(ANNULI), len(columns), figsize=(13.0, 7.2), layout="constrained"
    )
    for row, annulus in enumerate(ANNULI):
        for column, (galaxy, band) in enumerate(columns):
            axes = panels[row, column]
            _draw_ring(rings, (galaxy, annulus, band), axes)
            axes.set_title(f"KURVS {galaxy}, {annulus}, {band}", fontsize=10, loc="left", pad=3)
            axes.tick_params(labelsize=8, labelbottom=row == len(ANNULI) - 1)
    figure.supxlabel("rest wavelength of the survey (µm)", fontsize=11)
    figure.supylabel(flux_density_label(FLUX_DENSITY_UNIT), fontsize=11)
    return figure


def _draw_ring(rings: Rings, key: RingKey, axes: Axes) -> None:
    fitted = rings.fitted[key]
    model, rest = fitted.fits.model, fitted.spectrum.wavelength_um
    zero = ZeroContinuumFit.of(model, fitted.spectrum.flux_density)
    draw_channels(axes, rest, fitted.spectrum.flux_density, (-fitted.sigma, fitted.sigma),
                  left_out=fitted.mask)  # fmt: skip
    axes.plot(rest, fitted.model_flux_density, color=FIT_COLOUR, linewidth=1.4)
    axes.plot(rest, zero.flux_density, color=ZERO_COLOUR, linewidth=1.1, linestyle="--")
    top = 1.5 * float(max(np.nanmax(fitted.model_flux_density), np.nanmax(zero.flux_density)))
    depth = 0.25 if key[2] == "H" else 0.6
    axes.set(xlim=_SHOWN_UM[key[2]], ylim=(-depth * top, top))
    axes.locator_params(nbins=4)
    sky = rings.sky_lines_um / (1.0 + rings.redshift[key[0]])
    axes.vlines(
        sky, 0.0, 0.07, color=MUTED_COLOUR, linewidth=1.6, transform=axes.get_xaxis_transform()
    )
    for name in model.group_names:
        centre = float(air_from_vacuum(REST_WAVELENGTH_UM[name]))
        axes.text(
            centre, 0.98, LINE_LABEL[name], transform=axes.get_xaxis_transform(), fontsize=8,
            ha="center", va="top",
        )  # fmt: skip
    _tell_ratios(rings, key, axes)


def _tell_ratios(rings: Rings, key: RingKey, axes: Axes) -> None:
    model, published = rings.fitted[key].fits.model, rings.published_flux[key]
    for way, colour, height in ((PIPELINE, FIT_COLOUR, 0.83), (ZERO_EQUAL, ZERO_COLOUR, 0.71)):
        ratio = total_flux(model, line_fluxes(rings, key, way)) / published
        axes.text(
            0.03, height, f"{ratio:.2f}", color=colour, fontsize=9, transform=axes.transAxes,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )  # fmt: skip
