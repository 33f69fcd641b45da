"""The figures of fitted spectra: a row of bands for every galaxy."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from astropy import units as u
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.extracted.page import bands_of, spectra_page
from kurvs_pipeline.extracted.fluxes import FittedSpectrum, SpectraFits
from kurvs_pipeline.fitting.outcome import describe_flag
from kurvs_pipeline.lines import DETECTION_SNR
from kurvs_pipeline.plots.parts import FIT_COLOUR, NOTE_POINTS, flux_density_label, unit_label
from kurvs_pipeline.plots.spectrum import MeasuredLine, draw_spectrum

GALAXIES_ON_A_PAGE = 8
MOST_GALAXIES = 96


def plot_fitted_spectrum(fitted: FittedSpectrum, axes: Axes) -> Axes:
    """Draw one spectrum: data, 1-sigma noise, fit, and the S/N or the limit of each line.

    Parameters
    ----------
    fitted : FittedSpectrum
        Data with fit.
    axes : Axes
        Axes to draw into; its title names spectrum and band.
    """
    fits = fitted.fits
    used = slice(fits.model.channels.min(), fits.model.channels.max() + 1)
    flux, noise, left_out = (
        fitted.spectrum.flux_density[used], fitted.sigma[used], fitted.mask[used],
    )  # fmt: skip
    level = float(np.nan_to_num(np.nanmedian(np.where(left_out, np.nan, flux))))
    lines = fits.to_lines()
    draw_spectrum(
        axes,
        fits.model.wavelength_um[used] / (1.0 + fits.model.redshift),
        flux,
        (level - noise, level + noise),
        lines={
            name: MeasuredLine(snr, DETECTION_SNR * err)
            for name, snr, err in zip(lines.names, lines.snr[0], lines.flux_err[0], strict=True)
        },
        model=fitted.model_flux_density[used],
        left_out=left_out,
        velocity_kms=np.nan_to_num(float(fits.velocity_kms[0])),
    )
    flag = describe_flag(int(fits.flag[0]))
    axes.text(0.015, 0.04, flag, color=FIT_COLOUR, fontsize=NOTE_POINTS, transform=axes.transAxes)
    identity = fitted.spectrum.identity
    name = "  ".join(f"{value}" if len(identity) > 1 else f"{key} {value}"
                     for key, value in identity)  # fmt: skip
    axes.set_title(f"{name}   {fitted.spectrum.band}".strip(), loc="left")
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
    bands = bands_of(galaxies.values())
    unit = fits.spectra[0].spectrum.unit
    drawn = list(galaxies.values())[:MOST_GALAXIES]
    for first in range(0, len(drawn), GALAXIES_ON_A_PAGE):
        rows = drawn[first : first + GALAXIES_ON_A_PAGE]
        place = f"{first + 1} to {first + len(rows)} of {len(galaxies)}"
        if len(drawn) < len(galaxies):
            place += f", of which the first {len(drawn)} are drawn"
        yield spectra_page(
            [{band: partial(plot_fitted_spectrum, of[band]) for band in of} for of in rows],
            bands,
            heading=f"galaxies {place}: spectra (black), 1 $\\sigma$ noise (blue)",
            y_label=flux_density_label(unit),
            flux_unit=unit_label(u.Unit(unit) * u.um),
            row_inches=1.5,
        )


def _by_identity(spectra: Sequence[FittedSpectrum]) -> dict[Any, dict[str, FittedSpectrum]]:
    galaxies: dict[Any, dict[str, FittedSpectrum]] = {}
    for fitted in spectra:
        galaxies.setdefault(fitted.spectrum.identity, {})[fitted.spectrum.band] = fitted
    return galaxies
