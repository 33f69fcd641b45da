"""How much of their noise two apertures share: spaxels at their border, and the whole field's sky.

Reconstruction correlates neighbouring spaxels, so that annuli side by side see the same noise in
part, and residuals of the sky are common to all.
"""

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.spectra import CalibratedBand

Array = NDArray[np.float64]

SAMPLED_CHANNELS = 12
"""The noise has the same shape over the field in nearly all channels."""


def shared_noise(band: CalibratedBand, weights: Array, velocity_kms: Array) -> Array:
    """Return the correlation of the noise of apertures, as line fluxes see it.

    The variance of the sum of two apertures, less that of each, is twice their covariance.

    Parameters
    ----------
    band : CalibratedBand
        The cube.
    weights : array, shape (n_apertures, n_y, n_x)
        Apertures, such as the annuli of one binning or several.
    velocity_kms : array, shape (n_y, n_x)
        Taken out of every spaxel.

    Returns
    -------
    array, shape (n_apertures, n_apertures)
        1 on the diagonal; 0 beside it for an aperture without data. An estimate, and so not always
        positive definite.
    """
    channels = np.flatnonzero(band.valid.any(axis=(1, 2)))
    chosen = channels[:: max(1, channels.size // SAMPLED_CHANNELS)]
    sigma = np.where(band.valid[chosen], band.sigma[chosen], 0.0)

    first, second = np.triu_indices(len(weights), 1)
    summed = np.concatenate([weights, weights[first] + weights[second]])
    variance = band.correlation.coadded_variances(summed, sigma, velocity_kms=velocity_kms)
    own, together = np.split(variance, [len(weights)])
    both = np.sqrt(own[first] * own[second])
    covariance = 0.5 * (together - own[first] - own[second])
    shared = np.eye(len(weights))
    for i, j, value, scale in zip(first, second, covariance, both, strict=True):
        if (scale > 0.0).any():
            shared[i, j] = shared[j, i] = np.median((value / scale)[scale > 0.0])
    return shared
