"""The noise of a spectrum that comes without errors, from the spectrum itself.

OH residuals make the noise of near-infrared spectra vary from channel to channel, and
resampling makes neighbours share it. So the scale is a running robust scatter, and the
correlation is measured and carried into the errors of lines.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import binary_dilation

from kurvs_pipeline.noise import MAD_TO_SIGMA

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_CLIP_SIGMA = 3.0
_LONGEST_LAG = 8


def running_scatter(residual: Array, valid: BoolArray, *, n_window: int = 61) -> Array:
    """Return the local robust scatter about zero of a line-free residual.

    Parameters
    ----------
    residual : array, shape (n_channels,)
        Spectrum less everything that is known to be in it.
    valid : bool array, shape (n_channels,)
        Channels to learn from.
    n_window : int
        Length of the running window, in valid channels.

    Returns
    -------
    array, shape (n_channels,)
        Standard deviation, interpolated over channels that are not valid and never below
        half of its median. NaN everywhere if no channel is valid or the scatter is zero.
    """
    index = np.flatnonzero(valid)
    if index.size == 0:
        return np.full(residual.size, np.nan)
    half = min(n_window, index.size) // 2
    padded = np.pad(np.abs(residual[index]), half, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    scatter = MAD_TO_SIGMA * np.median(windows, axis=1)
    typical = float(np.median(scatter))
    if typical == 0.0:
        return np.full(residual.size, np.nan)
    floored = np.maximum(scatter, 0.5 * typical)
    return np.asarray(np.interp(np.arange(residual.size), index, floored))


def spikes(residual: Array, sigma: Array, valid: BoolArray, *, threshold: float = 5.0) -> BoolArray:
    """Return channels ridden by sky residuals, with one neighbour either side.

    Parameters
    ----------
    residual, sigma : array, shape (n_channels,)
        Line-free residual and its local scatter.
    valid : bool array, shape (n_channels,)
        Channels that may be called spikes.
    threshold : float
        In units of the scatter.

    Returns
    -------
    bool array, shape (n_channels,)
    """
    with np.errstate(invalid="ignore"):
        high = valid & (np.abs(residual) > threshold * sigma)
    return np.asarray(binary_dilation(high) & valid)


def autocorrelation(normalised: Array, valid: BoolArray) -> Array:
    """Return the correlation of the noise between channels at lags 1, 2, ...

    Parameters
    ----------
    normalised : array, shape (n_channels,)
        Residual over its scatter.
    valid : bool array, shape (n_channels,)
        Channels to learn from.

    Returns
    -------
    array, shape (8,)
        0 from the first lag on at which it is no longer positive.
    """
    clipped = np.where(valid, np.clip(normalised, -_CLIP_SIGMA, _CLIP_SIGMA), 0.0)
    variance = np.sum(clipped**2) / max(1, np.count_nonzero(valid))
    correlation = np.zeros(_LONGEST_LAG)
    for lag in range(1, min(_LONGEST_LAG, clipped.size - 1) + 1):
        pairs = np.count_nonzero(valid[lag:] & valid[:-lag])
        product = np.sum(clipped[lag:] * clipped[:-lag])
        if pairs == 0 or variance == 0.0 or product <= 0.0:
            break
        correlation[lag - 1] = product / pairs / variance
    return correlation


def variance_inflation(correlation: ArrayLike, profile: Array) -> float:
    """Return by how much correlated noise raises the variance of a matched-filter flux.

    Parameters
    ----------
    correlation : array, shape (n_lags,)
        Of the noise at lags 1, 2, ...
    profile : array, shape (n_channels,)
        The line.

    Returns
    -------
    float
        1 + 2 sum_k rho_k sum_i p_i p_{i+k} / sum_i p_i^2.
    """
    rho = np.asarray(correlation, dtype=float)
    power = float(np.sum(profile**2))
    overlap = [float(np.sum(profile[lag:] * profile[:-lag])) for lag in range(1, rho.size + 1)]
    return 1.0 + 2.0 * float(np.dot(rho, overlap)) / power
