"""Every choice of accuracy against speed, in one place."""

import math
from dataclasses import dataclass

from kurvs_sim.validation import require, require_positive


@dataclass(frozen=True)
class Numerics:
    """How finely a galaxy is computed; the defaults are converged to 1e-3 of the peak or better.

    Parameters
    ----------
    fine_pixel_arcsec : float
        Largest pixel of the oversampled sky grid.
    pixels_per_scale_length : float
        Smallest number of fine pixels per projected scale length along the minor axis.
    pixels_per_psf_fwhm : float
        Smallest number of fine pixels per full width at half-maximum of the PSF.
    padding_arcsec : float
        Sky beyond each edge of the field whose light may be scattered into it.
    chebyshev_minimum_order : int
        Least number of Chebyshev moments of the velocity field.
    chebyshev_order_per_sigma : float
        Moments per ratio of maximum velocity to the width of the observed line.
    line_window_sigma : float
        A line is expanded this many widths beyond its extreme velocities.
    profile_tolerance : float
        Lines share convolutions where their maps agree to this fraction.
    dispersion_tolerance : float
        Of the peak of a line, where its width changes with radius: sets how many widths are
        computed.
    radial_samples : int
        Radii at which the lines are computed; between them they are straight.
    """

    fine_pixel_arcsec: float = 0.025
    pixels_per_scale_length: float = 4.0
    pixels_per_psf_fwhm: float = 5.0
    padding_arcsec: float = 1.5
    chebyshev_minimum_order: int = 12
    chebyshev_order_per_sigma: float = 4.0
    line_window_sigma: float = 6.0
    profile_tolerance: float = 1e-6
    dispersion_tolerance: float = 1e-4
    radial_samples: int = 4000

    def __post_init__(self) -> None:
        """Refuse values that cannot work."""
        require_positive(
            fine_pixel_arcsec=self.fine_pixel_arcsec,
            pixels_per_scale_length=self.pixels_per_scale_length,
            pixels_per_psf_fwhm=self.pixels_per_psf_fwhm,
            chebyshev_order_per_sigma=self.chebyshev_order_per_sigma,
            line_window_sigma=self.line_window_sigma,
            profile_tolerance=self.profile_tolerance,
            dispersion_tolerance=self.dispersion_tolerance,
        )
        require("padding_arcsec", self.padding_arcsec,
                within=0.0 <= self.padding_arcsec < math.inf,
                expected="a finite number >= 0")  # fmt: skip
        require("radial_samples", self.radial_samples, within=self.radial_samples >= 100,
                expected="at least 100")  # fmt: skip
        require("chebyshev_minimum_order", self.chebyshev_minimum_order,
                within=self.chebyshev_minimum_order >= 3, expected="at least 3")  # fmt: skip

    def oversampling(
        self, spaxel_arcsec: float, *, minor_scale_length_arcsec: float, psf_fwhm_arcsec: float
    ) -> int:
        """Return the number of fine pixels across a spaxel.

        Parameters
        ----------
        spaxel_arcsec : float
            Side of a spaxel.
        minor_scale_length_arcsec : float
            Scale length of the light along the minor axis on the sky.
        psf_fwhm_arcsec : float
            0 for no seeing.
        """
        finest = min(
            self.fine_pixel_arcsec, minor_scale_length_arcsec / self.pixels_per_scale_length
        )
        if psf_fwhm_arcsec > 0.0:
            finest = min(finest, psf_fwhm_arcsec / self.pixels_per_psf_fwhm)
        # The small allowance keeps 0.1 / 0.025 from becoming five.
        return math.ceil(spaxel_arcsec / finest - 1e-9)

    def chebyshev_order(self, maximum_velocity_kms: float, narrowest_sigma_kms: float) -> int:
        """Return the number of moments that a velocity field needs."""
        if maximum_velocity_kms == 0.0:
            return 3
        ratio = maximum_velocity_kms / narrowest_sigma_kms
        return max(self.chebyshev_minimum_order, math.ceil(self.chebyshev_order_per_sigma * ratio))
