"""Which lines a figure of spectra shows, and what it says of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea, VPacker

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.lines import DETECTION_SNR, OII_PAIR, REST_WAVELENGTH_UM
from kurvs_pipeline.measured_galaxy import MeasuredGalaxy
from kurvs_pipeline.plots.parts import (
    DATA_COLOUR,
    FIT_COLOUR,
    LEFT_OUT_COLOUR,
    MUTED_COLOUR,
    NOISE_COLOUR,
    NOTE_POINTS,
    printed_ticks,
    signal_to_noise_label,
    two_digits,
)

REACH_KMS = 2000.0
"""Shown on either side of a group of lines: as far as continua are fitted."""


@dataclass(frozen=True)
class LineComplex:
    """Neighbouring lines that are shown in one panel.

    Parameters
    ----------
    members : mapping of str to str
        Lines by name, as in the table of fluxes, with the label that their numbers follow.
    headings : tuple of (str, tuple of str)
        What stands above a panel, and the marked lines in whose middle it stands.
    """

    members: dict[str, str]
    headings: tuple[tuple[str, tuple[str, ...]], ...]


COMPLEXES = (
    LineComplex(
        {"oii": "[O II]"},
        (("[O II]", OII_PAIR),),
    ),
    LineComplex(
        {"hbeta": r"H$\beta$", "oiii_5007": "[O III]"},
        ((r"H$\beta$", ("hbeta",)), ("[O III]", ("oiii_4959",)), ("[O III]", ("oiii_5007",))),
    ),
    LineComplex(
        {
            "halpha": r"H$\alpha$", "nii_6584": "[N II]", "sii_6716": "[S II]", "sii_6731": "and",
        },
        (
            (r"H$\alpha$ + [N II]", ("nii_6548", "halpha", "nii_6584")),
            ("[S II]", ("sii_6716", "sii_6731")),
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class SpectralPanel:
    """A column of a figure of spectra: the lines of one complex in one band.

    Parameters
    ----------
    band : str
        ``IZ``, ``YJ`` or ``H``.
    lines : tuple of (str, str)
        Names, as in the table of fluxes, with the labels that their numbers follow.
    headings : tuple of (str, tuple of str)
        See :class:`LineComplex`; of those within the range.
    range_um : tuple of float
        Rest wavelengths shown, in vacuum.
    """

    band: str
    lines: tuple[tuple[str, str], ...]
    headings: tuple[tuple[str, tuple[str, ...]], ...]
    range_um: tuple[float, float]


def spectral_panels(galaxy: MeasuredGalaxy) -> tuple[SpectralPanel, ...]:
    """Return the columns that a galaxy's spectra need, in order of wavelength.

    Parameters
    ----------
    galaxy : MeasuredGalaxy
        What was measured.
    """
    panels = [_panel(galaxy, band, lines) for band in galaxy.spectra for lines in COMPLEXES]
    return tuple(sorted(filter(None, panels), key=lambda panel: panel.range_um))


def _panel(results: MeasuredGalaxy, band: str, lines: LineComplex) -> SpectralPanel | None:
    of_band = set(results.fluxes["line"][results.fluxes["band"] == band])
    members = tuple((name, label) for name, label in lines.members.items() if name in of_band)
    if not members:
        return None
    marked = tuple(
        (text, tuple(name for name in names if name in of_band))
        for text, names in lines.headings
        if of_band.intersection(names)
    )
    rest = [REST_WAVELENGTH_UM[name] for _, names in marked for name in names]
    channels = results.spectra[band].wavelength_um / (1.0 + results.metadata.redshift)
    reach = REACH_KMS / SPEED_OF_LIGHT_KMS
    low, high = min(rest) * (1.0 - reach), max(rest) * (1.0 + reach)
    return SpectralPanel(band, members, marked, (max(low, channels[0]), min(high, channels[-1])))


_SUM_OF = dict.fromkeys(OII_PAIR, "oii")
"""Of close lines, what is detected or not."""


def detected_lines(results: MeasuredGalaxy, panel: SpectralPanel, aperture: str) -> set[str]:
    """Return which of a panel's marked lines have S/N above 4 in one aperture.

    Parameters
    ----------
    results : MeasuredGalaxy
        What was measured.
    panel : SpectralPanel
        Its lines.
    aperture : str
        Name.
    """
    marked = (line for _, lines in panel.headings for line in lines)
    return {
        line for line in marked
        if results.snr(aperture, _SUM_OF.get(line, line)) > DETECTION_SNR
    }  # fmt: skip


DOUBTFUL = "\N{DAGGER}"
"""After what is known of a line that is cut, or out of the ratio of its doublet."""


@dataclass(frozen=True)
class LineNote:
    """What a panel says of a line.

    Parameters
    ----------
    text : str
        S/N of a detected line, the 4-sigma limit of another.
    detected : bool
        Whether S/N is above 4.
    """

    text: str
    detected: bool


def line_notes(results: MeasuredGalaxy, panel: SpectralPanel, aperture: str) -> list[LineNote]:
    """Return what is known of every line of a panel in one aperture.

    Parameters
    ----------
    results : MeasuredGalaxy
        What was measured.
    panel : SpectralPanel
        Its lines.
    aperture : str
        Name.
    """
    return [_note(results, aperture, name, label) for name, label in panel.lines]


def _note(results: MeasuredGalaxy, aperture: str, line: str, label: str) -> LineNote:
    snr, limit = results.snr(aperture, line), results.upper_limit(aperture, line)
    mark = DOUBTFUL if results.is_doubtful(aperture, line) else ""
    if snr > DETECTION_SNR:
        return LineNote(f"{label} {signal_to_noise_label(snr)}{mark}", detected=True)
    known = f"{label} < {two_digits(limit)}{mark}" if limit > 0.0 else f"{label} no data"
    return LineNote(known, detected=False)


FIT = "fit"
"""Label of a fitted curve."""

UNDETECTED = "fit, not detected"
"""Label of its parts at lines of which only a limit is stated."""

_NOTES_IN_A_ROW = 2
_BELOW_NOTES = 0.8
_WIDE_UM = 0.01


def plot_spectrum(galaxy: MeasuredGalaxy, panel: SpectralPanel, aperture: str, axes: Axes) -> Axes:
    """Draw one aperture's spectrum about some lines: data, 1-sigma noise, fit, S/N of each line.

    Without a line of S/N > 4 there is no fitted curve; it is dotted at lines below. Channels
    that are left out are shaded.

    Parameters
    ----------
    galaxy : MeasuredGalaxy
        What was measured.
    panel : SpectralPanel
        One of :func:`spectral_panels`.
    aperture : str
        Name.
    axes : Axes
        To draw on.
    """
    index = [a.name for a in galaxy.apertures].index(aperture)
    spectra = galaxy.spectra[panel.band]
    rest = spectra.wavelength_um / (1.0 + galaxy.metadata.redshift)
    shown = (rest >= panel.range_um[0]) & (rest <= panel.range_um[1])
    valid, model = spectra.valid[index, shown], spectra.model[index, shown]
    flux = np.where(valid, spectra.flux[index, shown], np.nan)
    noise = np.where(valid, np.sqrt(spectra.variance[index, shown]), np.nan)
    level = _level(flux, model)
    notes = line_notes(galaxy, panel, aperture)
    detected = any(note.detected for note in notes)
    _draw_channels(flux, noise, level, _edges(rest[shown]), axes)
    marked = [name for _, names in panel.headings for name in names]
    for line in marked:
        axes.axvline(REST_WAVELENGTH_UM[line], ymax=_BELOW_NOTES, color=MUTED_COLOUR, linestyle=":",
                     linewidth=0.6, zorder=1)  # fmt: skip
    if detected and np.isfinite(model).any():
        sure = detected_lines(galaxy, panel, aperture)
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
