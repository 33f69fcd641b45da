"""Noise measured on the cube itself: its scale, and its correlation between voxels.

KMOS noise extensions are some 13 per cent too small, reconstruction correlates neighbouring
spaxels and channels, and sky residuals are common to the field. All are measured here on
line-free voxels and carried into every aperture, so that the errors of line fluxes are right.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.robust import MAD_TO_SIGMA, masked_median

OBSERVED_LINE_SIGMA_KMS = 70.0
"""The survey's median line (FWHM 150 km/s, Li et al. 2025), broadened by the spectrograph."""

_CLIP_SIGMA = 4.0  # products of outliers would decide the correlation
_LINE_REACH_SIGMA = 4.0  # where lines overlap by exp(-4), 2 per cent
_SIGNIFICANT_SIGMA = 3.0


@dataclass(frozen=True)
class SpatialCorrelation:
    """Correlation of the noise of spaxels, as the flux of a line sees it.

    All values are fractions of a voxel's variance, summed over neighbouring channels as a line of
    the survey's width would sum them: without correlation between channels ``own`` and ``common``
    add up to 1.

    Parameters
    ----------
    own : float
        Variance that distant spaxels do not share.
    common : float
        Covariance of every pair of spaxels: the residual of the sky.
    lags : tuple of (int, int)
        Lags (dy, dx) in one half-plane, without (0, 0): the rest follows by symmetry.
    values : tuple of float
        Covariance of a pair at each lag beyond ``common``.
    """

    own: float = 1.0
    common: float = 0.0
    lags: tuple[tuple[int, int], ...] = ()
    values: tuple[float, ...] = ()

    def coadded_variance(
        self, weighted_sigma: Array, *, velocity_kms: Array | None = None
    ) -> Array:
        """Return the variance of weighted sums of correlated spaxels, shape (...).

        Parameters
        ----------
        weighted_sigma : array, shape (..., n_y, n_x)
            Weight times standard deviation, 0 where unused.
        velocity_kms : array, shape (n_y, n_x), optional
            Velocity taken out of each spaxel, see :meth:`coadded_variances`.
        """
        field = weighted_sigma.shape[-2:]
        sigma = weighted_sigma.reshape(-1, *field)
        variance = self.coadded_variances(np.ones((1, *field)), sigma, velocity_kms=velocity_kms)
        return np.asarray(variance[0].reshape(weighted_sigma.shape[:-2]))

    def coadded_variances(
        self, weights: Array, sigma: Array, *, velocity_kms: Array | None = None
    ) -> Array:
        """Return the variances of several weighted sums of correlated spaxels.

        Spaxels displaced by different velocities no longer share the noise of one channel: they
        share that of channels apart, which a line as wide as the survey's adds up again in part.

        Parameters
        ----------
        weights : array, shape (n_sums, n_y, n_x)
            Weight of each spaxel in each sum.
        sigma : array, shape (n_channels, n_y, n_x)
            Standard deviations, 0 where unused.
        velocity_kms : array, shape (n_y, n_x), optional
            Velocity taken out of each spaxel; the same everywhere by default.

        Returns
        -------
        array, shape (n_sums, n_channels)
            sum_ij w_i sigma_i rho_ij sigma_j w_j, at least half of the uncorrelated sum.
        """
        if velocity_kms is None:
            velocity_kms = np.zeros(sigma.shape[-2:])
        weights, sigma, velocity_kms = _cropped(weights, sigma, velocity_kms)
        diagonal = _summed(weights**2, sigma**2)
        total = self.own * diagonal + self.common * _of_all_pairs(weights, sigma, velocity_kms)
        for lag, value in zip(self.lags, self.values, strict=True):
            shared = _shared_by_line(np.subtract(*_pairs(velocity_kms, lag)))
            both, power = np.multiply(*_pairs(weights, lag)), np.multiply(*_pairs(sigma, lag))
            total = total + 2.0 * value * _summed(both * shared, power)
        # Noisy estimates at many lags need not be positive definite.
        return np.asarray(np.maximum(total, 0.5 * diagonal))


def _shared_by_line(velocity_difference_kms: Array) -> Array:
    """Return how much of two spaxels' shared noise a line sees once they are displaced, 0 to 1.

    The flux of a line is its spectrum weighted by its own Gaussian profile (a matched
    filter). Noise that two spectra share in each channel, brought a velocity dv apart, enters
    both filters with the overlap of two such Gaussians: exp(-dv^2 / (4 sigma^2)).
    """
    return np.asarray(np.exp(-((velocity_difference_kms / (2.0 * OBSERVED_LINE_SIGMA_KMS)) ** 2)))


def _cropped(weights: Array, sigma: Array, velocity_kms: Array) -> tuple[Array, Array, Array]:
    """Cut away rows and columns without weight or data."""
    rows, columns = np.nonzero(weights.any(axis=0) & sigma.any(axis=0))
    if rows.size == 0:
        return weights, sigma, velocity_kms
    box = (..., slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    return weights[box], sigma[box], velocity_kms[box]


def _summed(weights: Array, values: Array) -> Array:
    """Sum over spaxels, shapes (n_sums, n_y, n_x) and (n_channels, n_y, n_x)."""
    n_spaxels = weights.shape[1] * weights.shape[2]
    return np.asarray(
        weights.reshape(len(weights), n_spaxels) @ values.reshape(len(values), n_spaxels).T
    )


def _of_all_pairs(weights: Array, sigma: Array, velocity_kms: Array) -> Array:
    """Sum over all pairs of spaxels, collected in narrow intervals of velocity."""
    interval = np.rint(velocity_kms / (0.25 * OBSERVED_LINE_SIGMA_KMS))
    levels, member = np.unique(interval, return_inverse=True)
    indicator = (member.reshape(velocity_kms.shape) == np.arange(levels.size)[:, None, None]) * 1.0
    # One row a sum and interval.
    parts = (weights[:, None] * indicator).reshape(-1, *velocity_kms.shape)
    collected = _summed(parts, sigma).reshape(len(weights), levels.size, len(sigma))
    centres = levels * 0.25 * OBSERVED_LINE_SIGMA_KMS
    shared = _shared_by_line(centres[:, None] - centres)
    return np.asarray(np.einsum("agk,gh,ahk->ak", collected, shared, collected, optimize=True))


def observed_line_sigma_channels(wavelength_um: Array) -> float:
    """Return the standard deviation of the survey's median line, in channels."""
    channel_kms = np.median(np.diff(wavelength_um) / wavelength_um[1:]) * SPEED_OF_LIGHT_KMS
    return float(OBSERVED_LINE_SIGMA_KMS / channel_kms)


def measure_correlation(
    normalised: Array, valid: BoolArray, *, reach: int, line_sigma_channels: float
) -> SpatialCorrelation:
    """Return the correlation of the noise of voxels.

    Lags where it is within three standard errors of none are left out.

    Parameters
    ----------
    normalised : array, shape (n_channels, n_y, n_x)
        Residual over its standard deviation.
    valid : bool array, same shape
        Whether a voxel holds data and no line.
    reach : int
        Largest lag, spaxels; pairs farther apart share the sky's residual alone.
    line_sigma_channels : float
        Standard deviation of the lines whose fluxes need errors.
    """
    residual = np.where(valid, np.clip(normalised, -_CLIP_SIGMA, _CLIP_SIGMA), 0.0)
    count = np.count_nonzero(valid)
    if count == 0:
        return SpatialCorrelation()
    power = float(np.vdot(residual, residual)) / count
    lags = tuple(
        (dy, dx) for dy in range(reach + 1) for dx in range(-reach, reach + 1) if (dy, dx) > (0, 0)
    )
    products, pairs = _lag_sums(residual, valid, lags)
    near = products / power
    _, (total, number) = _of_spaxels(_channel_sums(residual, valid), residual, valid, 0)
    # Pairs further apart than the reach share the sky's residual and nothing else.
    distant = number - 2.0 * pairs.sum()
    common = (total / power - 2.0 * near.sum()) / max(distant, 1.0)
    values = near / np.maximum(pairs, 1.0) - common
    # A mean of n products of unit variance is uncertain by 1 / sqrt(n).
    values = np.where(np.abs(values) * np.sqrt(pairs) > _SIGNIFICANT_SIGMA, values, 0.0)
    neighbours = 2.0 * float(values @ pairs) / count / (1.0 - common)
    own_line, common_line = _as_lines_see_it(
        residual / np.sqrt(power), valid, (common, neighbours), line_sigma_channels
    )
    stretch = own_line / (1.0 - common)
    found = {lag: stretch * float(value) for lag, value in zip(lags, values, strict=True) if value}
    return SpatialCorrelation(own_line, common_line, tuple(found), tuple(found.values()))


def _as_lines_see_it(
    residual: Array, valid: BoolArray, spatial: tuple[float, float], line_sigma_channels: float
) -> tuple[float, float]:
    """Return a spaxel's own and common variance, summed over channels as a line sums them.

    ``spatial`` is the common fraction in one channel, and what a spaxel's neighbours share
    with it in units of its own; the latter is taken to hold between channels as well.
    """
    common, neighbours = spatial
    own_line, common_line = 1.0 - common, common
    furthest = min(int(_LINE_REACH_SIGMA * line_sigma_channels), len(residual) - 1)
    sums = _channel_sums(residual, valid)
    for channels in range(1, furthest + 1):
        (same_sum, n_same), (total, number) = _of_spaxels(sums, residual, valid, channels)
        same = same_sum / max(n_same, 1.0)
        of_neighbours = neighbours * max(n_same, 1.0)
        shared = (total - of_neighbours * same) / max(number - of_neighbours, 1.0)
        overlap = 2.0 * float(np.exp(-((channels / (2.0 * line_sigma_channels)) ** 2)))
        common_line += overlap * shared
        own_line += overlap * (same - shared)
    return own_line, common_line


def _channel_sums(residual: Array, valid: BoolArray) -> tuple[Array, Array]:
    """Return the sum and the number of the spaxels of every channel."""
    return residual.sum(axis=(1, 2)), np.count_nonzero(valid, axis=(1, 2)).astype(float)


def _of_spaxels(
    sums: tuple[Array, Array], residual: Array, valid: BoolArray, channels: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return sums of products and numbers of pairs some channels apart.

    The first are of spaxels with themselves, the second of all pairs of different ones.
    """
    n, (total, number) = len(residual) - channels, sums
    same = float(np.vdot(residual[:n], residual[channels:]))
    n_same = float(np.count_nonzero(valid[:n] & valid[channels:]))
    return (same, n_same), (
        float(total[:n] @ total[channels:]) - same,
        float(number[:n] @ number[channels:]) - n_same,
    )


def _lag_sums(
    residual: Array, valid: BoolArray, lags: Sequence[tuple[int, int]]
) -> tuple[Array, Array]:
    """Return the sums of products over pairs at every lag, and the numbers of pairs."""
    used, margin = valid.any(axis=(1, 2)), max(max(lag) for lag in lags)
    # With a margin of zeros a lag on the sky is one in memory.
    padding = (0, 0), (0, margin), (0, margin)
    flat = np.pad(residual[used], padding).ravel()
    is_valid = np.pad(valid[used], padding).ravel()
    steps = [dy * (residual.shape[2] + margin) + dx for dy, dx in lags]
    products = [flat[:-step] @ flat[step:] for step in steps]
    pairs = [np.count_nonzero(is_valid[:-step] & is_valid[step:]) for step in steps]
    return np.array(products), np.array(pairs, dtype=float)


def _pairs(image: NDArray, lag: tuple[int, int]) -> tuple[NDArray, NDArray]:  # type: ignore[type-arg]
    """Return views of an image and of itself displaced by a lag with dy >= 0.

    Both are empty where the image is smaller than the lag.
    """
    dy, dx = lag
    n_y, n_x = image.shape[-2:]
    left, right = max(0, -dx), max(0, dx)
    here = image[..., : max(0, n_y - dy), left : max(left, n_x - right)]
    there = image[..., dy:, right : max(right, n_x - left)]
    return here, there


def noise_scale(residual: Array, sigma: Array, valid: BoolArray) -> float:
    """Return the robust scatter of the residuals without continuum over the stated noise."""
    if not valid.any():
        return float("nan")
    return float(MAD_TO_SIGMA * np.median(np.abs(residual[valid] / sigma[valid])))


def empirical_sigma(residual: Array, valid: BoolArray, off_source: BoolArray) -> Array:
    """Return the noise of a cube that states none, NaN where it cannot be estimated.

    It is the product of a factor per channel (scatter over spaxels off the source, which sees
    residuals of sky lines) and a factor per spaxel (scatter along the spectrum, which sees fewer
    exposures at the edge of a dithered field). ``residual`` is flux without continuum, shape
    (n_channels, n_y, n_x); ``off_source``, shape (n_y, n_x), spaxels away from the galaxy.
    """
    spaxel = _robust_scatter(residual, valid, axis=0)
    spaxel = spaxel / masked_median(spaxel, off_source, axis=(0, 1))
    scaled = np.divide(residual, spaxel, out=np.zeros_like(residual), where=spaxel > 0.0)
    channel = _robust_scatter(scaled, valid & off_source, axis=(1, 2))
    return np.asarray(channel[:, None, None] * spaxel)


def _robust_scatter(values: Array, valid: BoolArray, axis: int | tuple[int, ...]) -> Array:
    centre = masked_median(values, valid, axis=axis, keepdims=True)
    return MAD_TO_SIGMA * masked_median(np.abs(values - centre), valid, axis=axis)
