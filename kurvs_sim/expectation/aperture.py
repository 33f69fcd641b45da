"""The survey's integrated aperture, its spaxels shifted to rest and added up."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS, Band
from kurvs_pipeline.errors import CoverageError
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim.scene.scene import Scene

APERTURE_EFFECTIVE_RADII = 1.5
"""Semi-major axis of the survey's integrated aperture (Li et al. 2025, Section 3)."""

LEAST_FRACTION = 1e-4
"""Fraction of the H-alpha of a galaxy that its aperture must hold."""


@dataclass(frozen=True)
class AlignedAperture:
    """The ellipse of 1.5 effective radii, as far as it lies in the field.

    Every spaxel is shifted to rest by its mean velocity in H-alpha, so a line has the
    intrinsic width, the line-spread function, and what the seeing mixes in.
    """

    scene: Scene

    @cached_property
    def weights(self) -> Array:
        """Fraction of each spaxel inside the aperture, shape (n_y, n_x)."""
        galaxy = self.scene.galaxy
        weights = self.scene.fraction_within(
            APERTURE_EFFECTIVE_RADII * galaxy.effective_radius_arcsec
        )
        if not weights.any():
            raise CoverageError(
                f"galaxy {galaxy.name} at offset ({galaxy.offset_x_arcsec}, "
                f"{galaxy.offset_y_arcsec}) arcsec lies outside the field; reduce the offset"
            )
        return weights

    @cached_property
    def _velocities(self) -> tuple[Array, float]:
        """Mean velocity of each spaxel and the spread left after aligning, km/s."""
        zeroth, first, second = self.scene.moments("halpha")[:3]
        self._require_light(float((self.weights * zeroth).sum()))
        scale = self.scene.galaxy.maximum_velocity_kms
        safe = np.maximum(zeroth, np.finfo(float).tiny)
        mean = first / safe
        # T_2(u) = 2 u^2 - 1 gives the mean of u^2.
        spread = 0.5 * (second + zeroth) - mean * first
        leftover = float((self.weights * spread).sum() / (self.weights * zeroth).sum())
        return scale * mean, scale * math.sqrt(max(leftover, 0.0))

    def _require_light(self, halpha: float) -> None:
        """Refuse apertures whose noise no signal-to-noise ratio could set."""
        galaxy = self.scene.galaxy
        if halpha < LEAST_FRACTION * galaxy.halpha_flux:
            raise CoverageError(
                f"galaxy {galaxy.name} has {halpha:.2g} of its H-alpha flux of "
                f"{galaxy.halpha_flux:g} within {APERTURE_EFFECTIVE_RADII} effective radii of "
                f"{galaxy.effective_radius_arcsec:g} arcsec; expected at least "
                f"{LEAST_FRACTION:g} of it: its H-alpha profile or clump maps lie farther out"
            )

    def flux(self, line: str) -> float:
        """Return a line's flux in the aperture, 1e-16 erg/s/cm2."""
        return float((self.weights * self.scene.moments(line)[0]).sum())

    def sigma_um(self, line: str, band: Band) -> float:
        """Return the standard deviation of an aligned line as observed."""
        observed_um = REST_WAVELENGTH_UM[line] * (1.0 + self.scene.galaxy.redshift)
        spread_um = observed_um * self._velocities[1] / SPEED_OF_LIGHT_KMS
        return math.hypot(self.scene.line_sigma_um(line, band), spread_um)

    def variance(self, band: Band, spaxel_variance: Array, part: Band | None = None) -> Array:
        """Return the variance of the aligned, co-added spectrum of independent spaxels.

        All spaxels have the same variance, shape (n_channels,). The result has the channels of
        ``part``, by default those of the band.
        """
        wavelength = band.wavelength_um
        wanted = wavelength if part is None else part.wavelength_um
        inside = self.weights > 0.0
        shift = 1.0 + self._velocities[0][inside] / SPEED_OF_LIGHT_KMS
        # Spaxels that share a channel at rest come from channels apart by their velocities.
        aligned = np.interp(wanted[:, None] * shift, wavelength, spaxel_variance)
        return np.asarray(aligned @ self.weights[inside] ** 2)
