"""Whether the brightest line near H-alpha is H-alpha: if it is not, the redshift is in doubt."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.fitting.fit import VELOCITY_RANGE_KMS, fit_lines
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.lines import DETECTION_SNR, REST_WAVELENGTH_UM
from kurvs_pipeline.spectra.calibration import LINE_EXCLUSION_KMS, CalibratedBand, near_lines
from kurvs_pipeline.spectra.coaddition import coadd
from kurvs_pipeline.spectra.noise import observed_line_sigma_channels
from kurvs_pipeline.spectra.sky_errors import line_profile, with_sky_residuals


def systemic_velocity(
    band: CalibratedBand,
    redshift: float,
    weights: Array,
    *,
    velocity_range_kms: tuple[float, float] = VELOCITY_RANGE_KMS,
) -> tuple[float, float]:
    """Return the velocity of the integrated, unaligned lines and its error, km/s.

    Parameters
    ----------
    band : CalibratedBand
        The band with H-alpha.
    redshift : float
        Velocities are relative to it.
    weights : array, shape (n_y, n_x)
        Of the integrated aperture.
    velocity_range_kms : (float, float)
        To look in.

    Returns
    -------
    velocity, error : float
        NaN where H-alpha is not detected.
    """
    # Residuals of the sky may be all that there is: they must not pass for H-alpha.
    spectra = with_sky_residuals(
        coadd(band, weights[None]), ~near_lines(band.wavelength_um, redshift),
        line_sigma_channels=observed_line_sigma_channels(band.wavelength_um),
    )  # fmt: skip
    model = BandLineModel.for_band(band.wavelength_um, band.lsf_sigma_um, redshift)
    fits = fit_lines(
        model, spectra.flux, spectra.variance, mask=~spectra.valid,
        velocity_range_kms=velocity_range_kms,
    )  # fmt: skip
    if not fits.snr[0, fits.names.index("halpha")] > DETECTION_SNR:
        return float("nan"), float("nan")
    return float(fits.velocity_kms[0]), float(fits.velocity_err_kms[0])


SEARCHED_KMS = 3000.0
"""Either side of H-alpha: redshifts wrong by 0.025 at z = 1.5."""

FITTED_KMS = 700.0
"""Either side of H-alpha, where a fit decides: of a line across an end of the window either part,
or either side of a rotating disk, may be the brighter one."""

LEAST_SNR = 8.0
LEAST_COVERED = 0.5
"""Of the squared profile of a line."""

BRIGHTER_THAN_HALPHA = 1.5
"""As no line beside H-alpha is, [N II] 6584 of an active nucleus excepted."""
BRIGHTEST_NII = 3.0
"""In units of H-alpha, of active nuclei (Kewley et al. 2006, Fig. 1)."""


def brighter_line_kms(band: CalibratedBand, redshift: float, weight: Array) -> float:
    """Return the velocity of a line too bright to stand beside H-alpha.

    A wrong redshift puts another line where H-alpha is looked for, [N II] for one, and the fit of
    that may be a good one. Or it leaves H-alpha just beyond, with a wing where it is looked for.

    Parameters
    ----------
    band : CalibratedBand
        The band with H-alpha.
    redshift : float
        As stated.
    weight : array, shape (n_y, n_x)
        Of the integrated aperture.

    Returns
    -------
    float
        km/s, relative to H-alpha; NaN where no line is.
    """
    found = _brighter_elsewhere_kms(band, redshift, weight)
    return found if np.isfinite(found) else _fitted_beyond_kms(band, redshift, weight)


def _brighter_elsewhere_kms(band: CalibratedBand, redshift: float, weight: Array) -> float:
    """Return the velocity of the brightest line beyond what stands beside H-alpha, or NaN."""
    velocity = _velocity_from("halpha", band.wavelength_um, redshift)
    from_nii = _velocity_from("nii_6584", band.wavelength_um, redshift)
    flux, snr = _as_lines(band, redshift, weight)
    halpha = _is_at_line(velocity)
    elsewhere = (np.abs(velocity) < SEARCHED_KMS) & ~halpha & (snr > LEAST_SNR)
    if not halpha.any() or not elsewhere.any():
        return float("nan")
    brightest = max(float(flux[halpha].max()), 0.0)
    allowed = np.where(_is_at_line(from_nii), BRIGHTEST_NII, BRIGHTER_THAN_HALPHA) * brightest
    too_bright = elsewhere & (flux > allowed)
    if not (too_bright & (np.abs(velocity) > FITTED_KMS)).any():
        return float("nan")
    return float(velocity[np.where(too_bright, flux, 0.0).argmax()])


def _fitted_beyond_kms(band: CalibratedBand, redshift: float, weight: Array) -> float:
    """Return the velocity of H-alpha fitted in a wider window, NaN if the usual one has it."""
    velocity, _ = systemic_velocity(
        band, redshift, weight, velocity_range_kms=(-FITTED_KMS, FITTED_KMS)
    )
    return float("nan") if _is_at_line(velocity) else velocity


def _as_lines(band: CalibratedBand, redshift: float, weight: Array) -> tuple[Array, Array]:
    """Return the peak of a line of typical width in every channel, and its signal to noise.

    In a cut-out of 3000 km/s about the lines no channel is left to tell residuals of the sky by:
    the noise is then the one stated.
    """
    sigma = observed_line_sigma_channels(band.wavelength_um)
    # The line that is looked for must not pass for a residual of the sky.
    line_free = ~near_lines(
        band.wavelength_um, redshift, within_kms=SEARCHED_KMS + LINE_EXCLUSION_KMS
    )
    spectra = with_sky_residuals(coadd(band, weight[None]), line_free, line_sigma_channels=sigma)
    flux, variance, used = spectra.flux[0], spectra.variance[0], spectra.valid[0]
    precision = np.divide(1.0, variance, out=np.zeros_like(variance), where=used)
    profile = line_profile(sigma)
    power = ndimage.correlate1d(precision, profile**2, mode="constant")
    seen = ndimage.correlate1d(precision * flux, profile, mode="constant")
    # What is seen of a line by its wing alone may be the wing of another line.
    covered = ndimage.correlate1d(used.astype(float), profile**2, mode="constant")
    told = used & (covered > LEAST_COVERED * (profile**2).sum()) & (power > 0.0)
    peak = np.divide(seen, power, out=np.zeros_like(seen), where=told)
    return peak, peak * np.sqrt(power)


def _velocity_from(line: str, wavelength_um: Array, redshift: float) -> Array:
    observed_um = REST_WAVELENGTH_UM[line] * (1.0 + redshift)
    return (wavelength_um / observed_um - 1.0) * SPEED_OF_LIGHT_KMS


def _is_at_line(velocity_kms: ArrayLike) -> BoolArray:
    low, high = VELOCITY_RANGE_KMS
    return (np.asarray(velocity_kms) >= low) & (np.asarray(velocity_kms) <= high)
