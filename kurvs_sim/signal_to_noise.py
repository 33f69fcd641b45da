"""The noise that makes H-alpha come out at a requested signal-to-noise ratio."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.bands import KMOS_BANDS, SPEED_OF_LIGHT_KMS, Band
from kurvs_pipeline.errors import CoverageError
from kurvs_pipeline.lines import DOUBLET_RATIO, REST_WAVELENGTH_UM
from kurvs_sim.instrument import NoiseModel
from kurvs_sim.line_profiles import channel_integrated_gaussian
from kurvs_sim.noise_covariance import NoiseCovariance
from kurvs_sim.scene import Scene

Array = NDArray[np.float64]

WINDOW_KMS = 2000.0
"""Half-width of the spectrum that the fit sees, about H-alpha."""

APERTURE_EFFECTIVE_RADII = 1.5
"""Semi-major axis of the survey's integrated aperture (Li et al. 2025, Section 3)."""


def halpha_band(redshift: float) -> Band:
    """Return the band that H-alpha falls in, away from its edges if two bands hold it.

    Raises
    ------
    CoverageError
        If H-alpha falls between or beyond the bands.
    """
    observed_um = REST_WAVELENGTH_UM["halpha"] * (1.0 + redshift)

    def distance_to_edge(band: Band) -> float:
        low, high = band.usable_range_um
        return min(observed_um - low, high - observed_um)

    best = max(KMOS_BANDS.values(), key=distance_to_edge)
    if distance_to_edge(best) < 0.0:
        ranges = ", ".join(
            "{} {}-{}".format(b.name, *b.usable_range_um) for b in KMOS_BANDS.values()
        )
        raise CoverageError(
            f"redshift {redshift} puts H-alpha at {observed_um:.4f} um, outside every band "
            f"({ranges} um); choose another redshift"
        )
    return best


@dataclass(frozen=True)
class HalphaExpectation:
    """What a least-squares fit to the integrated, velocity-aligned H-alpha would find.

    The aperture is the ellipse of 1.5 effective radii, as far as it lies in the field. Every
    spaxel is shifted to rest by its mean velocity, so the line has the intrinsic width, the
    line-spread function, and what the seeing mixes in.

    Parameters
    ----------
    scene : Scene
        Galaxy, grid and seeing.
    noise : NoiseModel
        Relative noise of the channels.
    covariance : NoiseCovariance, optional
        What neighbours share of the noise.
    """

    scene: Scene
    noise: NoiseModel
    covariance: NoiseCovariance | None = None

    @cached_property
    def band(self) -> Band:
        """Where H-alpha falls."""
        return halpha_band(self.scene.galaxy.redshift)

    @cached_property
    def _window(self) -> Band:
        """The channels that the fit sees."""
        beyond = WINDOW_KMS / SPEED_OF_LIGHT_KMS
        return self.band.between(
            self._systemic_um * (1.0 - beyond), self._systemic_um * (1.0 + beyond)
        )

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
    def _velocity_moments(self) -> tuple[Array, Array, float]:
        """Smeared flux and mean velocity of each spaxel, and the spread left after aligning."""
        zeroth, first, second = self.scene.moments("halpha")[:3]
        scale = self.scene.galaxy.maximum_velocity_kms
        safe = np.maximum(zeroth, np.finfo(float).tiny)
        mean = first / safe
        # T_2(u) = 2 u^2 - 1 gives the mean of u^2.
        spread = 0.5 * (second + zeroth) - mean * first
        leftover = float((self.weights * spread).sum() / (self.weights * zeroth).sum())
        return zeroth, scale * mean, scale * math.sqrt(max(leftover, 0.0))

    @cached_property
    def flux(self) -> float:
        """H-alpha in the aperture, 1e-16 erg/s/cm2."""
        return float((self.weights * self._velocity_moments[0]).sum())

    @cached_property
    def sigma_um(self) -> float:
        """Width of the aligned line as observed."""
        spread_um = self._systemic_um * self._velocity_moments[2] / SPEED_OF_LIGHT_KMS
        return math.hypot(self.scene.line_sigma_um("halpha", self.band), spread_um)

    @property
    def _systemic_um(self) -> float:
        return REST_WAVELENGTH_UM["halpha"] * (1.0 + self.scene.galaxy.redshift)

    @cached_property
    def _relative_aligned_variance(self) -> Array:
        """Variance of the aligned spectrum of the aperture in the window, shape (n_channels,)."""
        variance = self.noise.relative_variance(self.band)
        inside = self.weights > 0.0
        shift = 1.0 + self._velocity_moments[1][inside] / SPEED_OF_LIGHT_KMS
        # Spaxels that share a channel at rest come from channels apart by their velocities.
        seen_at = self._window.wavelength_um[:, None] * shift
        aligned = np.interp(seen_at, self.band.wavelength_um, variance)
        return np.asarray(aligned @ self.weights[inside] ** 2)

    @cached_property
    def _derivatives(self) -> Array:
        """Model by H-alpha, [N II], position, width, continuum: (n_channels of the window, 5)."""
        nii = float((self.weights * self.scene.moments("nii_6584")[0]).sum())
        step = 1e-3 * self.sigma_um

        def model(halpha: float, nii: float, offset_um: float, sigma_um: float) -> Array:
            names = ("halpha", "nii_6584", "nii_6548")
            fluxes = np.array([halpha, nii, nii / DOUBLET_RATIO])
            redshifted = 1.0 + self.scene.galaxy.redshift
            centres = np.array([REST_WAVELENGTH_UM[name] * redshifted for name in names])
            lines = channel_integrated_gaussian(
                self._window.wavelength_um, self.band.channel_width_um, centres + offset_um,
                np.full(3, sigma_um),
            )  # fmt: skip
            return np.asarray(lines @ fluxes)

        columns = [
            model(1.0, 0.0, 0.0, self.sigma_um),
            model(0.0, 1.0, 0.0, self.sigma_um),
            (model(self.flux, nii, step, self.sigma_um)
             - model(self.flux, nii, -step, self.sigma_um)) / (2.0 * step),
            (model(self.flux, nii, 0.0, self.sigma_um + step)
             - model(self.flux, nii, 0.0, self.sigma_um - step)) / (2.0 * step),
            np.ones(self._window.n_channels),
        ]  # fmt: skip
        return np.stack(columns, axis=1)

    def variance_scale(self, halpha_snr: float) -> float:
        """Return the factor from relative to absolute variance for a signal-to-noise ratio.

        Parameters
        ----------
        halpha_snr : float
            Flux over its error in a fit of H-alpha and [N II] with shared velocity and width
            and a flat continuum within 2000 km/s, in the noise of these very channels.

        Returns
        -------
        float
            Multiplies ``NoiseModel.relative_variance`` of any band; the result is in the
            square of 1e-16 erg/s/cm2/um.
        """
        derivatives = self._derivatives
        # Columns of very different size: balance them before inverting.
        size = np.linalg.norm(derivatives, axis=0)
        balanced = derivatives / size
        variance = self._relative_aligned_variance
        fisher = balanced.T @ (balanced / variance[:, None])
        weights = np.linalg.solve(fisher, (balanced / np.sqrt(variance)[:, None]).T)[0]
        flux_variance = self._summed_variance(weights) / size[0] ** 2
        return float(self.flux**2 / (halpha_snr**2 * flux_variance))

    def _summed_variance(self, weights: Array) -> float:
        """Return the variance of a weighted sum of channels of the aperture, each of unit noise."""
        if self.covariance is None:
            return float(weights @ weights)
        neighbours = 2.0 * self.covariance.correlation_channels * (weights[1:] @ weights[:-1])
        spaxels = self.covariance.coadded_variance_factor(self.weights, self.scene.grid)
        return float(spaxels * (weights @ weights + neighbours))
