"""The survey's own measurement of an integrated line, to see what its errors are worth.

Written from the description and public code of Li et al. (2025), in the steps that shape the
error: spaxels are interpolated to rest and summed, the sum to a rest-frame grid; Gaussians are
fitted without weights at a known position; the noise is the rms of quiet channels added up over
one FWHM (:mod:`kurvs_sim.survey.procedure`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from scipy.optimize import least_squares

from kurvs_pipeline.arrays import Array, IntArray
from kurvs_pipeline.bands import FWHM_PER_SIGMA, KMOS_BANDS, SPEED_OF_LIGHT_KMS
from kurvs_pipeline.fluxes.band_fit import BandFit
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.fluxes.measured import MeasuredLines
from kurvs_pipeline.lines import DOUBLET_RATIO, OII_PAIR, REST_WAVELENGTH_UM
from kurvs_sim.expectation.errors import BandExpectation, IntegratedExpectation
from kurvs_sim.survey.procedure import FLUX_LIMIT, PROCEDURE, quiet_channels

REST_STEP_UM = 5e-5
SIGMA_LIMITS_KMS = (50.0 / FWHM_PER_SIGMA, 500.0 / FWHM_PER_SIGMA)
QUIET_WEIGHT = 0.8
COMPANIONS = {"oiii_5007": "oiii_4959", "nii_6584": "nii_6548"}

BLENDS = {OII_PAIR[0]: OII_PAIR}
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


LINES = ("halpha", "nii_6584", "hbeta", "oiii_5007", *OII_PAIR)
"""Half of the [O II] that is fitted as one Gaussian is given to each line of the pair."""

N_WIDTHS = 30
_SQRT_TWO_PI = math.sqrt(2.0 * math.pi)


@dataclass(frozen=True)
class SurveyNoise:
    """The noise that the survey would measure on the integrated spectrum of every band.

    Parameters
    ----------
    rms : mapping of str to float
        1e-16 erg/s/cm2/um, in a channel, by band.
    """

    rms: Mapping[str, float]

    @classmethod
    def expected(cls, expectation: IntegratedExpectation) -> "SurveyNoise":
        """Take the rms out of the errors that are expected of a galaxy.

        Parameters
        ----------
        expectation : IntegratedExpectation
            Errors of line fluxes, in 1e-16 erg/s/cm2, by band.
        """
        return cls({name: _rms(band) for name, band in expectation.bands.items()})


def _rms(band: BandExpectation) -> float:
    first = PROCEDURE[band.band.name].names[0]
    sigma_um = band.aperture.sigma_um(first, band.band)
    if first in OII_PAIR:
        sigma_um = math.hypot(sigma_um, _half_separation_um(band.aperture.scene.galaxy.redshift))
    return band.published_error / math.sqrt(FWHM_PER_SIGMA * sigma_um * band.band.channel_width_um)


def _half_separation_um(redshift: float) -> float:
    blue, red = (REST_WAVELENGTH_UM[name] for name in OII_PAIR)
    return 0.5 * (red - blue) * (1.0 + redshift)


def survey_fluxes(lines: MeasuredLines, noise: SurveyNoise) -> JointFluxes:
    """Fit the lines of every aperture as the survey does.

    Parameters
    ----------
    lines : MeasuredLines
        As the pipeline has them, for the spectra.
    noise : SurveyNoise
        Of the same galaxy.

    Returns
    -------
    JointFluxes
        Of ``LINES``, with the errors that the survey would state; NaN where a line is outside
        its band or its fit failed.
    """
    apertures = lines.located.apertures.names
    flux, error = np.full((2, len(apertures), len(LINES)), np.nan)
    for band, fit in lines.fits.items():
        groups = [group for group in PROCEDURE[band].lines if _inside(group, fit)]
        if not groups:
            continue
        found, stated = _fit_band(band, groups, fit, noise.rms[band])
        for group, values in zip(groups, found, strict=True):
            columns = [LINES.index(name) for name in group]
            good = values > FLUX_LIMIT
            flux[:, columns] = np.where(good, values, np.nan)[:, None] / len(group)
            error[:, columns] = np.where(good, stated, np.nan)[:, None] / len(group)
    covariance = error[:, :, None] * error[:, None, :] * _SHARED
    return JointFluxes(apertures, LINES, flux, covariance)


_SHARED = np.eye(len(LINES)) + np.array(
    [[float(a != b and {a, b} == set(OII_PAIR)) for a in LINES] for b in LINES]
)
"""The halves of a blend share its whole error."""


def _fit_band(
    band: str, groups: Sequence[tuple[str, ...]], fit: BandFit, rms: float
) -> tuple[Array, Array]:
    """Return fluxes, shape (n_groups, n_apertures), and stated errors, shape (n_apertures,)."""
    redshift, wavelength = fit.model.redshift, fit.model.wavelength_um
    procedure = PROCEDURE[band]
    reference_um = REST_WAVELENGTH_UM[procedure.reference]
    fitted = procedure.line_channels(wavelength / (1.0 + redshift) - reference_um)
    sigma_um = _widths_um(band, reference_um * (1.0 + redshift))
    profiles = np.stack(
        [_profiles(group, wavelength[fitted], redshift, sigma_um) for group in groups],
        axis=-1,
    )
    spectra = np.where(fit.spectra.valid, fit.spectra.flux, 0.0)[:, fitted]
    projected = np.einsum("wkl,ak->awl", profiles, spectra, optimize=True)
    solved = np.linalg.solve((profiles.transpose(0, 2, 1) @ profiles)[None], projected[..., None])[
        ..., 0
    ]
    best = _nearest_minimum((projected * solved).sum(axis=-1))
    found = solved[np.arange(len(spectra)), best].T
    variance = np.where(fit.spectra.valid, fit.spectra.variance, np.nan)
    channel_um = KMOS_BANDS[band].channel_width_um
    stated = rms * np.sqrt(FWHM_PER_SIGMA * sigma_um[best] * channel_um * _relative(variance))
    return found, stated


def _nearest_minimum(gain: Array) -> IntArray:
    """Return where chi2 is least, going down from twice the narrowest width as the survey does.

    ``gain``, shape (n_apertures, n_widths), is what the lines take off chi2.
    """
    first = int(
        np.searchsorted(np.geomspace(*SIGMA_LIMITS_KMS, N_WIDTHS), 2.0 * SIGMA_LIMITS_KMS[0])
    )
    found = np.full(len(gain), first)
    for row, values in enumerate(gain):
        step = 1 if values[first + 1] > values[first] else -1
        while 0 <= found[row] + step < N_WIDTHS and values[found[row] + step] > values[found[row]]:
            found[row] += step
    return found


def _relative(variance: Array) -> Array:
    """Return the variance of every spectrum over that of the first, shape (n_apertures,)."""
    ratio = variance / variance[0]
    known = np.isfinite(ratio).any(axis=1)
    return np.where(known, np.nanmedian(np.where(known[:, None], ratio, 0.0), axis=1), np.nan)


def _widths_um(band: str, observed_um: float) -> Array:
    narrow, wide = SIGMA_LIMITS_KMS
    intrinsic_um = np.geomspace(narrow, wide, N_WIDTHS) / SPEED_OF_LIGHT_KMS * observed_um
    return np.hypot(intrinsic_um, KMOS_BANDS[band].lsf_sigma_um)


def _profiles(
    group: tuple[str, ...], wavelength_um: Array, redshift: float, sigma_um: Array
) -> Array:
    """Return a line of unit flux with its companion, shape (n_widths, n_channels)."""
    parts = {group: 1.0}
    if group[0] in COMPANIONS:
        parts[(COMPANIONS[group[0]],)] = 1.0 / DOUBLET_RATIO
    profile = np.zeros((len(sigma_um), len(wavelength_um)))
    for names, share in parts.items():
        centre = float(np.mean([REST_WAVELENGTH_UM[name] for name in names])) * (1.0 + redshift)
        deviation = (wavelength_um - centre) / sigma_um[:, None]
        profile += share * np.exp(-0.5 * deviation**2) / (_SQRT_TWO_PI * sigma_um[:, None])
    return profile


def _inside(group: tuple[str, ...], fit: BandFit) -> bool:
    observed = [REST_WAVELENGTH_UM[name] * (1.0 + fit.model.redshift) for name in group]
    return bool(fit.model.wavelength_um[0] < min(observed) <= max(observed)
                < fit.model.wavelength_um[-1])  # fmt: skip
