"""The continuum of apertures: calibration subtracts it from spaxels before they are added up."""

from dataclasses import dataclass

import numpy as np

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.spectra.calibration import CalibratedBand
from kurvs_pipeline.spectra.continuum import BlockContinuum

MEDIAN_VARIANCE = np.pi / 2.0
"""Variance of the median of Gaussian values over that of their mean."""


@dataclass(frozen=True)
class _ContinuumLevel:
    """Continuum flux density and its standard error, each of shape (n_apertures,)."""

    value: Array
    error: Array


def coadded_continuum(
    band: CalibratedBand, weights: Array, continuum: BlockContinuum | None = None
) -> Array:
    """Return the continuum of every aperture, shape (n_apertures, n_channels).

    It is that of the band unless another is given. ConfigurationError if the band was made without
    its continuum.
    """
    inside = weights * band.valid_spaxels
    cube = (continuum or subtracted_continuum(band)).cube()
    return np.asarray(np.einsum("ayx,kyx->ak", inside, cube))


def continuum_level(band: CalibratedBand, weights: Array, wavelength_um: float) -> _ContinuumLevel:
    """Return ``value`` and ``error`` of the continuum of every aperture at one wavelength.

    The error is that of the medians that are interpolated, with the correlation of the
    noise between spaxels. ConfigurationError if the band was made without its continuum.
    """
    continuum = subtracted_continuum(band)
    inside = weights * band.valid_spaxels
    channel = np.interp(wavelength_um, band.wavelength_um, np.arange(band.wavelength_um.size))
    value = np.einsum("ayx,yx->a", inside, continuum.at([channel])[0])
    variance = _variance_of_blocks(band, continuum, inside)
    share = _share_of_blocks(continuum, inside, float(channel))
    return _ContinuumLevel(value, np.sqrt(np.sum(share**2 * variance, axis=1)))


def subtracted_continuum(band: CalibratedBand) -> BlockContinuum:
    """Return the continuum that was subtracted from a band.

    ConfigurationError if the band was made without its continuum.
    """
    if band.continuum is None:
        raise ConfigurationError(
            "the band does not hold the continuum that was subtracted; expected one made by "
            "kurvs_pipeline.spectra.calibration.calibrate"
        )
    return band.continuum


def _variance_of_blocks(band: CalibratedBand, continuum: BlockContinuum, inside: Array) -> Array:
    """Return the variance of the co-added median of every block, (n_apertures, n_blocks)."""
    sigma = np.where(band.valid, band.sigma, 0.0)
    total = np.maximum(inside.sum(axis=(1, 2)), 1e-12)[:, None]
    number = np.einsum("ayx,byx->ab", inside, continuum.usable) / total
    blocks = list(zip(continuum.edges[:-1], continuum.edges[1:], strict=True))
    of_channels = [band.correlation.coadded_variance(weight * sigma) for weight in inside]
    typical = np.array([[_typical(one[a:b]) for a, b in blocks] for one in of_channels])
    return np.asarray(MEDIAN_VARIANCE * typical / np.maximum(number, 1.0))


def _typical(variance: Array) -> float:
    """Return the median of positive variances; 0 if there are none."""
    known = variance[variance > 0.0]
    return float(np.median(known)) if known.size else 0.0


def _share_of_blocks(continuum: BlockContinuum, inside: Array, channel: float) -> Array:
    """Return the weight of every block in the level, shape (n_apertures, n_blocks)."""
    known = np.isfinite(continuum.medians)
    unit = np.eye(len(continuum.medians))[:, :, None, None]
    total = np.maximum(inside.sum(axis=(1, 2)), 1e-12)
    shares = []
    for block in unit:
        only = BlockContinuum(np.where(known, block, np.nan), continuum.edges, continuum.usable)
        shares.append(np.einsum("ayx,yx->a", inside, only.at([channel])[0]) / total)
    return np.stack(shares, axis=1)
