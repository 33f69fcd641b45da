"""The co-added spectrum of one aperture about some lines, with its fit."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea, VPacker
from numpy.typing import NDArray

from kurvs_pipeline.figure_parts import (
    DATA_COLOUR,
    FIT_COLOUR,
    LEFT_OUT_COLOUR,
    MUTED_COLOUR,
    NOISE_COLOUR,
    NOTE_POINTS,
    printed_ticks,
)
from kurvs_pipeline.galaxy_results import GalaxyResults, results_of
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.measure import MeasuredGalaxy
from kurvs_pipeline.spectral_panels import (
    LineNote,
    SpectralPanel,
    detected_lines,
    line_notes,
)

Array = NDArray[np.float64]

FIT = "fit"
"""Label of a fitted curve."""

UNDETECTED = "fit, not detected"
"""Label of its parts at lines of which only a limit is stated."""

_NOTES_IN_A_ROW = 2
_BELOW_NOTES = 0.8
_WIDE_UM = 0.01


def plot_spectrum(
    galaxy: MeasuredGalaxy | GalaxyResults, panel: SpectralPanel, aperture: str, axes: Axes
) -> Axes:
    """Draw one aperture's spectrum about some lines: data, 1-sigma noise, fit, S/N of each line.

    Without a line of S/N > 4 there is no fitted curve; it is dotted at lines below. Channels
    that are left out are shaded.

    Parameters
    ----------
    galaxy : MeasuredGalaxy or GalaxyResults
        What was measured.
    panel : SpectralPanel
        One of :func:`spectral_panels`.
    aperture : str
        Name.
    axes : Axes
        To draw on.
    """
    results = results_of(galaxy)
    index = [a.name for a in results.apertures].index(aperture)
    spectra = results.spectra[panel.band]
    rest = spectra.wavelength_um / (1.0 + results.metadata.redshift)
    shown = (rest >= panel.range_um[0]) & (rest <= panel.range_um[1])
    valid, model = spectra.valid[index, shown], spectra.model[index, shown]
    flux = np.where(valid, spectra.flux[index, shown], np.nan)
    noise = np.where(valid, np.sqrt(spectra.variance[index, shown]), np.nan)
    level = _level(flux, model)
    notes = line_notes(results, panel, aperture)
    detected = any(note.detected for note in notes)
    _draw_channels(flux, noise, level, _edges(rest[shown]), axes)
    marked = [name for _, names in panel.headings for name in names]
    for line in marked:
        axes.axvline(REST_WAVELENGTH_UM[line], ymax=_BELOW_NOTES, color=MUTED_COLOUR, linestyle=":",
                     linewidth=0.6, zorder=1)  # fmt: skip
    if detected and np.isfinite(model).any():
        sure = detected_lines(results, panel, aperture)
        _draw_fit(rest[shown], model, {line: line in sure for line in marked}, axes)
    axes.set(xlim=panel.range_um, ylim=_limits(model if detected else flux[:0], noise, level))
    _write_notes(notes, axes)
    wide = panel.range_um[1] - panel.range_um[0] > _WIDE_UM
    printed_ticks(axes, n_x=6 if wide else 3, n_y=3)
    return axes


def _draw_channels(flux: Array, noise: Array, level: float, edges_um: Array, axes: Axes) -> None:
    """Draw data as steps over their noise; channels without either are shaded."""
    axes.stairs(
        np.where(np.isnan(flux), 1.0, np.nan), edges_um, fill=True, color=LEFT_OUT_COLOUR,
        transform=axes.get_xaxis_transform(), zorder=0, label="left out",
    )  # fmt: skip
    axes.stairs(level + noise, edges_um, baseline=level - noise, fill=True, color=NOISE_COLOUR,
                label="noise")  # fmt: skip
    axes.stairs(flux, edges_um, baseline=None, color=DATA_COLOUR, linewidth=0.7, label="data")


def _draw_fit(rest_um: Array, model: Array, detected: Mapping[str, bool], axes: Axes) -> None:
    """Draw a fit, dotted where the nearest line is not detected: a limit is stated of it."""
    lines_um = np.array([REST_WAVELENGTH_UM[line] for line in detected])
    nearest = np.abs(rest_um[:, None] - lines_um).argmin(axis=1)
    sure = np.array(list(detected.values()))[nearest]
    axes.plot(rest_um, np.where(sure, model, np.nan), color=FIT_COLOUR, linewidth=1.1, label=FIT)
    if not sure.all():
        axes.plot(rest_um, np.where(sure, np.nan, model), ":", color=FIT_COLOUR, linewidth=1.1,
                  label=UNDETECTED)  # fmt: skip


def _edges(wavelength_um: Array) -> Array:
    """Return the edges of channels, half-way between their centres."""
    middle = 0.5 * (wavelength_um[1:] + wavelength_um[:-1])
    first, last = wavelength_um[0], wavelength_um[-1]
    return np.concatenate([[2.0 * first - middle[0]], middle, [2.0 * last - middle[-1]]])


def _level(flux: Array, model: Array) -> float:
    """Return the continuum that is left: that of the fit, else the median."""
    fitted = model[np.isfinite(model)]
    values = fitted if fitted.size else flux[np.isfinite(flux)]
    # Away from its lines a fit is at its lowest.
    return float(np.percentile(values, 10 if fitted.size else 50)) if values.size else 0.0


def _limits(curve: Array, noise: Array, level: float) -> tuple[float, float]:
    """Fit the lines, or the noise where there are none; sky residuals may run off the panel."""
    quiet = float(np.nanmedian(noise)) if np.isfinite(noise).any() else 1.0
    above = curve[np.isfinite(curve)] - level
    # Room above for the notes.
    height = 1.55 * max(float(np.max(above, initial=0.0)), 4.0 * quiet)
    return level - max(0.15 * height, 2.5 * quiet), level + height


def _write_notes(notes: Sequence[LineNote], axes: Axes) -> None:
    areas = [
        TextArea(note.text, textprops={
            "fontsize": NOTE_POINTS, "color": FIT_COLOUR if note.detected else MUTED_COLOUR,
            "weight": "bold" if note.detected else "normal",
        })
        for note in notes
    ]  # fmt: skip
    rows = [
        HPacker(children=[*areas[first : first + _NOTES_IN_A_ROW]], pad=0.0, sep=4.0)
        for first in range(0, len(areas), _NOTES_IN_A_ROW)
    ]
    column = VPacker(children=[*rows], pad=0.0, sep=1.5)
    box = AnchoredOffsetbox("upper left", child=column, pad=0.1, borderpad=0.3)
    # Residuals of sky lines may pass behind.
    box.patch.set(facecolor="white", edgecolor="none", alpha=0.75)
    axes.add_artist(box)
