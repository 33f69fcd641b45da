"""Residuals of sky lines, fitted to every spaxel where the galaxy has no lines.

An error in the position, width or strength of the subtracted sky leaves the same shape on every
OH line of a spaxel (Davies 2007). Three numbers per spaxel therefore describe most of the
residual, and hundreds of channels without lines of the galaxy determine them.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage

from kurvs_pipeline.arrays import Array, BoolArray

FLOOR_CHANNELS = 101
FLOOR_PERCENTILE = 20.0
"""Between sky lines the variance is that of the detector and of the sky's continuum."""

LARGEST_FLOOR = 10.0
"""Largest variance between lines over its median; the band or the atmosphere ends beyond."""

FEWEST_CHANNELS = 200
"""Least number of line-free channels to determine three numbers without fitting noise."""

SKY_WITHOUT_SHAPE = 0.3
"""In units of the noise between lines: the shape of fainter sky light cannot be measured."""

STEEPEST_SLOPE, SHARPEST_CURVATURE = 4.0, 2.0
"""Derivatives of the logarithm by channel: no line is narrower than the spectrograph's, a standard
deviation of 0.75 channels, and none is seen beyond three of them."""

LARGEST_SKY_BETWEEN_LINES = 1.5
"""Variance over that between lines, of channels that no residual of a line has reached."""

FEWEST_BETWEEN_LINES = 100
"""Least number of channels to measure the noise on."""


def sky_lines(variance: Array, valid: BoolArray) -> Array:
    """Return the flux density of the sky's lines from the noise they make, in arbitrary units.

    The variance of a channel is (sky + rest) / response^2, the rest being detector and sky
    between lines; the response follows from the variance between lines. The result, shape
    (n_channels,), is >= 0, and 0 without data and where the instrument sees next to nothing.
    """
    if not valid.any():
        return np.zeros_like(variance)
    floor = _variance_between_lines(variance, valid)
    sensitive = valid & (floor > 0.0) & (floor < LARGEST_FLOOR * np.median(floor[valid]))
    above = np.maximum(variance - floor, 0.0)
    sky: Array = np.divide(above, np.sqrt(floor), out=np.zeros_like(floor), where=sensitive)
    return sky


def _variance_between_lines(variance: Array, valid: BoolArray) -> Array:
    known = np.where(valid, variance, np.median(variance[valid]))
    floor = ndimage.percentile_filter(known, FLOOR_PERCENTILE, size=FLOOR_CHANNELS)
    return np.asarray(ndimage.uniform_filter1d(floor, FLOOR_CHANNELS // 2))


def between_sky_lines(sigma: Array, usable: BoolArray) -> BoolArray:
    """Return whether channels are between sky lines, without residuals, shape (n_channels,).

    Residuals of lines would make the noise seem larger, and shared by the whole field, in all
    channels. All channels are returned where fewer than 100 would be left. Voxels that are
    ``usable`` have data and no lines of the galaxy.
    """
    variance, valid = _typical_variance(sigma, usable)
    if not valid.any():
        return np.ones_like(valid)
    floor = _variance_between_lines(variance, valid)
    between = valid & (variance < LARGEST_SKY_BETWEEN_LINES * floor)
    return between if between.sum() >= FEWEST_BETWEEN_LINES else np.ones_like(valid)


def _derivatives(sky: Array, between_lines: float) -> tuple[Array, Array]:
    """Return the first and second derivative by channel of barely resolved lines.

    The logarithm of a Gaussian is a parabola, which differences of neighbours know exactly.
    Polynomials through the lines themselves would ring where there is no sky. ``between_lines``
    is the noise there, in the unit of the sky.
    """
    raised = sky + SKY_WITHOUT_SHAPE * between_lines
    before, here, after = sliding_window_view(np.pad(np.log(raised), 1, mode="edge"), 3).T
    # A single bad channel is no line.
    slope = np.clip(0.5 * (after - before), -STEEPEST_SLOPE, STEEPEST_SLOPE)
    curvature = np.clip(after - 2.0 * here + before, -SHARPEST_CURVATURE, SHARPEST_CURVATURE)
    return raised * slope, raised * (curvature + slope**2)


def _typical_variance(sigma: Array, observed: BoolArray) -> tuple[Array, BoolArray]:
    """Return the geometric mean over the field, and in which channels there is one.

    A single voxel with a mistaken error would pass for a line in any other mean.
    """
    number = np.count_nonzero(observed, axis=(1, 2))
    logs = np.log(np.where(observed, sigma, 1.0).astype(np.float32)).sum(axis=(1, 2), dtype=float)
    mean = np.divide(logs, number, out=np.zeros_like(logs), where=number > 0)
    return np.where(number > 0, np.exp(2.0 * mean), 0.0), number > 0


def sky_residual(flux: Array, sigma: Array, usable: BoolArray) -> Array:
    """Return the residual of the sky's lines, fitted in every spaxel, in all channels.

    It is 0 in a spaxel with fewer than 200 usable channels, and everywhere if the noise shows no
    sky lines. The flux is without continuum; ``usable`` is data without lines of the galaxy.
    """
    templates = _templates(sigma)
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


def _templates(sigma: Array) -> Array | None:
    """Return the residuals of errors of strength, position and width, shape (n_channels, 3)."""
    variance, valid = _typical_variance(sigma, sigma > 0.0)
    sky = sky_lines(variance, valid)
    if not sky.any():
        return None
    between_lines = float(np.sqrt(np.percentile(variance[valid], FLOOR_PERCENTILE)))
    templates = np.stack([sky, *_derivatives(sky, between_lines)], axis=1)
    scale = np.abs(templates).max(axis=0)
    if not np.all(scale > 0.0):
        return None
    return np.asarray(templates / scale)
