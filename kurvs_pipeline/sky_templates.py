"""Residuals of sky lines, fitted to every spaxel where the galaxy has no lines.

An error in the position, width or strength of the sky that was subtracted leaves the same shape
on every OH line of a spaxel (Davies 2007). Three numbers a spaxel therefore describe most of the
residual, and hundreds of channels without lines of the galaxy determine them.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.interpolate import make_interp_spline

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

FLOOR_CHANNELS = 101
FLOOR_PERCENTILE = 20.0
"""Between sky lines the variance is that of the detector and of the sky's continuum."""

LARGEST_FLOOR = 10.0
"""Where it is this many times the median, the band or the atmosphere ends."""

FEWEST_CHANNELS = 200
"""Free of lines, for three numbers to be determined without taking up noise."""


def sky_lines(variance: Array, valid: Mask) -> Array:
    """Return the flux density of the sky's lines, in a unit of its own, from the noise they make.

    The variance of a channel is (sky + rest) / response^2, the rest being detector and sky
    between lines; the response follows from the variance between lines.

    Parameters
    ----------
    variance : array, shape (n_channels,)
        Of a spectrum.
    valid : bool array, same shape
        Channels with data.

    Returns
    -------
    array, same shape
        At least 0; 0 without data, and where the instrument sees next to nothing.
    """
    if not valid.any():
        return np.zeros_like(variance)
    known = np.where(valid, variance, np.median(variance[valid]))
    floor = ndimage.percentile_filter(known, FLOOR_PERCENTILE, size=FLOOR_CHANNELS)
    floor = ndimage.uniform_filter1d(floor, FLOOR_CHANNELS // 2)
    sensitive = valid & (floor > 0.0) & (floor < LARGEST_FLOOR * np.median(floor[valid]))
    above = np.maximum(known - floor, 0.0)
    sky: Array = np.divide(above, np.sqrt(floor), out=np.zeros_like(known), where=sensitive)
    return sky


def sky_residual(flux: Array, sigma: Array, usable: Mask) -> Array:
    """Fit the residual of the sky's lines in every spaxel.

    Parameters
    ----------
    flux, sigma : array, shape (n_channels, n_y, n_x)
        Without continuum, and its stated error.
    usable : bool array, same shape
        Voxels with data and without lines of the galaxy.

    Returns
    -------
    array, same shape
        In all channels; 0 in a spaxel with fewer than 200 usable ones, and everywhere if
        the noise knows no sky lines.
    """
    templates = _templates(sigma, usable)
    if templates is None:
        return np.zeros_like(flux)
    n_channels, *field = flux.shape
    weight = np.divide(1.0, sigma**2, out=np.zeros_like(flux), where=usable & (sigma > 0.0))
    weight = weight.reshape(n_channels, -1)
    products = (templates[:, :, None] * templates[:, None, :]).reshape(n_channels, -1)
    normal = (weight.T @ products).reshape(-1, 3, 3)
    target = (weight * flux.reshape(n_channels, -1)).T @ templates
    enough = np.count_nonzero(weight, axis=0) >= FEWEST_CHANNELS
    coefficients = np.zeros((normal.shape[0], 3))
    if enough.any():
        inverse = np.linalg.inv(normal[enough])
        fitted = np.einsum("sij,sj->si", inverse, target[enough])
        scatter = np.vdot(weight, flux.reshape(n_channels, -1) ** 2) / np.count_nonzero(weight)
        errors2 = scatter * np.diagonal(inverse, axis1=1, axis2=2)
        coefficients[enough] = fitted * _signal_fraction(fitted, errors2)
    return np.asarray((templates @ coefficients.T).reshape(n_channels, *field))


def _signal_fraction(fitted: Array, errors2: Array) -> Array:
    """Return how much of the scatter of each number over the field is more than noise.

    Numbers are shrunk by it: where the sky was subtracted well, its templates would only carry
    noise into the lines of the galaxy.
    """
    power = np.mean(fitted**2, axis=0)
    excess = np.maximum(power - errors2.mean(axis=0), 0.0)
    return np.asarray(np.divide(excess, power, out=np.zeros_like(power), where=power > 0.0))


def _templates(sigma: Array, usable: Mask) -> Array | None:
    """Return what errors of strength, position and width leave, shape (n_channels, 3)."""
    observed = usable | (sigma > 0.0)
    number = observed.sum(axis=(1, 2))
    total = np.where(observed, sigma**2, 0.0).sum(axis=(1, 2))
    mean = np.divide(total, number, out=np.zeros_like(total), where=number > 0)
    sky = sky_lines(mean, number > 0)
    channel = np.arange(sky.size)
    # Differences of neighbouring channels would miss half of what so narrow lines do.
    spline = make_interp_spline(channel, sky, k=5)
    templates = np.stack([sky, spline(channel, nu=1), spline(channel, nu=2)], axis=1)
    scale = np.abs(templates).max(axis=0)
    if not np.all(scale > 0.0):
        return None
    return np.asarray(templates / scale)
