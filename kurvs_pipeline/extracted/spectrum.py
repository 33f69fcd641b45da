"""The fit of one extracted spectrum, with noise measured on it where it comes without errors.

OH residuals make the noise of near-infrared spectra vary from channel to channel, and
resampling correlates neighbours. So the scale of the noise is a running robust scatter, and the
correlation is measured and included in the errors of lines.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import binary_dilation

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.bands import KMOS_BANDS, SPEED_OF_LIGHT_KMS
from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.fitting.fit import fit_lines
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.outcome import FitFlag, LineFits
from kurvs_pipeline.io.tables import ExtractedSpectrum, redshift_of
from kurvs_pipeline.kinematics.redshift import IntegratedSpectrum
from kurvs_pipeline.lines import REST_WAVELENGTH_UM, vacuum_from_air
from kurvs_pipeline.representation import short_repr
from kurvs_pipeline.robust import MAD_TO_SIGMA
from kurvs_pipeline.spectra.calibration import near_lines
from kurvs_pipeline.spectra.coaddition import ApertureSpectra

_CLIP_SIGMA = 3.0
_LONGEST_LAG = 8

ASSUMED_REDSHIFT = 1.5
"""Redshift of a rest-frame spectrum without one; it only sets the line-spread function."""

TYPICAL_SIGMA_KMS = 64.0
"""The survey's median line width (FWHM 150 km/s), where no band shows its own."""

VELOCITY_RANGE_KMS = (-300.0, 300.0)
_LINE_HALF_WIDTH_KMS = 400.0
_NOISE_PASSES = 3
_PROBLEMS = {
    FitFlag.NO_DATA: "too few channels",
    FitFlag.AT_BOUND: "velocity or width out of range",
    FitFlag.NOT_CONVERGED: "no best fit found",
}


@dataclass(frozen=True)
class Kinematics:
    """Fixed velocity and width of a fit; the width (sigma) is that before the spectrograph."""

    velocity_kms: float = 0.0
    sigma_kms: float = TYPICAL_SIGMA_KMS


@dataclass(frozen=True, eq=False)
class FittedSpectrum:
    """One spectrum with its noise and fit.

    Parameters
    ----------
    spectrum : ExtractedSpectrum
        Spectrum that was fitted.
    fits : LineFits
        Fit of this one spectrum.
    sigma : array, shape (n_channels,)
        Standard deviation of the noise in each channel.
    mask : bool array, shape (n_channels,)
        Whether a channel was left out: no data, or a sky residual.
    error_inflation : float
        Factor by which correlated channels raise the errors of lines, which include it.
    """

    __repr__ = short_repr

    spectrum: ExtractedSpectrum
    fits: LineFits
    sigma: Array
    mask: BoolArray
    error_inflation: float

    @property
    def model_flux_density(self) -> Array:
        """Best fit on the spectrum's own axis, NaN outside the fitted windows."""
        return np.asarray(self.fits.model_spectra()[0])

    @property
    def best_snr(self) -> float:
        """Signal-to-noise ratio of the brightest line, -inf where nothing could be fitted."""
        return float(np.max(np.nan_to_num(self.fits.snr[0], nan=-np.inf)))

    @property
    def problem(self) -> str:
        """Reason for a missing fit; empty where there is one."""
        if self.fits.converged[0]:
            return ""
        known = np.isfinite(self.spectrum.flux_density)
        if not known.any():
            return "no finite flux density"
        if not np.any(known & _is_noise(self.sigma)):
            own = self.spectrum.flux_density_err is None
            return "no scatter to take for noise" if own else "no finite error > 0"
        return next(text for flag, text in _PROBLEMS.items() if self.fits.flag[0] & flag)


@dataclass(frozen=True)
class SpectrumFitter:
    """A spectrum with the line model on its axis."""

    spectrum: ExtractedSpectrum
    model: BandLineModel

    @classmethod
    def of(
        cls,
        spectrum: ExtractedSpectrum,
        medium: str,
        redshifts: Mapping[Any, float] | None = None,
    ) -> Self:
        """Build the line model on a spectrum's axis, in ``air`` or ``vacuum``.

        Redshifts of a catalogue are by the identity of a spectrum. MetadataError if the axis is an
        observed one and there is no redshift, CoverageError if it covers no line.
        """
        redshift = redshift_of(spectrum, redshifts)
        wavelength = spectrum.wavelength_um
        vacuum = vacuum_from_air(wavelength) if medium == "air" else wavelength
        lsf_sigma_um = KMOS_BANDS[spectrum.band].lsf_sigma_um
        if spectrum.rest_frame:
            stretch = 1.0 + (redshift if np.isfinite(redshift) else ASSUMED_REDSHIFT)
            return cls(spectrum, BandLineModel.for_band(vacuum, lsf_sigma_um / stretch, 0.0))
        if not np.isfinite(redshift):
            raise MetadataError(
                f"{spectrum.label}: an observed wavelength axis needs a redshift; expected a "
                "'redshift' column or a catalogue"
            )
        return cls(spectrum, BandLineModel.for_band(vacuum, lsf_sigma_um, redshift))

    def fit(self, kinematics: Kinematics | None = None) -> FittedSpectrum:
        """Return the fit of the spectrum, with free kinematics unless some are given."""
        valid = np.isfinite(self.spectrum.flux_density)
        sigma = self.spectrum.flux_density_err
        if sigma is None:
            return self._fit_with_own_noise(valid, kinematics)
        mask = ~(valid & _is_noise(sigma))
        fits = self._fit_lines(sigma, mask, kinematics)
        return FittedSpectrum(self.spectrum, fits, sigma, mask, 1.0)

    def doubt(self, fitted: FittedSpectrum) -> str:
        """Say why the redshift is likely wrong, as for a galaxy in a cube; empty if it is not.

        ``fitted`` is this spectrum's fit. Without H-alpha on the axis nothing can be said.
        """
        if "halpha" not in self.model.group_names or not fitted.fits.converged[0]:
            return ""
        valid = ~fitted.mask
        far = valid & ~near_lines(
            self.model.wavelength_um, self.model.redshift, within_kms=_LINE_HALF_WIDTH_KMS
        )
        flux = self.spectrum.flux_density
        level = float(np.median(flux[far])) if far.any() else 0.0
        variance = np.where(valid, fitted.sigma * fitted.error_inflation, 1.0) ** 2
        spectrum = ApertureSpectra(
            np.where(valid, flux - level, 0.0)[None], variance[None], valid[None]
        )
        whole = IntegratedSpectrum(
            self.model.wavelength_um, self.model.lsf_sigma_um, self.model.redshift, spectrum
        )
        if not self.spectrum.rest_frame:
            return whole.doubt()
        brighter_kms = whole.brighter_line_kms()
        if not np.isfinite(brighter_kms):
            return ""
        return (
            f"the brightest line is {brighter_kms:+.0f} km/s from H-alpha, where none is expected: "
            "the redshift that brought the axis to rest is likely wrong"
        )

    def _fit_with_own_noise(
        self, valid: BoolArray, kinematics: Kinematics | None
    ) -> FittedSpectrum:
        """Alternate between fitting the lines and measuring the noise of the residual."""
        line_free = valid & ~self._near_lines(weakest_ratio=0.0)
        # The weaker line of a doublet can be spared: its partner carries the flux.
        can_be_spared = valid & ~self._near_lines(weakest_ratio=1.0)
        residual = self._residual(valid, line_free, None)
        sigma = _running_scatter(residual, line_free)
        fits, inflation = self._fit_lines(sigma, ~valid, kinematics), 1.0
        mask = ~valid
        for _ in range(_NOISE_PASSES):
            mask = ~valid | _spikes(residual, sigma, can_be_spared)
            correlation = _autocorrelation(residual / sigma, line_free & ~mask)
            inflation = float(np.sqrt(_variance_inflation(correlation, self._profile(fits))))
            fits = self._fit_lines(sigma * inflation, mask, kinematics)
            residual = self._residual(valid, line_free, fits)
            known = valid if fits.converged[0] else line_free
            sigma = _running_scatter(residual, known & ~mask)
        return FittedSpectrum(self.spectrum, fits, sigma, mask, inflation)

    def _fit_lines(self, sigma: Array, mask: BoolArray, kinematics: Kinematics | None) -> LineFits:
        return fit_lines(
            self.model,
            self.spectrum.flux_density[None],
            sigma[None] ** 2,
            mask=mask[None],
            velocity_kms=None if kinematics is None else kinematics.velocity_kms,
            sigma_kms=None if kinematics is None else kinematics.sigma_kms,
            velocity_range_kms=VELOCITY_RANGE_KMS,
        )

    def _residual(self, valid: BoolArray, line_free: BoolArray, fits: LineFits | None) -> Array:
        """Subtract the fit, or without one the typical level away from lines."""
        flux = self.spectrum.flux_density
        level = float(np.median(flux[line_free])) if line_free.any() else 0.0
        drawn = np.full(flux.size, np.nan) if fits is None else fits.model_spectra()[0]
        return np.where(valid, flux - np.where(np.isfinite(drawn), drawn, level), 0.0)

    def _near_lines(self, *, weakest_ratio: float) -> BoolArray:
        near = np.zeros(self.model.wavelength_um.size, dtype=bool)
        for group in self.model.groups:
            for name, ratio in group.members:
                if ratio < weakest_ratio:
                    continue
                observed = REST_WAVELENGTH_UM[name] * (1.0 + self.model.redshift)
                offset_kms = (self.model.wavelength_um / observed - 1.0) * SPEED_OF_LIGHT_KMS
                near |= np.abs(offset_kms) < _LINE_HALF_WIDTH_KMS
        return near

    def _profile(self, fits: LineFits) -> Array:
        """Return the profile of one line with the fitted width."""
        width = fits.sigma_kms[0] if np.isfinite(fits.sigma_kms[0]) else TYPICAL_SIGMA_KMS
        return self.model.design(0.0, width)[0, :, 0]


def _running_scatter(residual: Array, valid: BoolArray, *, n_window: int = 61) -> Array:
    """Return the robust scatter about zero of a line-free residual, in a window of valid channels.

    It is interpolated over channels that are not valid and never below half of its median; NaN
    everywhere if no channel is valid or the scatter is zero.
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


def _spikes(
    residual: Array, sigma: Array, valid: BoolArray, *, threshold: float = 5.0
) -> BoolArray:
    """Return channels with residuals beyond a threshold in sigma, with their neighbours."""
    with np.errstate(invalid="ignore"):
        high = valid & (np.abs(residual) > threshold * sigma)
    return np.asarray(binary_dilation(high) & valid)


def _autocorrelation(normalised: Array, valid: BoolArray) -> Array:
    """Return the correlation of the noise between channels at lags 1 to 8.

    It is 0 from the first lag on at which it is no longer positive.
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


def _variance_inflation(correlation: ArrayLike, profile: Array) -> float:
    """Return the factor by which correlated noise raises the variance of a matched-filter flux.

    It is 1 + 2 sum_k rho_k sum_i p_i p_{i+k} / sum_i p_i^2, with rho_k the correlation at lag k and
    p the profile of the line.
    """
    rho = np.asarray(correlation, dtype=float)
    power = float(np.sum(profile**2))
    overlap = [float(np.sum(profile[lag:] * profile[:-lag])) for lag in range(1, rho.size + 1)]
    return 1.0 + 2.0 * float(np.dot(rho, overlap)) / power


def _is_noise(sigma: Array) -> BoolArray:
    return np.isfinite(sigma) & (sigma > 0.0)
