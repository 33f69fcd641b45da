"""What figures share: colours, sizes of text, labels of lines and units."""

from astropy import units as u
from matplotlib.axes import Axes

# Okabe & Ito (2008): distinguishable with any colour vision.
BLACK = "#000000"
BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
SKY_BLUE = "#56B4E9"
VERMILION = "#D55E00"

SERIES_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY_BLUE, VERMILION)
"""Of curves whose colour means nothing but their place."""

DATA_COLOUR = "#333333"
FIT_COLOUR = VERMILION
NOISE_COLOUR = "#B4C9DD"
LEFT_OUT_COLOUR = "#E4E4E4"
NO_DATA_COLOUR = "#EEEEEE"

MUTED_COLOUR = "#767676"
"""Of axes, limits and guides, which explain the data."""

PALE_COLOUR = "#BBBBBB"
"""Of what must not hide the data, such as the error bars of many points."""

RANGE_COLOUR = "#DCE6F0"
"""Of a range in which values are expected or accepted."""

TRUTH_COLOUR = BLACK
SLOPE_COLOUR = VERMILION
CORRECTED_COLOUR = GREEN
FORWARD_COLOUR = BLUE
FORWARD_PRIOR_COLOUR = PURPLE

TWIN_COLOUR, TWIN_ERROR_COLOUR = BLUE, "#A8CCE3"
SURVEY_COLOUR, SURVEY_ERROR_COLOUR = VERMILION, "#F2C9AB"

LINE_LABEL = {
    "oii": "[O II]",
    "oii_3726": "[O II]",
    "oii_3729": "[O II]",
    "hbeta": r"H$\beta$",
    "oiii_4959": "[O III]",
    "oiii_5007": "[O III]",
    "nii_6548": "[N II]",
    "halpha": r"H$\alpha$",
    "nii_6584": "[N II]",
    "sii_6716": "[S II]",
    "sii_6731": "[S II]",
}

REST_WAVELENGTH_LABEL = "rest wavelength (µm, vacuum)"

PAGE_WIDTH_INCHES = 7.1
"""Two columns of a journal, at which the sizes of text hold."""

TEXT_POINTS = 8.0
NOTE_POINTS = 6.5

DECIMAL_PLACES_FROM = 10.0


def printed_ticks(axes: Axes, *, n_x: int, n_y: int) -> None:
    """Give axes thin frames, and few ticks inwards on all sides, for a small panel in print.

    There are at most ``n_x`` and ``n_y`` intervals, on linear scales.
    """
    axes.tick_params(labelsize=NOTE_POINTS, direction="in", top=True, right=True, pad=2.5)
    for spine in axes.spines.values():
        spine.set_linewidth(0.7)
    axes.locator_params(axis="x", nbins=n_x)
    axes.locator_params(axis="y", nbins=n_y)


def unit_label(unit: str | u.UnitBase) -> str:
    """Spell a unit for an axis, in mathtext."""
    text: str = u.Unit(unit).to_string("latex_inline")
    return text.replace(r"1 \times ", "").replace(r"1\times ", "").replace(r"1\times", "")


def flux_density_label(*units: str) -> str:
    """Spell what an axis of spectra shows."""
    return f"flux density ({', '.join(unit_label(unit) for unit in units)})"


def signal_to_noise_label(snr: float) -> str:
    """Spell a signal-to-noise ratio: one decimal place below 10, none above."""
    return f"{snr:.0f}" if abs(snr) >= DECIMAL_PLACES_FROM else f"{snr:.1f}"


def two_digits(value: float) -> str:
    """Spell a number with two significant digits, as in 120 or 0.0029."""
    return f"{float(f'{value:.2g}'):g}"


def signed(value: float, decimals: int) -> str:
    """Spell a number with its sign, a true minus."""
    return f"{value:+.{decimals}f}".replace("-", "\N{MINUS SIGN}")
