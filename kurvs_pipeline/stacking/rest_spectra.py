"""Spectra of galaxies at rest, ready to be stacked.

Wavelengths are divided by 1 + z and flux densities multiplied by it, so that a line keeps its
flux. The velocity of the fitted lines, relative to that redshift, is taken out in the same way.
Flux densities of a table whose axis is already at rest are per um of that axis.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.binning import INTEGRATED
from kurvs_pipeline.extracted.spectrum import FittedSpectrum
from kurvs_pipeline.fitting.model import channel_edges
from kurvs_pipeline.fitting.outcome import LineFits
from kurvs_pipeline.fluxes.band_fit import BandFit
from kurvs_pipeline.representation import short_repr

APERTURE_COLUMNS = ("aperture", "annulus")
"""Identifying columns that name a part of a galaxy; all others name the galaxy."""

MINIMUM_COVERAGE = 0.5
"""A channel of the new grid that good channels cover less than this has no data."""


@dataclass(frozen=True, eq=False)
class RestSpectrum:
    """One band of one aperture of a galaxy, at rest and in vacuum.

    Parameters
    ----------
    galaxy, aperture, band : str
        Names of the galaxy, aperture and band.
    wavelength_um : array, shape (n_channels,)
        Channel centres, increasing.
    flux_density : array, shape (n_channels,)
        Flux density per um at rest, without continuum.
    variance : array, shape (n_channels,)
        Variance for which channels may be taken as independent.
    valid : bool array, shape (n_channels,)
        Whether to use each channel.
    lsf_sigma_um : float
        Standard deviation of the line-spread function at rest.
    unit : str
        Unit of the flux density.
    halpha_flux, halpha_flux_err : float
        H-alpha flux and its error, flux density times um; NaN where the band does not hold the
        line.
    """

    __repr__ = short_repr

    galaxy: str
    aperture: str
    band: str
    wavelength_um: Array
    flux_density: Array
    variance: Array
    valid: BoolArray
    lsf_sigma_um: float
    unit: str
    halpha_flux: float = float("nan")
    halpha_flux_err: float = float("nan")

    @property
    def label(self) -> str:
        """Galaxy, aperture and band for messages."""
        return f"{self.galaxy}, {self.aperture}, {self.band}"

    @property
    def step_um(self) -> float:
        """Median width of a channel."""
        return float(np.median(np.diff(self.wavelength_um)))

    @cached_property
    def edges_um(self) -> Array:
        """Edges of the channels, shape (n_channels + 1,), half-way between centres."""
        return channel_edges(self.wavelength_um)

    def rebinned(self, edges_um: Array) -> tuple[Array, Array, BoolArray]:
        """Rebin onto other channels, keeping the flux of every line.

        Each new channel takes the part of every old one that lies in it. Neighbours then share
        noise. Their covariance is not carried: instead each variance is that of independent
        channels which give a line, or anything wider than a channel, the error that it has on
        the old grid. With ``o`` the overlap of an old channel of width ``d`` and a new one of
        width ``D`` it is the sum of ``o d / D^2`` times the old variance; the sum of
        ``(o / D)^2``, the scatter of a new channel taken alone, would make errors of lines
        too small.

        Parameters
        ----------
        edges_um : array, shape (n_new + 1,)
            Edges of the new channels, increasing.

        Returns
        -------
        flux_density, variance : array, shape (n_new,)
            0 where not valid.
        valid : bool array, shape (n_new,)
            Where good channels cover at least half of the new one.
        """
        old, width = self.edges_um, np.diff(self.edges_um)
        good = self.valid & np.isfinite(self.flux_density) & (self.variance > 0.0)
        good &= np.isfinite(self.variance)

        def within(per_channel: Array) -> Array:
            total = np.concatenate([[0.0], np.cumsum(np.where(good, per_channel, 0.0))])
            return np.asarray(np.diff(np.interp(edges_um, old, total)))

        covered = within(width)
        valid = covered >= MINIMUM_COVERAGE * np.diff(edges_um)
        per_um = np.divide(1.0, covered, out=np.zeros_like(covered), where=valid)
        flux_density = within(width * self.flux_density) * per_um
        return flux_density, within(width**2 * self.variance) * per_um**2, valid


def rest_spectra_of_tables(fitted: Sequence[FittedSpectrum]) -> list[RestSpectrum]:
    """Return fitted spectra of tables at rest.

    They keep their noise, with the correlation of their channels, and their masks; the
    continuum of the fit is subtracted, and channels without one are not used.

    Parameters
    ----------
    fitted : sequence of FittedSpectrum
        Fits from :func:`kurvs_pipeline.extracted.fluxes.fit_spectra`.
    """
    spectra = []
    for fit in fitted:
        galaxy, aperture = names_of(fit.spectrum.identity)
        arrays = (
            fit.spectrum.flux_density, (fit.sigma * fit.error_inflation) ** 2, ~fit.mask,
        )  # fmt: skip
        spectra.append(
            _at_rest((galaxy, aperture, fit.spectrum.band), fit.fits, 0, arrays, fit.spectrum.unit)
        )
    return spectra


def rest_spectra_of_galaxy(
    galaxy: str, fits: Mapping[str, BandFit], apertures: Sequence[str]
) -> list[RestSpectrum]:
    """Return the spectra of a measured galaxy at rest, one per band and aperture.

    The continuum of the fit is subtracted.

    Parameters
    ----------
    galaxy : str
        Name of the galaxy.
    fits : mapping of str to BandFit
        Fits by band, as ``MeasuredGalaxy.fits``.
    apertures : sequence of str
        Names of the apertures, in the order of the fits.
    """
    return [
        _at_rest(
            (galaxy, aperture, band),
            fit.fits,
            index,
            (fit.spectra.flux[index], fit.spectra.variance[index], fit.spectra.valid[index]),
            fit.units,
        )
        for band, fit in fits.items()
        for index, aperture in enumerate(apertures)
    ]


def names_of(identity: Sequence[tuple[str, Any]]) -> tuple[str, str]:
    """Return the names of galaxy and aperture from identifying columns, names and values.

    ``aperture`` or ``annulus`` names the aperture, ``integrated`` where there is neither; all
    others name the galaxy.
    """
    galaxy = " ".join(str(value) for name, value in identity if name not in APERTURE_COLUMNS)
    aperture = " ".join(str(value) for name, value in identity if name in APERTURE_COLUMNS)
    return galaxy, aperture or INTEGRATED


def _at_rest(
    names: tuple[str, str, str],
    fits: LineFits,
    row: int,
    arrays: tuple[Array, Array, BoolArray],
    unit: str,
) -> RestSpectrum:
    """Return one fitted spectrum at rest, from its flux density, variance and valid channels."""
    model, velocity_kms = fits.model, float(np.nan_to_num(fits.velocity_kms[row]))
    stretch = (1.0 + model.redshift) * (1.0 + velocity_kms / SPEED_OF_LIGHT_KMS)
    continuum = np.full(model.wavelength_um.size, np.nan)
    for window, level in zip(model.windows, fits.continuum[row], strict=True):
        continuum[window.channels] = level
    flux_density = (arrays[0] - continuum) * stretch
    halpha, halpha_err = float("nan"), float("nan")
    if "halpha" in fits.names:
        index = fits.names.index("halpha")
        halpha, halpha_err = float(fits.flux[row, index]), float(fits.flux_err[row, index])
    return RestSpectrum(
        *names,
        wavelength_um=model.wavelength_um / stretch,
        flux_density=flux_density,
        variance=arrays[1] * stretch**2,
        valid=arrays[2] & np.isfinite(flux_density),
        lsf_sigma_um=float(np.median(model.lsf_sigma_um)) / stretch,
        unit=unit,
        halpha_flux=halpha,
        halpha_flux_err=halpha_err,
    )
