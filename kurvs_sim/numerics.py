"""Every choice of accuracy against speed, in one place."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial.chebyshev import chebvander

from kurvs_pipeline.arguments import takes_quantities
from kurvs_sim.validation import require, require_not_negative, require_positive, require_whole

FINEST_TOLERANCE = 1e-11
"""Rounding allows no finer expansion, however many terms it has."""


@takes_quantities
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
    velocity_tolerance : float
        Largest error of a line's expansion in velocity, relative to its peak: sets how many
        Chebyshev moments of the velocity field are computed.
    line_window_sigma : float
        A line is expanded this many widths beyond its extreme velocities.
    profile_tolerance : float
        Lines share convolutions where their maps agree to this fraction.
    dispersion_tolerance : float
        Largest error, relative to the peak of a line, where its width changes with radius: sets
        how many widths are computed.
    radial_samples : int
        Radii at which the lines are computed; between them they are straight.
    """

    fine_pixel_arcsec: float = 0.025
    pixels_per_scale_length: float = 4.0
    pixels_per_psf_fwhm: float = 5.0
    padding_arcsec: float = 1.5
    velocity_tolerance: float = 1e-5
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
            line_window_sigma=self.line_window_sigma,
        )
        require_not_negative(padding_arcsec=self.padding_arcsec)
        for name in ("velocity_tolerance", "profile_tolerance", "dispersion_tolerance"):
            require(name, getattr(self, name),
                    within=FINEST_TOLERANCE <= getattr(self, name) < 1.0,
                    expected=f"a fraction below 1, at least {FINEST_TOLERANCE:g}")  # fmt: skip
        require_whole(least=100, most=10_000_000, radial_samples=self.radial_samples)

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
        """Return the number of moments that a velocity field needs, at least 3.

        Parameters
        ----------
        maximum_velocity_kms : float
            Bound on the line-of-sight velocity.
        narrowest_sigma_kms : float
            Standard deviation of the narrowest line, line-spread function included, km/s.
        """
        # Rounded up, so that galaxies alike share the search.
        ratio = math.ceil(20.0 * maximum_velocity_kms / narrowest_sigma_kms) / 20.0
        return _moments_needed(ratio, self.velocity_tolerance)


@lru_cache(maxsize=512)
def _moments_needed(velocity_over_sigma: float, tolerance: float) -> int:
    """Return how many moments expand a Gaussian line in velocity to a fraction of its peak."""
    number = max(3, int(3.5 * velocity_over_sigma) + 2)
    while _expansion_error(velocity_over_sigma, number) > tolerance:
        number += 1
    return number


def _expansion_error(velocity_over_sigma: float, number: int) -> float:
    """Return the largest error of the expansion, over all channels and velocities."""
    reach = velocity_over_sigma + 4.0
    channel, velocity = np.linspace(-reach, reach, 81)[:, None], np.linspace(-1.0, 1.0, 101)
    nodes = np.cos(np.pi * (np.arange(number) + 0.5) / number)
    weights = chebvander(nodes, number - 1) * (2.0 / number)
    weights[:, 0] *= 0.5
    at_nodes, exact = (
        np.exp(-0.5 * (channel - velocity_over_sigma * at) ** 2) for at in (nodes, velocity)
    )
    expanded = at_nodes @ weights @ chebvander(velocity, number - 1).T
    return float(np.max(np.abs(expanded - exact)))
