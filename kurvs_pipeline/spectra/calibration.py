"""Calibration of a band: continuum and sky residuals subtracted, noise measured on the cube."""

import logging
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.geometry import spaxel_size_arcsec
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.representation import short_repr
from kurvs_pipeline.spectra.continuum import BlockContinuum
from kurvs_pipeline.spectra.noise import (
    SpatialCorrelation,
    empirical_sigma,
    measure_correlation,
    noise_scale,
    observed_line_sigma_channels,
)
from kurvs_pipeline.spectra.outliers import lone_outliers, stuck_channels
from kurvs_pipeline.spectra.sky_templates import between_sky_lines, sky_residual

logger = logging.getLogger(__name__)

USED_KMS = 10_000.0
"""Half-width about the lines of what is used of a band: hundreds of channels either side."""

LINE_EXCLUSION_KMS = 700.0
"""Half-width about every line that continuum and noise estimates leave out."""

CORRELATION_REACH_ARCSEC = 0.45
"""Reconstruction and resampling couple spaxels no further than this."""

NOISE_FREE_SCALE = 0.1
"""A cube with less scatter than this times its stated noise was never observed: a mock
without noise, whose stated noise serves as weights only."""

SATURATED_VOXELS = 10
"""Number of voxels on exactly one value that noise does not explain."""


@dataclass(frozen=True, eq=False)
class CalibratedBand:
    """A band without continuum, with noise measured on the cube itself.

    Parameters
    ----------
    flux : array, shape (n_channels, n_y, n_x)
        Continuum-subtracted flux density, 0 where invalid.
    sigma : array, same shape
        Standard deviation of the noise, NaN where invalid.
    valid : bool array, same shape
        Whether to use each voxel.
    wavelength_um, lsf_sigma_um : array, shape (n_channels,)
        Vacuum wavelengths, and standard deviation of the line-spread function.
    correlation : SpatialCorrelation
        Correlation of the noise between spaxels.
    noise_scale : float
        Factor by which the stated noise was multiplied; NaN where none was stated.
    units : str
        Unit of the flux density.
    continuum : BlockContinuum, optional
        Continuum that was subtracted.
    n_outliers : int
        Number of single voxels that were left out because nothing beside them is like them.
    """

    __repr__ = short_repr

    flux: Array
    sigma: Array
    valid: BoolArray
    wavelength_um: Array
    lsf_sigma_um: Array
    correlation: SpatialCorrelation
    noise_scale: float
    units: str
    continuum: BlockContinuum | None = None
    n_outliers: int = 0

    @property
    def valid_fraction(self) -> Array:
        """Fraction of the channels with data anywhere that each spaxel has, shape (n_y, n_x)."""
        observed = self.valid.any(axis=(1, 2))
        return np.asarray(self.valid[observed].mean(axis=0) if observed.any() else self.valid[0])

    @property
    def valid_spaxels(self) -> BoolArray:
        """Spaxels with data in at least half as many channels as the best spaxel."""
        count = self.valid.sum(axis=0)
        return np.asarray(count > 0.5 * max(int(count.max()), 1))


def around_lines(band: xr.Dataset, redshift: float) -> xr.Dataset:
    """Return the channels of a band that its lines, their noise and continuum are measured on.

    They reach from 10 000 km/s before the first line in the band to as much after its last. A band
    without lines is returned whole.
    """
    wavelength = band["wavelength"].to_numpy()
    lines = np.array(list(REST_WAVELENGTH_UM.values())) * (1.0 + redshift)
    inside = lines[(lines > wavelength[0]) & (lines < wavelength[-1])]
    if inside.size == 0:
        return band
    reach = USED_KMS / SPEED_OF_LIGHT_KMS
    first, last = np.searchsorted(
        wavelength, [inside.min() * (1.0 - reach), inside.max() * (1.0 + reach)]
    )
    return band.isel(wavelength=slice(int(first), int(last)))


def calibrate(band: xr.Dataset, *, redshift: float, source_radius_arcsec: float) -> CalibratedBand:
    """Return one band without continuum, with calibrated noise.

    Parameters
    ----------
    band : Dataset
        One band of an Observation.
    redshift : float
        Redshift of the lines, which continuum and noise leave out.
    source_radius_arcsec : float
        Radius from the target beyond which spaxels show no source.
    """
    wavelength = band["wavelength"].to_numpy()
    flux, valid = usable_flux(band)
    line_free = ~near_lines(wavelength, redshift)
    variance = band["variance"].to_numpy().astype(float)
    stated = np.sqrt(np.where(variance >= 0.0, variance, np.nan))
    is_stated = bool(np.isfinite(stated[valid]).any())
    outliers = lone_outliers(flux, stated if is_stated else None, valid)
    valid &= ~outliers
    flux = np.where(valid, flux, 0.0)
    quiet_channels = line_free
    if is_stated:
        valid &= stated > 0.0
        # Residuals of sky lines would pass for noise that all spaxels share in all channels.
        quiet_channels = line_free & between_sky_lines(stated, valid & line_free[:, None, None])
    continuum = BlockContinuum.of(flux, valid & quiet_channels[:, None, None])
    residual = flux - continuum.cube()
    if is_stated:
        residual -= sky_residual(residual, stated, valid & line_free[:, None, None])
        scale = _scale(residual, stated, valid & quiet_channels[:, None, None], continuum)
        sigma = stated * (scale if scale > NOISE_FREE_SCALE else 1.0)
    else:
        radius = np.hypot(band["x"].to_numpy()[None, :], band["y"].to_numpy()[:, None])
        off_source = _off_source(radius > source_radius_arcsec, valid)
        scale, sigma = float("nan"), empirical_sigma(residual, valid, off_source)
        quiet_channels = line_free & between_sky_lines(sigma, valid & line_free[:, None, None])
    valid &= np.isfinite(sigma) & (sigma > 0.0)
    quiet = valid & quiet_channels[:, None, None]
    noise_free = scale <= NOISE_FREE_SCALE
    return CalibratedBand(
        flux=np.where(valid, residual, 0.0),
        sigma=np.where(valid, sigma, np.nan),
        valid=valid,
        wavelength_um=wavelength,
        lsf_sigma_um=band["lsf_sigma"].to_numpy(),
        correlation=(
            SpatialCorrelation() if noise_free else _correlation(residual, sigma, quiet, band)
        ),
        noise_scale=scale,
        units=band["flux"].attrs["units"],
        continuum=continuum,
        n_outliers=int(outliers.sum()),
    )


def usable_flux(band: xr.Dataset) -> tuple[Array, BoolArray]:
    """Return the flux of a band, 0 where there is none to use, and where it is usable."""
    flux = band["flux"].to_numpy()
    valid = ~band["mask"].to_numpy() & np.isfinite(flux)
    valid &= ~_saturated(flux, valid)
    valid &= ~stuck_channels(flux, valid)
    return np.where(valid, flux, 0.0).astype(float), valid


def _saturated(flux: NDArray[np.floating], valid: BoolArray) -> BoolArray:
    """Find voxels cut off at one value: many that hold exactly the largest, or smallest, of all."""
    found = np.zeros_like(valid)
    for end, end_of in (("ceiling", np.max), ("floor", np.min)):
        value = end_of(flux, where=valid, initial=0.0)
        at_end = valid & (flux == value)
        cut_off = value != 0.0 and np.count_nonzero(at_end) >= SATURATED_VOXELS
        if cut_off and not np.array_equal(at_end, valid):
            logger.warning("%d voxels stand at the %s of %g and are taken as saturated",
                           np.count_nonzero(at_end), end, value)  # fmt: skip
            found |= at_end
    return found


def _scale(residual: Array, stated: Array, quiet: BoolArray, continuum: BlockContinuum) -> float:
    """Return the factor by which the stated noise is too small."""
    if not quiet.any():
        return float("nan")
    number = np.median(continuum.usable[continuum.usable > 0])
    # Scatter about the median of n channels comes out small (Rousseeuw & Croux 1993).
    return noise_scale(residual, stated, quiet) * float(number / max(number - 0.8, 1.0))


def _correlation(
    residual: Array, sigma: Array, quiet: BoolArray, band: xr.Dataset
) -> SpatialCorrelation:
    normalised = np.divide(residual, sigma, out=np.zeros_like(residual), where=quiet)
    reach = max(1, int(CORRELATION_REACH_ARCSEC / spaxel_size_arcsec(band["x"])))
    width = observed_line_sigma_channels(band["wavelength"].to_numpy())
    return measure_correlation(normalised, quiet, reach=reach, line_sigma_channels=width)


def _off_source(outside: BoolArray, valid: BoolArray, minimum_spaxels: int = 20) -> BoolArray:
    """Return the spaxels off the source; the whole field where there are too few."""
    observed = valid.any(axis=0)
    chosen = outside & observed
    return np.asarray(chosen if chosen.sum() >= minimum_spaxels else observed)


def near_lines(
    wavelength_um: Array, redshift: float, *, within_kms: float = LINE_EXCLUSION_KMS
) -> BoolArray:
    """Return whether channels, in vacuum, are near any line, shape (n_channels,)."""
    observed = np.array(list(REST_WAVELENGTH_UM.values())) * (1.0 + redshift)
    offset = np.abs(wavelength_um[:, None] / observed - 1.0) * SPEED_OF_LIGHT_KMS
    return np.asarray((offset < within_kms).any(axis=1))
