"""Co-added spectra of annuli with their fits, as in Fig. 5 of Li et al. (2025)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea, VPacker
from matplotlib.patches import Patch
from numpy.typing import NDArray

from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.figure_parts import (
    DATA_COLOUR,
    FIT_COLOUR,
    LEFT_OUT_COLOUR,
    MUTED_COLOUR,
    NOISE_COLOUR,
    NOTE_POINTS,
    PAGE_WIDTH_INCHES,
    TEXT_POINTS,
    printed_ticks,
    signal_to_noise_label,
    two_digits,
    unit_label,
)
from kurvs_pipeline.galaxy_results import GalaxyResults, results_of
from kurvs_pipeline.line_fluxes import DETECTION_SNR
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.map_plot import plot_halpha_map
from kurvs_pipeline.measure import MeasuredGalaxy

Array = NDArray[np.float64]

REACH_KMS = 2000.0
"""Shown on either side of a group of lines: as far as continua are fitted."""

WIDTH_EXPONENT = 0.35
"""Panels are as wide as this power of their range: room for numbers beside a single line."""

ROW_INCHES = 1.2
FIT = "fit"
"""Label of a fitted curve."""

_LEAST_HEIGHT_INCHES = 3.3
_MAP_INCHES = 1.9
_NOTES_IN_A_ROW = 2
_BELOW_NOTES = 0.8
_WIDE_UM = 0.01


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
        (("[O II]", ("oii_3726", "oii_3729")),),
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


def spectral_panels(galaxy: MeasuredGalaxy | GalaxyResults) -> tuple[SpectralPanel, ...]:
    """Return the columns that a galaxy's spectra need, in order of wavelength.

    Parameters
    ----------
    galaxy : MeasuredGalaxy or GalaxyResults
        What was measured.
    """
    results = results_of(galaxy)
    panels = [_panel(results, band, lines) for band in results.spectra for lines in COMPLEXES]
    return tuple(sorted(filter(None, panels), key=lambda panel: panel.range_um))


def _panel(results: GalaxyResults, band: str, lines: LineComplex) -> SpectralPanel | None:
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


def line_notes(results: GalaxyResults, panel: SpectralPanel, aperture: str) -> list[LineNote]:
    """Return what is known of every line of a panel in one aperture.

    Parameters
    ----------
    results : GalaxyResults
        What was measured.
    panel : SpectralPanel
        Its lines.
    aperture : str
        Name.
    """
    return [_note(results, aperture, name, label) for name, label in panel.lines]


def _note(results: GalaxyResults, aperture: str, line: str, label: str) -> LineNote:
    snr, limit = results.snr(aperture, line), results.upper_limit(aperture, line)
    if snr > DETECTION_SNR:
        return LineNote(f"{label} {signal_to_noise_label(snr)}", detected=True)
    known = f"{label} < {two_digits(limit)}" if limit > 0.0 else f"{label} no data"
    return LineNote(known, detected=False)


def plot_spectrum(
    galaxy: MeasuredGalaxy | GalaxyResults, panel: SpectralPanel, aperture: str, axes: Axes
) -> Axes:
    """Draw one aperture's spectrum about some lines: data, 1-sigma noise, fit, S/N of each line.

    Without a line of S/N > 4 there is no fitted curve. Channels that are left out are shaded.

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
    rest, valid = rest[shown], spectra.valid[index, shown]
    flux = np.where(valid, spectra.flux[index, shown], np.nan)
    noise = np.where(valid, np.sqrt(spectra.variance[index, shown]), np.nan)
    notes = line_notes(results, panel, aperture)
    curve = spectra.model[index, shown]
    if not any(note.detected for note in notes):
        curve = np.full_like(curve, np.nan)
    edges, level = _edges(rest), _level(flux, spectra.model[index, shown])
    axes.stairs(
        np.where(valid, np.nan, 1.0), edges, fill=True, transform=axes.get_xaxis_transform(),
        color=LEFT_OUT_COLOUR, zorder=0, label="left out",
    )  # fmt: skip
    axes.stairs(level + noise, edges, baseline=level - noise, fill=True, color=NOISE_COLOUR,
                label="noise")  # fmt: skip
    for line in (name for _, names in panel.headings for name in names):
        axes.axvline(REST_WAVELENGTH_UM[line], ymax=_BELOW_NOTES, color=MUTED_COLOUR, linestyle=":",
                     linewidth=0.6, zorder=1)  # fmt: skip
    axes.stairs(flux, edges, baseline=None, color=DATA_COLOUR, linewidth=0.7, label="data")
    if np.isfinite(curve).any():
        axes.plot(rest, curve, color=FIT_COLOUR, linewidth=1.1, label=FIT)
    axes.set(xlim=panel.range_um, ylim=_limits(curve, noise, level))
    _write_notes(notes, axes)
    wide = panel.range_um[1] - panel.range_um[0] > _WIDE_UM
    printed_ticks(axes, n_x=6 if wide else 3, n_y=3)
    return axes


def _edges(wavelength_um: Array) -> Array:
    """Return the edges of channels, half-way between their centres."""
    middle = 0.5 * (wavelength_um[1:] + wavelength_um[:-1])
    first, last = wavelength_um[0], wavelength_um[-1]
    return np.concatenate([[2.0 * first - middle[0]], middle, [2.0 * last - middle[-1]]])


def _level(flux: Array, model: Array) -> float:
    """Return the continuum that is left: that of the fit, else the median."""
    fitted = model[np.isfinite(model)]
    values = fitted if fitted.size else flux[np.isfinite(flux)]
    # Away from lines, a fit is at its lowest; an absorbed line is none that is looked for.
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


def spectra_figure(galaxy: MeasuredGalaxy | GalaxyResults) -> Figure:
    """Draw the annuli on the H-alpha map, and beside it their spectra, as in the paper's Fig. 5.

    Parameters
    ----------
    galaxy : MeasuredGalaxy or GalaxyResults
        What was measured.

    Returns
    -------
    Figure
        Rows are annuli outwards, columns bands.
    """
    results = results_of(galaxy)
    height = max(ROW_INCHES * len(results.annuli) + 0.7, _LEAST_HEIGHT_INCHES)
    figure = Figure(figsize=(PAGE_WIDTH_INCHES, height), layout="constrained")
    widths = (_MAP_INCHES, PAGE_WIDTH_INCHES - _MAP_INCHES)
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=widths).ravel()
    _draw_map(results, left)
    draw_spectra(results, right, [annulus.name for annulus in results.annuli])
    return figure


def _draw_map(results: GalaxyResults, figure: SubFigure) -> None:
    height = figure.bbox.height / figure.dpi
    above, below = figure.subplots(
        2, 1, height_ratios=(_MAP_INCHES + 0.4, max(height - _MAP_INCHES - 0.4, 0.9))
    )
    plot_halpha_map(results, above)
    below.set_axis_off()
    below.legend(handles=spectra_key(results), loc="upper left", fontsize=NOTE_POINTS,
                 frameon=False, borderaxespad=0.0, handlelength=1.4,
                 labelspacing=0.35)  # fmt: skip


def spectra_key(results: GalaxyResults) -> list[Line2D | Patch]:
    """Return what explains spectra and the map beside them, for a legend.

    Parameters
    ----------
    results : GalaxyResults
        What was measured, for the unit of the limits.
    """
    limit = rf"or < its {DETECTION_SNR:g} $\sigma$ limit in"
    unit = unit_label(results.fluxes["flux"].unit)
    return [
        Line2D([], [], color=DATA_COLOUR, linewidth=0.9, label="data"),
        Line2D([], [], color=FIT_COLOUR, linewidth=1.2, label=f"fit, with S/N > {DETECTION_SNR:g}"),
        Patch(color=NOISE_COLOUR, label=r"noise, $\pm 1 \sigma$"),
        Patch(color=LEFT_OUT_COLOUR, label="left out"),
        Line2D([], [], color=FIT_COLOUR, linestyle="--", linewidth=1.0, label="integrated (map)"),
        Line2D([], [], marker="o", linestyle="", markerfacecolor="white",
               markeredgecolor=MUTED_COLOUR, label="seeing (map)"),
        *(Line2D([], [], linestyle="", label=text)
          for text in ("numbers: S/N of each line,", limit, unit)),
    ]  # fmt: skip


def draw_spectra(results: GalaxyResults, figure: SubFigure, apertures: Sequence[str]) -> None:
    """Draw spectra in a grid: a row an aperture, a column a group of lines.

    Parameters
    ----------
    results : GalaxyResults
        What was measured.
    figure : SubFigure
        To draw on.
    apertures : sequence of str
        Names, from the top.
    """
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
    figure.supxlabel("rest wavelength (µm, vacuum)", fontsize=TEXT_POINTS)
    spelt = ", ".join(unit_label(unit) for unit in sorted(units))
    figure.supylabel(f"flux density ({spelt})", fontsize=TEXT_POINTS)


def _row_label(results: GalaxyResults, name: str) -> str:
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
