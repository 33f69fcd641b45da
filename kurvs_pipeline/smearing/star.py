"""The point-spread function from a star: width, wings and ellipticity, with their errors.

Every field of the survey observes a star in one of its arms. The fit is passed to the estimators
as a :class:`~kurvs_pipeline.smearing.seeing.SeeingKnowledge`.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import FitError
from kurvs_pipeline.io.images import StarImage
from kurvs_pipeline.representation import short_repr
from kurvs_pipeline.robust import MAD_TO_SIGMA
from kurvs_pipeline.smearing.seeing import SeeingKnowledge

POINTS_ACROSS_A_PIXEL = 3
"""Points of a Gauss-Legendre rule, which averages profiles over pixels to 1e-4 of their peak."""

FIRST_GUESS = {"fwhm_arcsec": 0.6, "inverse_beta": 0.2}
# The profile divides by 1 / beta, which therefore stays above 0.
LOWER = np.array([-np.inf, -np.inf, math.log(0.05), 1e-3, -0.5, -0.5])
UPPER = np.array([np.inf, np.inf, math.log(10.0), 0.8, 0.5, 0.5])
LOG_FWHM, INVERSE_BETA = 2, 3

LEAST_SNR = 5.0
FEWEST_PIXELS = 25
WIDEST_ARCSEC = 1.5
"""Seeing in the near infrared is never as wide: the object is then a galaxy."""

LARGEST_RESIDUAL, LARGEST_RESIDUAL_SIGMA = 0.05, 5.0
"""Residuals above both, in units of the peak and of its error, are light of something else.
Kolmogorov seeing and two Gaussians leave less than 0.01 of the peak beside a Moffat profile."""

LARGEST_SHEAR = 0.1
"""An axis ratio of 0.82: seeing is rounder, two stars 0.4 arcsec apart are not."""

SPAXEL_CORRELATION, NATIVE_SPAXEL_ARCSEC = (0.42, 0.27), 0.2
"""Correlation of neighbours of 0.2" along x and y in KMOS cubes; finer spaxels are correlated over
the same length."""


@dataclass(frozen=True, eq=False)
class StarPsf:
    """A Moffat profile fitted to a star.

    Parameters
    ----------
    fwhm_arcsec : float
        Full width at half-maximum, of the circle of equal area.
    inverse_beta : float
        1 / beta of the wings; towards 0 a Gaussian.
    shear : tuple of float
        Reduced shear (g1, g2), to the West and to the North.
    covariance : array, shape (4, 4)
        Covariance of ln(FWHM), 1 / beta, g1 and g2.
    reduced_chi2 : float
        Chi squared per degree of freedom; 1 where errors were not given.
    flag : str
        ``ok``; ``wide``, more than 1.5", as of a galaxy; ``crowded``, with light that is not the
        star's; ``near_edge``, with the centre within a FWHM of the border; ``elongated``, an axis
        ratio below 0.82, as of a close pair.
    """

    __repr__ = short_repr

    fwhm_arcsec: float
    inverse_beta: float
    shear: tuple[float, float]
    covariance: Array
    reduced_chi2: float
    flag: str

    def __str__(self) -> str:
        width_err, wings_err = np.sqrt(np.diag(self.covariance)[:2]).tolist()
        return (
            f"seeing by its star is {self.fwhm_arcsec:.3f} ± {self.fwhm_arcsec * width_err:.3f} "
            f"arcsec, 1 / beta {self.inverse_beta:.2f} ± {wings_err:.2f}, "
            f"ellipticity {math.hypot(*self.shear):.2f} ({self.flag.replace('_', ' ')})"
        )

    @property
    def seeing(self) -> SeeingKnowledge:
        """Width, wings and ellipticity with errors, for estimators."""
        log_fwhm_err, inverse_beta_err = np.sqrt(np.diag(self.covariance)[:2]).tolist()
        correlation = float(self.covariance[0, 1]) / (log_fwhm_err * inverse_beta_err)
        return SeeingKnowledge(
            self.fwhm_arcsec, self.inverse_beta, log_fwhm_err, inverse_beta_err,
            float(np.clip(correlation, -0.999, 0.999)), self.shear,
        )  # fmt: skip

    @property
    def metadata_fields(self) -> dict[str, Any]:
        """Seeing as fields of ObservationMetadata."""
        best = self.seeing.best
        fields = {"seeing_fwhm_arcsec": best.fwhm_arcsec, "psf_kind": best.kind}
        return fields | ({"psf_moffat_beta": best.moffat_beta} if best.kind == "moffat" else {})


def fit_star(star: StarImage) -> StarPsf:
    """Return a Moffat profile fitted to the image of a star, with a constant background.

    Errors include the noise that neighbouring spaxels of KMOS share. The flag cannot tell two
    stars closer than about 0.4" from one of wider seeing: two equal stars 0.3" apart are
    ``ok``, and 12 per cent too wide.

    Parameters
    ----------
    star : StarImage
        Image of a single star.

    Raises
    ------
    FitError
        If there is no star.
    """
    _require_pixels(star)
    fit = _MoffatFit(star)
    found = least_squares(fit.residuals, fit.start, bounds=(LOWER, UPPER), x_scale=fit.steps)
    amplitude, _ = fit.linear(found.x)
    covariance, amplitude_err = fit.covariance(found.x)
    if not amplitude > LEAST_SNR * amplitude_err:
        raise FitError(
            f"no star in the image: its peak is {amplitude / amplitude_err:.1f} times its error; "
            f"expected more than {LEAST_SNR:g}"
        )
    return StarPsf(
        fwhm_arcsec=float(np.exp(found.x[LOG_FWHM])),
        inverse_beta=float(found.x[INVERSE_BETA]),
        shear=(float(found.x[4]), float(found.x[5])),
        covariance=covariance,
        reduced_chi2=fit.reduced_chi2(found.x) if star.error is not None else 1.0,
        flag=fit.flag(found.x),
    )


def _require_pixels(star: StarImage) -> None:
    number = int(star.used.sum()) if np.isfinite(star.flux).any() else 0
    if number < FEWEST_PIXELS:
        raise FitError(
            f"the image of the star has {number} usable pixels; expected at least {FEWEST_PIXELS}"
        )


class _MoffatFit:
    """Residuals of a Moffat profile, with amplitude and background solved for exactly."""

    def __init__(self, star: StarImage) -> None:
        self.star = star
        point, weight = np.polynomial.legendre.leggauss(POINTS_ACROSS_A_PIXEL)
        side_x, side_y = star.pixel_arcsec
        self.x = star.x_arcsec[:, None] + 0.5 * side_x * point
        self.y = star.y_arcsec[:, None] + 0.5 * side_y * point
        self.cell = np.multiply.outer(weight, weight) / 4.0
        peak = np.where(star.used, star.flux, -np.inf)
        # Tolerances of the fit are absolute: an image in any unit is brought to order 1.
        brightest = float(np.abs(star.flux[star.used]).max()) or 1.0
        self.flux = star.flux / brightest
        self.error = np.ones_like(self.flux) if star.error is None else star.error / brightest
        row, column = np.unravel_index(int(peak.argmax()), peak.shape)
        self.start = np.array([
            star.x_arcsec[column], star.y_arcsec[row],
            math.log(FIRST_GUESS["fwhm_arcsec"]), FIRST_GUESS["inverse_beta"], 0.0, 0.0,
        ])  # fmt: skip
        self.steps = np.array([0.1, 0.1, 0.1, 0.1, 0.05, 0.05])

    def profile(self, parameters: Array) -> Array:
        """Return the profile with a peak of 1, averaged over the used pixels."""
        x_star, y_star, log_fwhm, inverse_beta, g1, g2 = parameters
        x, y = self.x - x_star, (self.y - y_star)[:, :, None, None]
        scale = 1.0 / math.sqrt(1.0 - g1**2 - g2**2)
        # The inverse of the shear takes the sky to where the profile is round.
        along = scale * ((1.0 - g1) * x - g2 * y)
        across = scale * ((1.0 + g1) * y - g2 * x)
        core = 4.0 * (2.0**inverse_beta - 1.0) * math.exp(-2.0 * log_fwhm)
        bright = np.exp(-np.log1p(core * (along**2 + across**2)) / inverse_beta)
        return np.asarray(np.einsum("yaxb,ab->yx", bright, self.cell)[self.star.used])

    def _weighted(self, parameters: Array) -> tuple[Array, Array]:
        error = self.error[self.star.used]
        templates = np.stack([self.profile(parameters), np.ones_like(error)], axis=1)
        return templates / error[:, None], self.flux[self.star.used] / error

    def linear(self, parameters: Array) -> Array:
        """Return amplitude and background."""
        templates, data = self._weighted(parameters)
        return np.asarray(np.linalg.lstsq(templates, data)[0])

    def residuals(self, parameters: Array) -> Array:
        """Return data less model, in errors."""
        templates, data = self._weighted(parameters)
        return np.asarray(data - templates @ np.linalg.lstsq(templates, data)[0])

    def reduced_chi2(self, parameters: Array) -> float:
        residual = self.residuals(parameters)
        return float(residual @ residual) / max(residual.size - parameters.size - 2, 1)

    def covariance(self, parameters: Array) -> tuple[Array, float]:
        """Return the covariance of ln(FWHM), 1 / beta and shear, and the error of the peak.

        Noise is shared between neighbours, so that of the fit is J+ C J+ᵀ, with J+ the
        pseudo-inverse of the derivatives and C the correlation of the pixels.
        """
        amplitude = self.linear(parameters)[0]
        templates, _ = self._weighted(parameters)
        error = self.error[self.star.used]
        step = 1e-4
        slopes = [
            amplitude * (self.profile(parameters + d) - self.profile(parameters - d)) / (2 * step)
            for d in step * np.eye(parameters.size)
        ]
        inverse = np.linalg.pinv(
            np.column_stack([np.stack(slopes, axis=1) / error[:, None], templates])
        )
        # Never below what the scatter about the fit says.
        scale = self.reduced_chi2(parameters)
        scale = scale if self.star.error is None else max(scale, 1.0)
        joint = scale * inverse @ self._correlation @ inverse.T
        return joint[LOG_FWHM:-2, LOG_FWHM:-2], float(np.sqrt(joint[-2, -2]))

    @cached_property
    def _correlation(self) -> Array:
        """Correlation of the noise of the used pixels."""
        row, column = np.nonzero(self.star.used)
        side_x, side_y = (side / NATIVE_SPAXEL_ARCSEC for side in self.star.pixel_arcsec)
        along_x = SPAXEL_CORRELATION[0] ** (side_x * np.abs(np.subtract.outer(column, column)))
        return np.asarray(
            along_x * SPAXEL_CORRELATION[1] ** (side_y * np.abs(np.subtract.outer(row, row)))
        )

    def flag(self, parameters: Array) -> str:
        """Return why the fit is doubtful, or ``ok``."""
        fwhm = math.exp(parameters[LOG_FWHM])
        if fwhm > WIDEST_ARCSEC:
            return "wide"
        axes = (self.star.x_arcsec, parameters[0]), (self.star.y_arcsec, parameters[1])
        if any(min(centre - axis.min(), axis.max() - centre) < fwhm for axis, centre in axes):
            return "near_edge"
        if self._is_crowded(parameters):
            return "crowded"
        # Noise alone makes an ellipse of a faint star.
        shear_err = np.sqrt(np.diag(self.covariance(parameters)[0])[2:]).max()
        elongated = np.hypot(*parameters[4:]) > max(LARGEST_SHEAR, 3.0 * shear_err)
        return "elongated" if elongated else "ok"

    def _is_crowded(self, parameters: Array) -> bool:
        residual = self.residuals(parameters)
        # The scatter of most pixels, which a second star does not raise.
        noise = MAD_TO_SIGMA * float(np.median(np.abs(residual)))
        if self.star.error is not None:
            noise = max(noise, 1.0)
        peak = self.linear(parameters)[0] / self.error[self.star.used]
        least = np.maximum(LARGEST_RESIDUAL * peak, LARGEST_RESIDUAL_SIGMA * noise)
        return bool((residual > least).any())
