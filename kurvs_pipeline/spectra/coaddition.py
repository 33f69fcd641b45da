"""Co-added spectra of apertures, and the noise that apertures share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.arrays import Array, BoolArray, IntArray
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.representation import short_repr
from kurvs_pipeline.spectra.calibration import CalibratedBand

MINIMUM_WEIGHT_FRACTION = 0.5
"""A channel that has lost more of its aperture than this is masked."""

SAMPLED_CHANNELS = 12
"""Number of channels to average over: the noise is correlated alike in nearly all of them."""


@dataclass(frozen=True, eq=False)
class ApertureSpectra:
    """Co-added spectra of apertures on the grid of their band.

    Parameters
    ----------
    flux, variance : array, shape (n_apertures, n_channels)
        Flux density, and its variance including the correlation of the noise.
    valid : bool array, same shape
        Whether to use each channel.
    """

    __repr__ = short_repr

    flux: Array
    variance: Array
    valid: BoolArray

    def at(self, rows: Sequence[int] | IntArray) -> "ApertureSpectra":
        """Return the spectra of some apertures.

        Parameters
        ----------
        rows : sequence of int
            Indices of the apertures.
        """
        return ApertureSpectra(self.flux[rows], self.variance[rows], self.valid[rows])


def coadd(
    band: CalibratedBand, weights: Array, *, velocity_kms: Array | None = None
) -> ApertureSpectra:
    """Return the sum of the spaxels of each aperture, velocities taken out.

    Every spaxel is displaced by whole channels, so that no noise is interpolated; the lines are
    broadened by 1/12 channel^2, which the free line width absorbs. Variances are those
    that give the flux of a line its error: spaxels displaced apart share less of it
    (:meth:`~kurvs_pipeline.spectra.noise.SpatialCorrelation.coadded_variances`).

    A channel that misses part of its aperture is scaled up to the spaxels that hold data at all;
    one that misses more than half of them is masked. Light on spaxels without data is not made
    up: see ``coverage`` of :class:`~kurvs_pipeline.geometry.PlacedApertures`.

    Parameters
    ----------
    band : CalibratedBand
        Calibrated cube.
    weights : array, shape (n_apertures, n_y, n_x)
        Fraction of each spaxel that lies in each aperture.
    velocity_kms : array, shape (n_y, n_x), optional
        Velocity to take out of every spaxel.
    """
    inside = weights * band.valid_spaxels
    used = inside.any(axis=0)
    cubes = band.flux, np.where(band.valid, band.sigma, 0.0), band.valid
    flux, sigma, valid = (cube[:, used] for cube in cubes)
    if velocity_kms is not None:
        flux, sigma, valid = _align(band.wavelength_um, velocity_kms[used], flux, sigma, valid)
    shares = inside[:, used]
    held = shares @ valid.T
    total = inside.sum(axis=(1, 2))[:, None]
    good = held > MINIMUM_WEIGHT_FRACTION * np.maximum(total, 1e-12)
    scale = np.divide(total, held, out=np.ones_like(held), where=good)
    on_sky = np.zeros((len(sigma), *used.shape))
    on_sky[:, used] = sigma
    variance = band.correlation.coadded_variances(inside, on_sky, velocity_kms=velocity_kms)
    return ApertureSpectra(
        (shares @ flux.T) * scale, variance * scale**2, good & (variance > 0.0)
    )  # fmt: skip


def shared_noise(band: CalibratedBand, weights: Array, velocity_kms: Array) -> Array:
    """Return the correlation of the noise of apertures in line fluxes, (n_apertures, n_apertures).

    Reconstruction correlates neighbouring spaxels, so that adjacent annuli share part of their
    noise, and all apertures share residuals of the sky. The covariance is half the variance of the
    sum of two apertures, less that of each. It is 0 beside the diagonal for an aperture without
    data. As an estimate, the matrix is not always positive definite.

    ``weights`` may be the annuli of one or several schemes; the velocity of every spaxel is taken
    out.
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


def _align(wavelength_um: Array, velocity_kms: Array, *spectra: NDArray) -> list[NDArray]:  # type: ignore[type-arg]
    """Displace spaxels, shape (n_channels, n_spaxels), by a whole number of channels each."""
    step = np.gradient(wavelength_um)
    offset = wavelength_um[:, None] * (velocity_kms / SPEED_OF_LIGHT_KMS) / step[:, None]
    # Interpolation would correlate neighbouring channels, and errors would come out too small.
    source = np.arange(wavelength_um.size)[:, None] + np.rint(offset).astype(int)
    inside = (source >= 0) & (source < wavelength_um.size)
    place = np.clip(source, 0, wavelength_um.size - 1) * velocity_kms.size
    place += np.arange(velocity_kms.size)
    return [spectrum.ravel()[place] * inside for spectrum in spectra]
