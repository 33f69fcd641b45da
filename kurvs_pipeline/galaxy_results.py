"""What was measured of a galaxy, as it is written to disk and as figures need it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from kurvs_pipeline.binning import Aperture
from kurvs_pipeline.geometry import kpc_per_arcsec
from kurvs_pipeline.kinematics import KinematicMaps
from kurvs_pipeline.line_fluxes import BandFit
from kurvs_pipeline.measure import MeasuredGalaxy
from kurvs_pipeline.observation import ObservationMetadata

Array = NDArray[np.float64]


@dataclass(frozen=True)
class BandSpectra:
    """The co-added spectra of one band, with the best fits.

    Parameters
    ----------
    wavelength_um : array, shape (n_channels,)
        Observed, in vacuum.
    flux, variance : array, shape (n_apertures, n_channels)
        Flux density without the continuum, velocities taken out, and its variance.
    valid : bool array, same shape
        Channels that were fitted.
    model : array, same shape
        The best fit; NaN far from lines, and throughout where the fit failed.
    units : str
        Of the flux density.
    """

    wavelength_um: Array
    flux: Array
    variance: Array
    valid: NDArray[np.bool_]
    model: Array
    units: str

    @classmethod
    def of(cls, fit: BandFit) -> "BandSpectra":
        """Take the spectra out of a fit."""
        spectra = fit.spectra
        return cls(
            wavelength_um=fit.model.wavelength_um,
            flux=spectra.flux,
            variance=spectra.variance,
            valid=spectra.valid,
            model=fit.model_spectra(),
            units=fit.units,
        )


@dataclass(frozen=True)
class GalaxyResults:
    """The results of one galaxy: tables, maps and spectra, without what made them.

    Parameters
    ----------
    metadata, redshift_err, fluxes, attenuation, abundances, ionization, classes, gradients, \
    apertures, coverage, weights, x_arcsec, y_arcsec, maps, noise_scale
        As in :class:`~kurvs_pipeline.measure.MeasuredGalaxy`.
    spectra : mapping of str to BandSpectra
        By band, the one with H-alpha first.
    """

    metadata: ObservationMetadata
    redshift_err: float
    fluxes: QTable
    attenuation: QTable
    abundances: QTable
    ionization: QTable
    classes: QTable
    gradients: QTable
    apertures: tuple[Aperture, ...]
    coverage: tuple[float, ...]
    weights: Array
    x_arcsec: Array
    y_arcsec: Array
    maps: KinematicMaps
    spectra: Mapping[str, BandSpectra]
    noise_scale: Mapping[str, float]

    @property
    def annuli(self) -> tuple[Aperture, ...]:
        """The apertures of the gradient, outwards."""
        return tuple(a for a in self.apertures if a.name != "integrated")

    @property
    def kpc_per_arcsec(self) -> float:
        """Scale at the measured redshift."""
        return kpc_per_arcsec(self.metadata.redshift)

    def snr(self, aperture: str, line: str) -> float:
        """Return a line's flux over its error; NaN where it was not covered.

        Parameters
        ----------
        aperture, line : str
            Names, as in ``fluxes``.
        """
        return self._of_line("snr", aperture, line)

    def upper_limit(self, aperture: str, line: str) -> float:
        """Return a line's 4-sigma limit in the unit of ``fluxes``; NaN for a detected line.

        Parameters
        ----------
        aperture, line : str
            Names, as in ``fluxes``.
        """
        return self._of_line("upper_limit", aperture, line)

    def _of_line(self, column: str, aperture: str, line: str) -> float:
        rows = (self.fluxes["aperture"] == aperture) & (self.fluxes["line"] == line)
        return float(self.fluxes[column].value[rows][0]) if rows.any() else math.nan


def results_of(galaxy: MeasuredGalaxy | GalaxyResults) -> GalaxyResults:
    """Return the results of a galaxy just measured; results stay as they are.

    Parameters
    ----------
    galaxy : MeasuredGalaxy or GalaxyResults
        What was measured.
    """
    if isinstance(galaxy, GalaxyResults):
        return galaxy
    return GalaxyResults(
        metadata=galaxy.metadata,
        redshift_err=galaxy.redshift_err,
        fluxes=galaxy.fluxes,
        attenuation=galaxy.attenuation,
        abundances=galaxy.abundances,
        ionization=galaxy.ionization,
        classes=galaxy.classes,
        gradients=galaxy.gradients,
        apertures=galaxy.apertures,
        coverage=galaxy.coverage,
        weights=galaxy.weights,
        x_arcsec=galaxy.x_arcsec,
        y_arcsec=galaxy.y_arcsec,
        maps=galaxy.maps,
        spectra={name: BandSpectra.of(fit) for name, fit in galaxy.fits.items()},
        noise_scale=galaxy.noise_scale,
    )
