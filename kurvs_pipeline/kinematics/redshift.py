"""The redshift of the whole galaxy, and a check that its brightest line is H-alpha."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.fitting.fit import VELOCITY_RANGE_KMS, fit_lines
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.outcome import LineFits
from kurvs_pipeline.lines import DETECTION_SNR, REST_WAVELENGTH_UM
from kurvs_pipeline.spectra.calibration import LINE_EXCLUSION_KMS, CalibratedBand, near_lines
from kurvs_pipeline.spectra.coaddition import ApertureSpectra, coadd
from kurvs_pipeline.spectra.noise import observed_line_sigma_channels
from kurvs_pipeline.spectra.sky_errors import line_profile, with_sky_residuals

DOUBTFUL_REDSHIFT = "doubtful_redshift"
"""Flag of a galaxy whose brightest line is not H-alpha by the redshift given."""

SEARCHED_KMS = 3000.0
"""Either side of H-alpha: redshifts wrong by 0.025 at z = 1.5."""

FITTED_RANGE_KMS = (-700.0, 700.0)
"""Velocities about H-alpha in which a fit decides, wider than its usual range: either part of a
line across an end of the range, or either side of a rotating disk, may be the brighter one. The
grid that fits start from holds that of ``VELOCITY_RANGE_KMS``, so that a line in both is found
alike in both."""

LEAST_SNR = 8.0

LEAST_COVERED = 0.5
"""Least fraction of the squared profile of a line on usable channels."""

BRIGHTER_THAN_HALPHA = 1.5
"""Flux in units of H-alpha that no line beside it reaches, except [N II] 6584 of active nuclei."""

BRIGHTEST_NII = 3.0
"""[N II] 6584 of active nuclei in units of H-alpha (Kewley et al. 2006, Fig. 1)."""


@dataclass(frozen=True, eq=False)
class IntegratedSpectrum:
    """The spectrum of a whole galaxy in the band of H-alpha, without continuum.

    Rotation is left in. Velocities are relative to ``redshift``, the one given.
    """

    wavelength_um: Array
    lsf_sigma_um: Array
    redshift: float
    spectrum: ApertureSpectra

    @classmethod
    def of(cls, band: CalibratedBand, redshift: float, weight: Array) -> "IntegratedSpectrum":
        """Add up the spaxels of the integrated aperture.

        Weights, shape (n_y, n_x), are the fraction of each spaxel in it.
        """
        spectrum = coadd(band, weight[None])
        return cls(band.wavelength_um, band.lsf_sigma_um, redshift, spectrum)

    @cached_property
    def systemic_velocity(self) -> tuple[float, float]:
        """Velocity of the lines and its error, km/s; NaN where H-alpha is not detected."""
        velocity, error = self._fitted
        return self._fitted_in(VELOCITY_RANGE_KMS) if np.isnan(velocity) else (velocity, error)

    def doubt(self) -> str:
        """Say why the redshift is likely wrong, and which is likely; empty if nothing says so."""
        brighter_kms = self.brighter_line_kms()
        if not np.isfinite(brighter_kms):
            return ""
        likely = (1.0 + self.redshift) * (1.0 + brighter_kms / SPEED_OF_LIGHT_KMS) - 1.0
        return (
            f"redshift {self.redshift:g} is likely wrong: the brightest line is "
            f"{brighter_kms:+.0f} km/s from H-alpha, where none is expected; if it is H-alpha, "
            f"the redshift is {likely:.3f}"
        )

    def brighter_line_kms(self) -> float:
        """Return the velocity (km/s) of a line brighter than any beside H-alpha can be, or NaN.

        It is relative to H-alpha. A wrong redshift puts another line, such as [N II], where H-alpha
        is looked for, and its fit may be good. Or H-alpha lies just beyond, with a wing where it is
        looked for.
        """
        found = self._brighter_elsewhere_kms()
        if np.isfinite(found):
            return found
        velocity, _ = self._fitted
        return float("nan") if _is_at_line(velocity) else velocity

    @cached_property
    def _fitted(self) -> tuple[float, float]:
        return self._fitted_in(FITTED_RANGE_KMS)

    def _fitted_in(self, velocity_range_kms: tuple[float, float]) -> tuple[float, float]:
        """Return the velocity of the lines and its error, km/s, NaN without H-alpha."""
        fits = self._fit(velocity_range_kms)
        if not fits.snr[0, fits.names.index("halpha")] > DETECTION_SNR:
            return float("nan"), float("nan")
        return float(fits.velocity_kms[0]), float(fits.velocity_err_kms[0])

    def _fit(self, velocity_range_kms: tuple[float, float]) -> LineFits:
        wavelength = self.wavelength_um
        spectra = self._with_sky_residuals(
            ~near_lines(wavelength, self.redshift), observed_line_sigma_channels(wavelength)
        )
        model = BandLineModel.for_band(wavelength, self.lsf_sigma_um, self.redshift)
        return fit_lines(
            model, spectra.flux, spectra.variance, mask=~spectra.valid,
            velocity_range_kms=velocity_range_kms,
        )  # fmt: skip

    def _with_sky_residuals(self, line_free: BoolArray, width: float) -> ApertureSpectra:
        """Add sky residuals to the variance: where they explain a line, it is not H-alpha."""
        return with_sky_residuals(self.spectrum, line_free, line_sigma_channels=width)

    def _brighter_elsewhere_kms(self) -> float:
        """Return the velocity of the brightest line too bright to stand beside H-alpha, or NaN."""
        velocity = self._velocity_from("halpha")
        from_nii = self._velocity_from("nii_6584")
        flux, snr = self._as_lines()
        halpha = _is_at_line(velocity)
        elsewhere = (np.abs(velocity) < SEARCHED_KMS) & ~halpha & (snr > LEAST_SNR)
        if not halpha.any() or not elsewhere.any():
            return float("nan")
        brightest = max(float(flux[halpha].max()), 0.0)
        allowed = np.where(_is_at_line(from_nii), BRIGHTEST_NII, BRIGHTER_THAN_HALPHA) * brightest
        too_bright = elsewhere & (flux > allowed)
        if not (too_bright & (np.abs(velocity) > FITTED_RANGE_KMS[1])).any():
            return float("nan")
        return float(velocity[np.where(too_bright, flux, 0.0).argmax()])

    def _as_lines(self) -> tuple[Array, Array]:
        """Return the peak of a line of typical width in every channel, and its S/N.

        A cut-out of 3000 km/s about the lines has no channels left to measure sky residuals on: the
        noise is then the stated one.
        """
        wavelength = self.wavelength_um
        sigma = observed_line_sigma_channels(wavelength)
        # The line that is looked for must not pass for a residual of the sky.
        line_free = ~near_lines(
            wavelength, self.redshift, within_kms=SEARCHED_KMS + LINE_EXCLUSION_KMS
        )
        spectra = self._with_sky_residuals(line_free, sigma)
        (flux,), (variance,), (used,) = spectra.flux, spectra.variance, spectra.valid
        precision = np.divide(1.0, variance, out=np.zeros_like(variance), where=used)
        profile = line_profile(sigma)
        power = ndimage.correlate1d(precision, profile**2, mode="constant")
        seen = ndimage.correlate1d(precision * flux, profile, mode="constant")
        # What is seen of a line by its wing alone may be the wing of another line.
        covered = ndimage.correlate1d(used.astype(float), profile**2, mode="constant")
        told = used & (covered > LEAST_COVERED * (profile**2).sum()) & (power > 0.0)
        peak = np.divide(seen, power, out=np.zeros_like(seen), where=told)
        return peak, peak * np.sqrt(power)

    def _velocity_from(self, line: str) -> Array:
        observed_um = REST_WAVELENGTH_UM[line] * (1.0 + self.redshift)
        return (self.wavelength_um / observed_um - 1.0) * SPEED_OF_LIGHT_KMS


def _is_at_line(velocity_kms: ArrayLike) -> BoolArray:
    low, high = VELOCITY_RANGE_KMS
    return (np.asarray(velocity_kms) >= low) & (np.asarray(velocity_kms) <= high)
