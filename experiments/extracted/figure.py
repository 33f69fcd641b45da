"""The figures of fitted spectra: a row of bands for every galaxy."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from experiments.runs.style import DATA_COLOUR, FIT_COLOUR, LINE_LABEL, MUTED_COLOUR, NOISE_COLOUR
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import KMOS_BANDS, SPEED_OF_LIGHT_KMS
from kurvs_pipeline.extracted.fluxes import FittedSpectrum, SpectraFits
from kurvs_pipeline.fitting.outcome import describe_flag
from kurvs_pipeline.lines import DETECTION_SNR, REST_WAVELENGTH_UM

GALAXIES_ON_A_PAGE = 8
MOST_GALAXIES = 96
_PANEL_INCHES = (3.4, 1.45)
_LEAST_WIDTH_INCHES = 7.0
_SIDE = {"oii_3726": "right", "oii_3729": "left", "sii_6716": "right", "sii_6731": "left"}


def plot_spectrum(fitted: FittedSpectrum, axes: Axes, *, with_names: bool = False) -> Axes:
    """Draw one spectrum: data, 1-sigma noise, fit, and the signal-to-noise ratio of each line.

    Channels that the fit leaves out are hatched. Detected lines have a full mark and bold
    number, others a dotted one.

    Parameters
    ----------
    fitted : FittedSpectrum
        Data with fit.
    axes : Axes
        To draw on.
    with_names : bool
        Whether to name the lines.
    """
    model = fitted.fits.model
    rest = model.wavelength_um / (1.0 + model.redshift)
    used = slice(model.channels.min(), model.channels.max() + 1)
    rest, flux = rest[used], fitted.spectrum.flux_density[used]
    noise, curve = fitted.sigma[used], fitted.model_flux_density[used]
    left_out = fitted.mask[used]
    level = float(np.nan_to_num(np.nanmedian(np.where(left_out, np.nan, flux))))
    axes.fill_between(
        rest, level - noise, level + noise, step="mid", color=NOISE_COLOUR, linewidth=0.0
    )
    axes.fill_between(
        rest, 0.0, 1.0, where=left_out, step="mid", transform=axes.get_xaxis_transform(),
        facecolor="none", edgecolor="#DDDDDD", hatch="////", linewidth=0.0, zorder=0,
    )  # fmt: skip
    axes.step(rest, flux, where="mid", color=DATA_COLOUR, linewidth=0.7)
    axes.plot(rest, curve, color=FIT_COLOUR, linewidth=1.3)
    axes.set(xlim=(rest[0], rest[-1]), ylim=_limits(level, curve, noise))
    _mark_lines(fitted, axes, with_names=with_names)
    flag = describe_flag(int(fitted.fits.flag[0]))
    if flag:
        axes.text(0.015, 0.04, flag, color=FIT_COLOUR, fontsize=7, transform=axes.transAxes)
    return axes


def spectra_pages(fits: SpectraFits) -> Iterator[Figure]:
    """Draw all spectra on pages that can be read: a row a galaxy, a column a band.

    Parameters
    ----------
    fits : SpectraFits
        What was fitted; beyond 96 galaxies only the first are drawn, and titles say so.

    Yields
    ------
    Figure
    """
    galaxies = _by_identity(fits.spectra)
    bands = [band for band in KMOS_BANDS if any(band in g for g in galaxies.values())]
    drawn = list(galaxies.items())[:MOST_GALAXIES]
    for first in range(0, len(drawn), GALAXIES_ON_A_PAGE):
        rows = drawn[first : first + GALAXIES_ON_A_PAGE]
        page = _page(rows, bands)
        place = f"{first + 1} to {first + len(rows)} of {len(galaxies)}"
        if len(drawn) < len(galaxies):
            place += f", of which the first {len(drawn)} are drawn"
        _explain(page, place, fits.spectra[0].spectrum.unit)
        yield page


def _page(
    galaxies: Sequence[tuple[Any, Mapping[str, FittedSpectrum]]], bands: Sequence[str]
) -> Figure:
    n_rows, n_columns = len(galaxies), len(bands)
    width = max(_PANEL_INCHES[0] * n_columns + 0.8, _LEAST_WIDTH_INCHES)
    height = _PANEL_INCHES[1] * n_rows + 1.6
    figure = Figure(figsize=(width, height))
    grid = figure.add_gridspec(
        n_rows, n_columns, left=0.75 / width, right=1.0 - 0.15 / width,
        bottom=0.65 / height, top=1.0 - 0.95 / height, wspace=0.16, hspace=0.36,
    )  # fmt: skip
    for row, (identity, by_band) in enumerate(galaxies):
        for column, band in enumerate(bands):
            if band in by_band:
                _panel(figure, grid, (row, column), by_band[band], identity)
    return figure


def _panel(
    figure: Figure,
    grid: GridSpec,
    place: tuple[int, int],
    fitted: FittedSpectrum,
    identity: Any,  # noqa: ANN401
) -> None:
    axes = plot_spectrum(fitted, figure.add_subplot(grid[place]), with_names=place[0] == 0)
    axes.tick_params(labelsize=7, pad=2)
    axes.locator_params(axis="x", nbins=5)
    axes.locator_params(axis="y", nbins=4)
    name = "  ".join(f"{value}" if len(identity) > 1 else f"{key} {value}"
                     for key, value in identity)  # fmt: skip
    axes.set_title(f"{name}   {fitted.spectrum.band}".strip(), loc="left", fontsize=8, pad=3)


def _by_identity(spectra: Sequence[FittedSpectrum]) -> dict[Any, dict[str, FittedSpectrum]]:
    galaxies: dict[Any, dict[str, FittedSpectrum]] = {}
    for fitted in spectra:
        galaxies.setdefault(fitted.spectrum.identity, {})[fitted.spectrum.band] = fitted
    return galaxies


def _limits(level: float, curve: Array, noise: Array) -> tuple[float, float]:
    """Fit the lines, and the noise where there are none; sky residuals may run off the panel."""
    quiet = float(np.nanmedian(noise)) if np.isfinite(noise).any() else 1.0
    above = curve[np.isfinite(curve)] - level
    top = 1.55 * max(float(above.max(initial=0.0)), 3.0 * quiet)
    depth = max(0.22 * top, 2.5 * quiet, -1.2 * float(above.min(initial=0.0)))
    return level - depth, level + top


def _mark_lines(fitted: FittedSpectrum, axes: Axes, *, with_names: bool) -> None:
    lines = fitted.fits.to_lines()
    velocity = np.nan_to_num(float(fitted.fits.velocity_kms[0]))
    for name, snr in zip(lines.names, lines.snr[0], strict=True):
        if name not in fitted.fits.names or not np.isfinite(snr):
            continue
        centre = REST_WAVELENGTH_UM[name] * (1.0 + velocity / SPEED_OF_LIGHT_KMS)
        detected = snr > DETECTION_SNR
        colour = FIT_COLOUR if detected else MUTED_COLOUR
        axes.axvline(centre, ymin=0.80, ymax=0.86, color=colour, linewidth=1.4 if detected else 0.8)
        number = f"{snr:.0f}" if abs(snr) >= 10.0 else f"{snr:.1f}"
        label = f"{LINE_LABEL[name]} {number}" if with_names else number
        axes.text(
            centre, 0.88, label, color=colour, fontsize=7, ha=_SIDE.get(name, "center"),
            va="bottom", weight="bold" if detected else "normal",
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip


def _explain(figure: Figure, place: str, unit: str) -> None:
    width, height = figure.get_size_inches()
    figure.suptitle(
        f"galaxies {place}: spectra (black), 1 $\\sigma$ noise (blue), fit (orange);\n"
        f"S/N above each line, in colour where > {DETECTION_SNR:g}; hatched channels are left out",
        fontsize=10, y=1.0 - 0.15 / height, va="top",
    )  # fmt: skip
    figure.supxlabel("rest wavelength (µm, vacuum)", fontsize=11, y=0.12 / height)
    figure.supylabel(f"flux density ({unit})", fontsize=11, x=0.08 / width)
