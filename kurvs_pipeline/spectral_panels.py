"""Which lines a figure of spectra shows, and what it says of each."""

from dataclasses import dataclass

from kurvs_pipeline.aperture_fluxes import SUMS
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.figure_parts import signal_to_noise_label, two_digits
from kurvs_pipeline.galaxy_results import GalaxyResults, results_of
from kurvs_pipeline.line_fluxes import DETECTION_SNR
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.measure import MeasuredGalaxy

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


_SUM_OF = {part: whole for whole, parts in SUMS.items() for part in parts}
"""Of close lines, what is detected or not."""


def detected_lines(results: GalaxyResults, panel: SpectralPanel, aperture: str) -> set[str]:
    """Return which of a panel's marked lines have S/N above 4 in one aperture.

    Parameters
    ----------
    results : GalaxyResults
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
    mark = DOUBTFUL if results.is_doubtful(aperture, line) else ""
    if snr > DETECTION_SNR:
        return LineNote(f"{label} {signal_to_noise_label(snr)}{mark}", detected=True)
    known = f"{label} < {two_digits(limit)}{mark}" if limit > 0.0 else f"{label} no data"
    return LineNote(known, detected=False)
