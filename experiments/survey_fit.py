"""The survey's own measurement of an integrated line, to see what its errors are worth.

Written from the description and public code of Li et al. (2025), in the steps that shape the
error: spaxels are interpolated to rest and summed, the sum to a rest-frame grid; Gaussians are
fitted without weights at a known position; the noise is the rms of quiet channels added up over
one FWHM (:mod:`kurvs_sim.survey_procedure`).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import least_squares

from kurvs_pipeline.bands import FWHM_PER_SIGMA, KMOS_BANDS, SPEED_OF_LIGHT_KMS
from kurvs_pipeline.lines import DOUBLET_RATIO, REST_WAVELENGTH_UM
from kurvs_sim.survey_procedure import PROCEDURE, quiet_channels

Array = NDArray[np.float64]

REST_STEP_UM = 5e-5
SIGMA_LIMITS_KMS = (50.0 / FWHM_PER_SIGMA, 500.0 / FWHM_PER_SIGMA)
QUIET_WEIGHT = 0.8
COMPANIONS = {"oiii_5007": "oiii_4959", "nii_6584": "nii_6548"}
BLENDS = {"oii_3726": ("oii_3726", "oii_3729")}
"""Fitted as one Gaussian between them."""


@dataclass(frozen=True)
class SurveyFit:
    """Fluxes of the lines of a band, and the error that the survey would state for each.

    Parameters
    ----------
    flux : tuple of float
        Of the first and, where there is one, the second line of the band; 1e-16 erg/s/cm2.
    stated_error : float
        The same for all lines of the band.
    """

    flux: tuple[float, ...]
    stated_error: float


@dataclass(frozen=True)
class RestSpectrum:
    """The integrated spectrum of a band on the survey's rest-frame axis.

    Parameters
    ----------
    band : str
        ``IZ``, ``YJ`` or ``H``.
    redshift : float
        Taken out.
    flux : array, shape (n_channels,)
        On the axis of KMOS, spaxels at rest; 1e-16 erg/s/cm2/um.
    """

    band: str
    redshift: float
    flux: Array

    @classmethod
    def of_cube(
        cls, cube: xr.Dataset, *, band: str, redshift: float, weights: Array, velocity_kms: Array
    ) -> "RestSpectrum":
        """Interpolate every spaxel to rest and add them up.

        Parameters
        ----------
        cube : Dataset
            A band of an Observation.
        band : str
            Its name.
        redshift : float
            Of the galaxy.
        weights, velocity_kms : array, shape (n_y, n_x)
            The aperture, and the velocity of every spaxel.
        """
        wavelength = cube["wavelength"].to_numpy()
        inside = weights > 0.0
        summed = np.zeros(wavelength.size)
        for weight, velocity, spectrum in zip(
            weights[inside], velocity_kms[inside], cube["flux"].to_numpy()[:, inside].T, strict=True
        ):
            shifted = wavelength * (1.0 + velocity / SPEED_OF_LIGHT_KMS)
            summed += weight * np.interp(shifted, wavelength, spectrum)
        return cls(band, redshift, summed)

    @cached_property
    def offset_um(self) -> Array:
        """Rest-frame axis about the reference line, shape (n_rest,)."""
        low, high = PROCEDURE[self.band].spectrum_um
        return np.arange(low, high, REST_STEP_UM)

    @property
    def _reference_um(self) -> float:
        return REST_WAVELENGTH_UM[PROCEDURE[self.band].reference]

    def _to_rest(self, values: Array) -> Array:
        rest_um = KMOS_BANDS[self.band].wavelength_um / (1.0 + self.redshift)
        return np.interp(self._reference_um + self.offset_um, rest_um, values)

    def fit(self) -> SurveyFit:
        """Fit the lines of the band and state their error.

        Returns
        -------
        SurveyFit
        """
        procedure, band = PROCEDURE[self.band], KMOS_BANDS[self.band]
        spectrum = self._to_rest(self.flux) * (1.0 + self.redshift)
        quiet = self._to_rest(quiet_channels(band).astype(float)) > QUIET_WEIGHT
        quiet &= procedure.noise_channels(self.offset_um)
        spectrum -= np.median(spectrum[quiet])
        fitted = procedure.line_channels(self.offset_um)
        fluxes, sigma_um = self._fitted(spectrum[fitted], self.offset_um[fitted])
        channel_um = band.channel_width_um / (1.0 + self.redshift)
        rms = float(np.sqrt(np.mean(spectrum[quiet] ** 2)))
        stated = rms * np.sqrt(FWHM_PER_SIGMA * sigma_um * channel_um)
        return SurveyFit(tuple(float(flux) for flux in fluxes), float(stated))

    def _fitted(self, spectrum: Array, offset_um: Array) -> tuple[Array, float]:
        """Return the fluxes and the observed width of the lines."""
        lsf_um = KMOS_BANDS[self.band].lsf_sigma_um / (1.0 + self.redshift)
        narrow, wide = (self._reference_um * s / SPEED_OF_LIGHT_KMS for s in SIGMA_LIMITS_KMS)

        def profiles(width_um: float) -> Array:
            sigma = np.hypot(width_um, lsf_um)
            names = (group[0] for group in PROCEDURE[self.band].lines)
            return np.stack([self._profile(name, offset_um, sigma) for name in names], axis=1)

        def solved(width_um: float) -> Array:
            return np.asarray(np.linalg.lstsq(profiles(width_um), spectrum)[0])

        def residual(width_um: Array) -> Array:
            return spectrum - profiles(width_um[0]) @ solved(width_um[0])

        start = 2.0 * narrow
        width_um = float(least_squares(residual, start, bounds=(narrow, wide), x_scale=start).x[0])
        return solved(width_um), float(np.hypot(width_um, lsf_um))

    def _profile(self, name: str, offset_um: Array, sigma_um: float) -> Array:
        """Return a line of unit flux with its companion of fixed ratio."""
        blend = BLENDS.get(name, (name,))
        centre = float(np.mean([REST_WAVELENGTH_UM[member] for member in blend]))
        profile = _gaussian(offset_um - (centre - self._reference_um), sigma_um)
        if name in COMPANIONS:
            away = REST_WAVELENGTH_UM[COMPANIONS[name]] - self._reference_um
            profile += _gaussian(offset_um - away, sigma_um) / DOUBLET_RATIO
        return profile


def _gaussian(offset: Array, sigma: float) -> Array:
    return np.asarray(np.exp(-0.5 * (offset / sigma) ** 2) / (np.sqrt(2.0 * np.pi) * sigma))
