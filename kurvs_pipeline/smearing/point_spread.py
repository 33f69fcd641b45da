"""Point-spread functions by their Fourier transforms, smooth in width and wings."""

import math
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from scipy.special import gammaln, kv

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import FWHM_PER_SIGMA
from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.observation import ObservationMetadata

LIGHT_LEFT_OUTSIDE = 1e-8
FARTHEST_REACH_IN_FWHM = 4.0
"""Light that wings scatter into an aperture from farther away is below 1e-4 of its light."""

SMALLEST_TRANSFORM = 1e-7
LARGEST_BETA = 40.0
"""A Moffat with steeper wings is a Gaussian to 1 per cent of its peak, and is taken as one: its
Bessel function overflows from a beta of about 50."""

KOLMOGOROV_FWHM = 0.9758634299
"""FWHM in units of lambda / r0 (as in GalSim)."""
KOLMOGOROV_COEFFICIENT = (24.0 * math.gamma(6.0 / 5.0) / 5.0) ** (5.0 / 6.0)
"""Factor of (k lambda / 2 pi r0)^(5/3) in the exponent of the transform (Fried 1966)."""


class PointSpread(Protocol):
    """A point-spread function of unit flux."""

    def transform(self, west: Array, north: Array) -> Array:
        """Return the real part of the Fourier transform at wave vectors, rad per arcsec."""

    @property
    def reach_arcsec(self) -> float:
        """Distance to which light is scattered."""

    @property
    def largest_wavenumber(self) -> float:
        """Wavenumber where the transform has died away, rad per arcsec."""


@dataclass(frozen=True)
class Seeing:
    """A Gaussian, Moffat or Kolmogorov profile, round or elliptical.

    Parameters
    ----------
    fwhm_arcsec : float
        Full width at half-maximum, > 0; that of the circle of equal area for an ellipse.
    kind : str
        ``gaussian``, ``moffat`` or ``kolmogorov``.
    moffat_beta : float
        Exponent of a Moffat profile's wings, > 1; from 40 on, infinity included, it is a Gaussian.
    shear : tuple of float
        Reduced shear (g1, g2) in coordinates to the West and to the North; the axis ratio is
        (1 - g) / (1 + g).

    Raises
    ------
    MetadataError
        If a value is impossible.
    """

    fwhm_arcsec: float
    kind: str = "gaussian"
    moffat_beta: float = math.nan
    shear: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not 0.0 < self.fwhm_arcsec < math.inf:
            raise MetadataError(f"seeing FWHM is {self.fwhm_arcsec} arcsec; expected a value > 0")
        if self.kind not in {"gaussian", "moffat", "kolmogorov"}:
            raise MetadataError(f"psf_kind is {self.kind}; expected gaussian, moffat or kolmogorov")
        if self.kind == "moffat" and not self.moffat_beta > 1.0:
            raise MetadataError(f"psf_moffat_beta is {self.moffat_beta}; expected a value > 1")
        if not math.hypot(*self.shear) < 1.0:
            raise MetadataError(f"shear of the seeing is {self.shear}; expected less than 1")

    @classmethod
    def of(cls, metadata: ObservationMetadata) -> Self | None:
        """Return the seeing of an observation; None for a delta function.

        Parameters
        ----------
        metadata : ObservationMetadata
            Metadata with a known seeing.
        """
        if metadata.seeing_fwhm_arcsec == 0.0:
            return None
        return cls(metadata.seeing_fwhm_arcsec, metadata.psf_kind, metadata.psf_moffat_beta)

    @classmethod
    def moffat(
        cls, fwhm_arcsec: float, inverse_beta: float, shear: tuple[float, float] = (0.0, 0.0)
    ) -> Self:
        """Return a Moffat profile given by 1 / beta, whose limit at 0 is a Gaussian.

        Parameters
        ----------
        fwhm_arcsec, inverse_beta : float
            Full width at half-maximum, and wings from 0 to below 1.
        shear : tuple of float
            Reduced shear, as of the class.
        """
        if inverse_beta <= 1.0 / LARGEST_BETA:
            return cls(fwhm_arcsec, shear=shear)
        return cls(fwhm_arcsec, "moffat", 1.0 / inverse_beta, shear)

    @property
    def _is_gaussian(self) -> bool:
        return self.kind == "gaussian" or (
            self.kind == "moffat" and self.moffat_beta >= LARGEST_BETA
        )

    @property
    def _moffat_scale_arcsec(self) -> float:
        return self.fwhm_arcsec / (2.0 * math.sqrt(2.0 ** (1.0 / self.moffat_beta) - 1.0))

    def _round_transform(self, wavenumber: Array) -> Array:
        if self._is_gaussian:
            return np.asarray(np.exp(-0.5 * (wavenumber * self.fwhm_arcsec / FWHM_PER_SIGMA) ** 2))
        if self.kind == "kolmogorov":
            scaled = wavenumber * self.fwhm_arcsec / (2.0 * math.pi * KOLMOGOROV_FWHM)
            return np.asarray(np.exp(-KOLMOGOROV_COEFFICIENT * scaled ** (5.0 / 3.0)))
        order = self.moffat_beta - 1.0
        scaled = np.maximum(wavenumber * self._moffat_scale_arcsec, 1e-6)
        with np.errstate(divide="ignore"):  # kv underflows to 0 where the transform is 0
            log_kv = np.log(kv(order, scaled))
        log_front = (2.0 - self.moffat_beta) * math.log(2.0) - gammaln(order)
        return np.asarray(np.exp(log_front + order * np.log(scaled) + log_kv))

    def transform(self, west: Array, north: Array) -> Array:
        """Return the Fourier transform (:class:`PointSpread`)."""
        g1, g2 = self.shear
        scale = 1.0 / math.sqrt(1.0 - g1**2 - g2**2)
        along = scale * ((1.0 + g1) * west + g2 * north)
        across = scale * (g2 * west + (1.0 - g1) * north)
        return self._round_transform(np.hypot(along, across))

    @property
    def _stretch(self) -> float:
        shear = math.hypot(*self.shear)
        return math.sqrt((1.0 + shear) / (1.0 - shear))

    @property
    def reach_arcsec(self) -> float:
        """Radius of all but 1e-8 of the light of a Gaussian; else four times the FWHM."""
        farthest = FARTHEST_REACH_IN_FWHM * self.fwhm_arcsec
        if self._is_gaussian:
            sigma = self.fwhm_arcsec / FWHM_PER_SIGMA
            farthest = sigma * math.sqrt(-2.0 * math.log(LIGHT_LEFT_OUTSIDE))
        return farthest * self._stretch

    @property
    def largest_wavenumber(self) -> float:
        """Wavenumber where the transform falls below 1e-7, rad per arcsec."""
        wavenumber = np.linspace(0.0, 60.0 / self.fwhm_arcsec, 241)
        alive = self._round_transform(wavenumber) > SMALLEST_TRANSFORM
        return float(wavenumber[alive][-1] + wavenumber[1]) * self._stretch
