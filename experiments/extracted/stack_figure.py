"""The figure of stacked spectra: a row of bands for every stack."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
from astropy import units as u
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.extracted.page import bands_of, spectra_page
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.lines import DETECTION_SNR
from kurvs_pipeline.plots.parts import MUTED_COLOUR, flux_density_label, unit_label
from kurvs_pipeline.plots.spectrum import MeasuredLine, draw_spectrum
from kurvs_pipeline.robust import ONE_SIGMA_PERCENTILES
from kurvs_pipeline.stacking.lines import StackedLines
from kurvs_pipeline.stacking.stack import Stack, StackedBand


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


def plot_stacked_band(measured: MeasuredStack, band: str, name: str, axes: Axes) -> Axes:
    """Draw one band of a stack: spectrum, middle 68 % of its bootstrap, fit and lines.

    Parameters
    ----------
    measured : MeasuredStack
        The stack.
    band : str
        One of its bands.
    name : str
        Of the stack, for the title.
    axes : Axes
        Axes to draw into.
    """
    stacked = measured.stack.bands[band]
    low, high = _bootstrap_band(stacked)
    rows = measured.lines.fluxes[measured.lines.fluxes["band"] == band]
    draw_spectrum(
        axes,
        stacked.wavelength_um,
        stacked.flux_density,
        (low, high),
        lines={
            str(row["line"]): MeasuredLine(float(row["snr"]), DETECTION_SNR * row["flux_err"].value)
            for row in rows
        },
        model=measured.lines.model_flux_density.get(band),
    )
    axes.axhline(0.0, color=MUTED_COLOUR, linewidth=0.6)
    known = stacked.wavelength_um[np.isfinite(stacked.flux_density)]
    axes.set_xlim(known[0], known[-1])
    # The shade goes with the data here, and few channels may run off the panel.
    usual = np.percentile([*low[np.isfinite(low)], 0.0], 2.0)
    axes.set_ylim(bottom=min(axes.get_ylim()[0], 1.08 * usual))
    n_galaxies = int(stacked.n_galaxies.max())
    axes.set_title(f"{name}   {band}   up to {n_galaxies} galaxies a channel", loc="left")
    return axes


def stack_figure(measured: Mapping[str, MeasuredStack]) -> Figure:
    """Draw all stacks, one row each and one column a band.

    Parameters
    ----------
    measured : mapping of str to MeasuredStack
        By name.
    """
    unit = next(iter(measured.values())).stack.unit
    halpha = unit == "um-1"
    return spectra_page(
        [
            {band: partial(plot_stacked_band, item, band, name) for band in item.stack.bands}
            for name, item in measured.items()
        ],
        bands_of(item.stack.bands for item in measured.values()),
        heading="stacks (black), middle 68 % of the bootstrap over galaxies (blue)",
        y_label=r"flux density (H$\alpha$ flux / µm)" if halpha else flux_density_label(unit),
        flux_unit=r"units of H$\alpha$" if halpha else unit_label(u.Unit(unit) * u.um),
        row_inches=2.1,
    )  # fmt: skip


def _bootstrap_band(stacked: StackedBand) -> tuple[Array, Array]:
    """Return the ends of the middle 68 % of the draws; NaN where there are none."""
    low, high = (np.full(stacked.wavelength_um.size, np.nan) for _ in range(2))
    known = np.isfinite(stacked.flux_density_err)
    if known.any():
        ends = np.nanpercentile(stacked.draws[:, known], ONE_SIGMA_PERCENTILES, axis=0)
        low[known], high[known] = ends
    return low, high
