"""A page of spectra, a column a band, which fits of galaxies and stacks share."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.lines import DETECTION_SNR
from kurvs_pipeline.plots.parts import REST_WAVELENGTH_LABEL, TEXT_POINTS

_PANEL_WIDTH_INCHES = 3.4
_LEAST_WIDTH_INCHES = 7.0


def bands_of(rows: Iterable[Iterable[str]]) -> list[str]:
    """Return the bands that any row holds, in order of wavelength.

    Parameters
    ----------
    rows : iterable of iterable of str
        Bands of each row.
    """
    held = {band for row in rows for band in row}
    return [band for band in KMOS_BANDS if band in held]


def spectra_page(
    rows: Sequence[Mapping[str, Callable[[Axes], object]]],
    bands: Sequence[str],
    *,
    heading: str,
    y_label: str,
    flux_unit: str,
    row_inches: float,
) -> Figure:
    """Draw spectra on a page that explains itself.

    Parameters
    ----------
    rows : sequence of mapping of str to callable
        By band, what draws and entitles its panel.
    bands : sequence of str
        The columns.
    heading : str
        What is drawn.
    y_label, flux_unit : str
        What spectra show, and what limits are in.
    row_inches : float
        Height of a row.
    """
    width = max(_PANEL_WIDTH_INCHES * len(bands) + 0.6, _LEAST_WIDTH_INCHES)
    height = row_inches * len(rows) + 1.0
    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.subplots(len(rows), len(bands), squeeze=False)
    for row, of_row in zip(rows, grid, strict=True):
        for band, axes in zip(bands, of_row, strict=True):
            if band not in row:
                axes.remove()
                continue
            row[band](axes)
            axes.locator_params(axis="x", nbins=5)
            axes.locator_params(axis="y", nbins=4)
            axes.set_title(axes.get_title(loc="left"), loc="left", fontsize=TEXT_POINTS, pad=3)
    figure.suptitle(
        f"{heading}, fit (orange), dotted at lines of S/N < {DETECTION_SNR:g};\n"
        rf"S/N of each line, or < its {DETECTION_SNR:g} $\sigma$ limit in {flux_unit}; "
        "grey channels are left out or have no data",
        fontsize=TEXT_POINTS + 1.0,
    )  # fmt: skip
    figure.supxlabel(REST_WAVELENGTH_LABEL, fontsize=TEXT_POINTS + 1.0)
    figure.supylabel(y_label, fontsize=TEXT_POINTS + 1.0)
    return figure
