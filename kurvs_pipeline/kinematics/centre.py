"""The centre of a galaxy from its stars: the peak of the continuum."""

import numpy as np
from scipy import ndimage

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.bands import FWHM_PER_SIGMA
from kurvs_pipeline.spectra.calibration import CalibratedBand
from kurvs_pipeline.spectra.coadded_continuum import continuum_level, subtracted_continuum

MINIMUM_SNR = 5.0
"""Least S/N of the continuum at one wavelength, within the seeing, above the rest of the field. All
channels together then have more, and give the centre to less than a tenth of the seeing."""


def continuum_centre(
    band: CalibratedBand, x_arcsec: Array, y_arcsec: Array, *, seeing_arcsec: float
) -> tuple[float, float] | None:
    """Return the position of the brightest continuum, smoothed by the seeing (FWHM).

    A background that is the same in all spaxels does not shift it. Spaxel centres, shapes (n_x,)
    and (n_y,), are evenly spaced. None where the continuum is too faint, or brightest at the edge
    of the field.
    """
    spaxel_arcsec = abs(float(x_arcsec[1] - x_arcsec[0]))
    sigma = max(seeing_arcsec / FWHM_PER_SIGMA / spaxel_arcsec, 0.5)
    image = _collapsed(band)
    smoothed = _smoothed(image, band.valid_spaxels, sigma)
    row, column = np.unravel_index(int(np.nanargmax(smoothed)), smoothed.shape)
    beside = smoothed[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
    if beside.shape != (3, 3) or not np.isfinite(beside).all():
        return None
    if _snr(band, image, (int(row), int(column)), sigma) < MINIMUM_SNR:
        return None
    return (
        float(np.interp(column + _vertex(beside[1]), np.arange(x_arcsec.size), x_arcsec)),
        float(np.interp(row + _vertex(beside[:, 1]), np.arange(y_arcsec.size), y_arcsec)),
    )


def _collapsed(band: CalibratedBand) -> Array:
    """Average the continuum over channels, weighted by their inverse variance."""
    channels = band.valid.any(axis=(1, 2))
    weight = np.zeros(channels.size)
    weight[channels] = 1.0 / np.nanmedian(band.sigma[channels], axis=(1, 2)) ** 2
    return np.asarray(np.tensordot(weight / weight.sum(), subtracted_continuum(band).cube(), 1))


def _smoothed(image: Array, valid: BoolArray, sigma: float) -> Array:
    """Smooth over spaxels with data; NaN in others."""
    share = ndimage.gaussian_filter(valid.astype(float), sigma, mode="constant")
    light = ndimage.gaussian_filter(np.where(valid, image, 0.0), sigma, mode="constant")
    return np.where(valid, light / np.where(valid, share, 1.0), np.nan)


def _snr(band: CalibratedBand, image: Array, place: tuple[int, int], sigma: float) -> float:
    """Return the S/N of the continuum at a position, above the median of the field."""
    impulse = np.zeros(image.shape)
    impulse[place] = 1.0
    patch = ndimage.gaussian_filter(impulse, sigma, mode="constant") * band.valid_spaxels
    middle = float(band.wavelength_um[band.wavelength_um.size // 2])
    level = continuum_level(band, patch[None], middle)
    field = float(np.median(image[band.valid_spaxels])) * patch.sum()
    error = float(level.error[0])
    # A mock without noise has no error.
    return (float(level.value[0]) - field) / error if error > 0.0 else np.inf


def _vertex(values: Array) -> float:
    """Return where the parabola through three values at -1, 0 and 1 is highest."""
    curvature = float(values[0] - 2.0 * values[1] + values[2])
    return 0.5 * float(values[0] - values[2]) / curvature if curvature < 0.0 else 0.0
