"""The figure of stacked spectra: a row of bands for every stack."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.runs.style import DATA_COLOUR, FIT_COLOUR, LINE_LABEL, MUTED_COLOUR, NOISE_COLOUR
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.lines import DETECTION_SNR, REST_WAVELENGTH_UM
from kurvs_pipeline.robust import ONE_SIGMA_PERCENTILES
from kurvs_pipeline.stacking.lines import StackedLines
from kurvs_pipeline.stacking.stack import Stack, StackedBand

_PANEL_INCHES = (4.6, 2.5)
_SIDE = {"oii_3726": "right", "oii_3729": "left", "sii_6716": "right", "sii_6731": "left"}


class MeasuredStack(NamedTuple):
    """A stack with what was measured of it.

    Parameters
    ----------
    stack : Stack
        The spectrum.
    lines : StackedLines
        Measured on it.
    """

    stack: Stack
    lines: StackedLines


def plot_stacked_band(measured: MeasuredStack, band: str, axes: Axes) -> Axes:
    """Draw one band of a stack: spectrum, middle 68 % of its bootstrap, fit and lines.

    The number above a line is its flux over the error from the bootstrap; bold and in colour
    above 4.

    Parameters
    ----------
    measured : MeasuredStack
        The stack.
    band : str
        One of its bands.
    axes : Axes
        To draw on.
    """
    stacked = measured.stack.bands[band]
    curve = measured.lines.model_flux_density.get(band, np.full_like(stacked.flux_density, np.nan))
    low, high = _bootstrap_band(stacked)
    wavelength = stacked.wavelength_um
    axes.axhline(0.0, color=MUTED_COLOUR, linewidth=0.6)
    axes.fill_between(wavelength, low, high, step="mid", color=NOISE_COLOUR, linewidth=0.0)
    axes.step(wavelength, stacked.flux_density, where="mid", color=DATA_COLOUR, linewidth=0.9)
    axes.plot(wavelength, curve, color=FIT_COLOUR, linewidth=1.5)
    known = wavelength[np.isfinite(stacked.flux_density)]
    axes.set(xlim=(known[0], known[-1]), ylim=_limits(curve, low, high))
    _mark_lines(measured.lines, band, axes)
    return axes


def stack_figure(measured: Mapping[str, MeasuredStack]) -> Figure:
    """Draw all stacks, one row each and one column a band.

    Caption: weighted mean of the galaxies' spectra at rest (black), the middle 68 % of draws
    of the galaxies with replacement (blue), and the fit of the emission lines (orange).

    Parameters
    ----------
    measured : mapping of str to MeasuredStack
        By name.

    Returns
    -------
    Figure
    """
    held = {band for stack, _ in measured.values() for band in stack.bands}
    bands = [band for band in KMOS_BANDS if band in held]
    width = _PANEL_INCHES[0] * len(bands) + 0.6
    height = _PANEL_INCHES[1] * len(measured) + 1.3
    figure = Figure(figsize=(width, height))
    grid = figure.add_gridspec(
        len(measured), len(bands), left=0.85 / width, right=1.0 - 0.15 / width,
        bottom=0.65 / height, top=1.0 - 0.95 / height, wspace=0.17, hspace=0.32,
    )  # fmt: skip
    for row, (name, item) in enumerate(measured.items()):
        for column, band in enumerate(bands):
            if band in item.stack.bands:
                axes = plot_stacked_band(item, band, figure.add_subplot(grid[row, column]))
                axes.tick_params(labelsize=9)
                axes.locator_params(axis="x", nbins=5)
                n_galaxies = int(item.stack.bands[band].n_galaxies.max())
                title = f"{name}   {band}   up to {n_galaxies} galaxies a channel"
                axes.set_title(title, loc="left", fontsize=9, pad=4)
    figure.suptitle(
        "Stacks (black), middle 68 % of the bootstrap over galaxies (blue), fit (orange); "
        f"S/N of each line, bold where > {DETECTION_SNR:g}",
        fontsize=11, y=1.0 - 0.2 / height, va="top",
    )  # fmt: skip
    unit = next(iter(measured.values())).stack.unit
    figure.supxlabel("rest wavelength (µm, vacuum)", fontsize=11, y=0.12 / height)
    figure.supylabel(f"flux density ({_label(unit)})", fontsize=11, x=0.12 / width)
    return figure


def _label(unit: str) -> str:
    return r"H$\alpha$ flux / µm" if unit == "um-1" else unit


def _bootstrap_band(stacked: StackedBand) -> tuple[Array, Array]:
    """Return the ends of the middle 68 % of the draws; NaN where there are none."""
    low, high = (np.full(stacked.wavelength_um.size, np.nan) for _ in range(2))
    known = np.isfinite(stacked.flux_density_err)
    if known.any():
        ends = np.nanpercentile(stacked.draws[:, known], ONE_SIGMA_PERCENTILES, axis=0)
        low[known], high[known] = ends
    return low, high


def _limits(curve: Array, low: Array, high: Array) -> tuple[float, float]:
    """Fit the lines, and what the bootstrap usually spans; a few channels may run off."""
    spread = np.concatenate([low[np.isfinite(low)], high[np.isfinite(high)], [0.0]])
    bottom, top = np.percentile(spread, [2.0, 98.0])
    drawn = curve[np.isfinite(curve)]
    top = max(float(top), float(drawn.max(initial=0.0)))
    bottom = min(float(bottom), float(drawn.min(initial=0.0)))
    span = max(top - bottom, 1e-12)
    return bottom - 0.08 * span, top + 0.38 * span


def _mark_lines(lines: StackedLines, band: str, axes: Axes) -> None:
    for row in lines.fluxes:
        name, snr = str(row["line"]), float(row["snr"])
        if row["band"] != band or name not in lines.fits[band].names:
            continue
        detected = snr > DETECTION_SNR
        colour = FIT_COLOUR if detected else MUTED_COLOUR
        centre = REST_WAVELENGTH_UM[name]
        axes.axvline(centre, ymin=0.78, ymax=0.84, color=colour, linewidth=1.2)
        number = f"{snr:.1f}" if np.isfinite(snr) else "?"
        axes.text(
            centre, 0.86, f"{LINE_LABEL[name]}\n{number}", color=colour, fontsize=8,
            ha=_SIDE.get(name, "center"), va="bottom", linespacing=0.95,
            weight="bold" if detected else "normal", transform=axes.get_xaxis_transform(),
        )  # fmt: skip
