"""One drawing of a spectrum and its lines, and which lines a figure of a galaxy shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea, VPacker

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.fitting.model import channel_edges
from kurvs_pipeline.lines import DETECTION_SNR, LINE_GROUPS, OII_PAIR, REST_WAVELENGTH_UM, SII_PAIR
from kurvs_pipeline.measured_galaxy import MeasuredGalaxy
from kurvs_pipeline.plots.parts import (
    DATA_COLOUR,
    FIT_COLOUR,
    LEFT_OUT_COLOUR,
    LINE_LABEL,
    MUTED_COLOUR,
    NOISE_COLOUR,
    NOTE_POINTS,
    printed_ticks,
    signal_to_noise_label,
    two_digits,
)

DOUBTFUL = "\N{DAGGER}"
"""After what is known of a line that is cut, or out of the ratio of its doublet."""

FIT = "fit"
"""Label of a fitted curve."""

UNDETECTED = "fit, not detected"
"""Label of its parts at lines of which only a limit is stated."""

REACH_KMS = 2000.0
"""Shown on either side of a group of lines: as far as continua are fitted."""

_TIED = {line for group in LINE_GROUPS for line, _ in group.members if line != group.name}
_NOTES_IN_A_ROW = 2
_BELOW_NOTES = 0.8
_WIDE_UM = 0.01


@dataclass(frozen=True)
class MeasuredLine:
    """How well a line is measured.

    ``limit``, at 4 sigma in the unit of the flux, is NaN or 0 without data; ``doubtful`` is a line
    that is cut, or out of the ratio of its doublet.
    """

    snr: float
    limit: float
    doubtful: bool = False

    @property
    def detected(self) -> bool:
        """Whether S/N is above 4."""
        return bool(self.snr > DETECTION_SNR)


@dataclass(frozen=True)
class LineNote:
    """What a panel says of a line: S/N if above 4, so detected, else the 4-sigma limit."""

    text: str
    detected: bool


def line_notes(lines: Mapping[str, MeasuredLine]) -> list[LineNote]:
    """Return what a panel says of lines: those with a flux of their own, and [O II] once."""
    summed = OII_PAIR if "oii" in lines else ()
    noted = {n: line for n, line in lines.items() if n not in _TIED and n not in summed}
    labels = [LINE_LABEL[name] for name in noted]
    again = [label == before for label, before in zip(labels, ["", *labels], strict=False)]
    return [
        _note("and" if repeated else label, line)
        for repeated, label, line in zip(again, labels, noted.values(), strict=True)
    ]


def _note(label: str, line: MeasuredLine) -> LineNote:
    mark = DOUBTFUL if line.doubtful else ""
    if line.detected:
        return LineNote(f"{label} {signal_to_noise_label(line.snr)}{mark}", detected=True)
    known = f"< {two_digits(line.limit)}{mark}" if line.limit > 0.0 else "no data"
    return LineNote(f"{label} {known}", detected=False)


def draw_channels(
    axes: Axes,
    wavelength_um: Array,
    flux: Array,
    errors: tuple[Array, Array],
    *,
    left_out: BoolArray | None = None,
) -> Axes:
    """Draw a spectrum as steps over the span of its errors.

    NaN is not drawn. ``errors`` are the lower and upper end of what is shaded in colour; channels
    ``left_out``, by default those without data, are shaded in grey.
    """
    edges_um = channel_edges(wavelength_um)
    shaded = np.isnan(flux) if left_out is None else left_out
    axes.stairs(
        np.where(shaded, 1.0, np.nan), edges_um, fill=True, color=LEFT_OUT_COLOUR,
        transform=axes.get_xaxis_transform(), zorder=0, label="left out",
    )  # fmt: skip
    low, high = errors
    axes.stairs(high, edges_um, baseline=low, fill=True, color=NOISE_COLOUR, label="noise")
    axes.stairs(flux, edges_um, baseline=None, color=DATA_COLOUR, linewidth=0.7, label="data")
    return axes


def draw_spectrum(
    axes: Axes,
    wavelength_um: Array,
    flux: Array,
    errors: tuple[Array, Array],
    *,
    lines: Mapping[str, MeasuredLine],
    model: Array | None = None,
    left_out: BoolArray | None = None,
    velocity_kms: float = 0.0,
) -> Axes:
    """Draw a spectrum at rest with its fit, and the S/N or the limit of each line.

    The fit, NaN where there is none, is dotted at lines that are not detected. Lines and fit set
    the scale: residuals of sky lines may run off the panel. Notes are in the order of ``lines``;
    other arguments are those of :func:`draw_channels`, at rest wavelengths in vacuum.
    """
    draw_channels(axes, wavelength_um, flux, errors, left_out=left_out)
    shift = 1.0 + velocity_kms / SPEED_OF_LIGHT_KMS
    centres = {n: shift * REST_WAVELENGTH_UM[n] for n in lines if n in REST_WAVELENGTH_UM}
    for centre in centres.values():
        axes.axvline(centre, ymax=_BELOW_NOTES, color=MUTED_COLOUR, linestyle=":", linewidth=0.6,
                     zorder=1)  # fmt: skip
    curve = flux[:0] if model is None else model
    if np.isfinite(curve).any():
        # The two lines of [O II] are detected by their sum.
        of_line = {n: lines["oii" if n in OII_PAIR and "oii" in lines else n] for n in centres}
        sure = np.array([line.detected for line in of_line.values()])
        _draw_fit(wavelength_um, curve, np.array(list(centres.values())), sure, axes)
    axes.set(xlim=(wavelength_um[0], wavelength_um[-1]), ylim=_limits(curve, errors))
    _write_notes(line_notes(lines), axes)
    wide = wavelength_um[-1] - wavelength_um[0] > _WIDE_UM
    printed_ticks(axes, n_x=6 if wide else 3, n_y=3)
    return axes


def _draw_fit(
    rest_um: Array, model: Array, centres_um: Array, detected: BoolArray, axes: Axes
) -> None:
    """Draw a fit, dotted where the nearest line is not detected: a limit is stated of it."""
    sure = detected[np.abs(rest_um[:, None] - centres_um).argmin(axis=1)]
    axes.plot(rest_um, np.where(sure, model, np.nan), color=FIT_COLOUR, linewidth=1.1, label=FIT)
    if not sure.all():
        axes.plot(rest_um, np.where(sure, np.nan, model), ":", color=FIT_COLOUR, linewidth=1.1,
                  label=UNDETECTED)  # fmt: skip


def _limits(curve: Array, errors: tuple[Array, Array]) -> tuple[float, float]:
    """Fit the lines, or the noise where there are none; sky residuals may run off the panel."""
    low, high = errors
    known = np.isfinite(low) & np.isfinite(high)
    level = float(np.median(0.5 * (low + high)[known])) if known.any() else 0.0
    quiet = float(np.median(0.5 * (high - low)[known])) if known.any() else 1.0
    above = curve[np.isfinite(curve)] - level
    # Room above for the notes.
    height = 1.55 * max(float(np.max(above, initial=0.0)), 4.0 * quiet)
    depth = max(0.15 * height, 2.5 * quiet, -1.2 * float(np.min(above, initial=0.0)))
    return level - depth, level + height


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


@dataclass(frozen=True)
class LineComplex:
    """Neighbouring lines that are shown in one panel.

    ``members`` are the lines whose numbers are written, as in the table of fluxes; ``headings``
    stand above a panel, each in the middle of the marked lines that it comes with.
    """

    members: tuple[str, ...]
    headings: tuple[tuple[str, tuple[str, ...]], ...]


COMPLEXES = (
    LineComplex(
        ("oii",),
        (("[O II]", OII_PAIR),),
    ),
    LineComplex(
        ("hbeta", "oiii_5007"),
        ((r"H$\beta$", ("hbeta",)), ("[O III]", ("oiii_4959",)), ("[O III]", ("oiii_5007",))),
    ),
    LineComplex(
        ("halpha", "nii_6584", *SII_PAIR),
        ((r"H$\alpha$ + [N II]", ("nii_6548", "halpha", "nii_6584")), ("[S II]", SII_PAIR)),
    ),
)


@dataclass(frozen=True)
class SpectralPanel:
    """A column of a figure of spectra: the lines of one complex in one band.

    The range is in rest wavelengths; lines and headings are those of :class:`LineComplex` within
    it.
    """

    band: str
    lines: tuple[str, ...]
    headings: tuple[tuple[str, tuple[str, ...]], ...]
    range_um: tuple[float, float]


def spectral_panels(galaxy: MeasuredGalaxy) -> tuple[SpectralPanel, ...]:
    """Return the columns that a galaxy's spectra need, in order of wavelength."""
    panels = [_panel(galaxy, band, lines) for band in galaxy.spectra for lines in COMPLEXES]
    return tuple(sorted(filter(None, panels), key=lambda panel: panel.range_um))


def _panel(results: MeasuredGalaxy, band: str, lines: LineComplex) -> SpectralPanel | None:
    of_band = set(results.fluxes["line"][results.fluxes["band"] == band])
    members = tuple(name for name in lines.members if name in of_band)
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


def measured_lines(
    results: MeasuredGalaxy, panel: SpectralPanel, aperture: str
) -> dict[str, MeasuredLine]:
    """Return what is known of the lines of a panel in one aperture."""
    marked = (name for _, names in panel.headings for name in names)
    return {
        name: MeasuredLine(
            results.snr(aperture, name),
            results.upper_limit(aperture, name),
            results.is_doubtful(aperture, name),
        )
        for name in (*panel.lines, *marked)
    }


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
        Axes to draw into.
    """
    index = [a.name for a in galaxy.apertures].index(aperture)
    spectra = galaxy.spectra[panel.band]
    rest = spectra.wavelength_um / (1.0 + galaxy.metadata.redshift)
    shown = (rest >= panel.range_um[0]) & (rest <= panel.range_um[1])
    valid, model = spectra.valid[index, shown], spectra.model[index, shown]
    flux = np.where(valid, spectra.flux[index, shown], np.nan)
    noise = np.where(valid, np.sqrt(spectra.variance[index, shown]), np.nan)
    level = _level(flux, model)
    lines = measured_lines(galaxy, panel, aperture)
    detected = any(note.detected for note in line_notes(lines))
    draw_spectrum(axes, rest[shown], flux, (level - noise, level + noise), lines=lines,
                  model=model if detected else None)  # fmt: skip
    axes.set_xlim(panel.range_um)
    return axes


def _level(flux: Array, model: Array) -> float:
    """Return the continuum that is left: that of the fit, else the median."""
    fitted = model[np.isfinite(model)]
    values = fitted if fitted.size else flux[np.isfinite(flux)]
    # Away from its lines a fit is at its lowest.
    return float(np.percentile(values, 10 if fitted.size else 50)) if values.size else 0.0
