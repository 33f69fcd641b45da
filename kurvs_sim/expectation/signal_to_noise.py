"""The noise that makes H-alpha come out at a requested signal-to-noise ratio."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import KMOS_BANDS, SPEED_OF_LIGHT_KMS, Band
from kurvs_pipeline.errors import CoverageError
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim.expectation.aperture import AlignedAperture
from kurvs_sim.expectation.least_squares import LeastSquares, LineModel
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.instrument.spaxels import NoiseModel
from kurvs_sim.scene.scene import Scene

WINDOW_KMS = 2000.0
"""Half-width of the spectrum that the fit sees, about H-alpha."""


def _halpha_band(redshift: float) -> Band:
    """Return the band that H-alpha falls in, away from its edges if two bands hold it."""
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


@takes_quantities
@dataclass(frozen=True)
class HalphaExpectation:
    """What a least-squares fit to the integrated, velocity-aligned H-alpha would find.

    Parameters
    ----------
    scene : Scene
        Galaxy, grid and seeing.
    noise : NoiseModel
        Relative noise of the channels.
    covariance : NoiseCovariance, optional
        Covariance of the noise of neighbours; independent voxels if not given.
    """

    scene: Scene
    noise: NoiseModel
    covariance: NoiseCovariance | None = None

    @cached_property
    def band(self) -> Band:
        """Where H-alpha falls."""
        return _halpha_band(self.scene.galaxy.redshift)

    @cached_property
    def _window(self) -> Band:
        """The channels that the fit sees."""
        systemic_um = REST_WAVELENGTH_UM["halpha"] * (1.0 + self.scene.galaxy.redshift)
        beyond = WINDOW_KMS / SPEED_OF_LIGHT_KMS
        return self.band.between(systemic_um * (1.0 - beyond), systemic_um * (1.0 + beyond))

    @cached_property
    def aperture(self) -> AlignedAperture:
        """What is co-added."""
        return AlignedAperture(self.scene)

    @cached_property
    def _channel_variance(self) -> Array:
        """Relative variance of the co-added spectrum in the window, shape (n_channels,)."""
        variance = self.aperture.variance(
            self.band, self.noise.relative_variance(self.band), self._window
        )
        if self.covariance is None:
            return variance
        spaxels = self.covariance.coadded_variance_factor(self.aperture.weights, self.scene.grid)
        return np.asarray(spaxels * variance)

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
        aperture = self.aperture
        model = LineModel(
            self._window,
            tuple((name, aperture.flux(name)) for name in ("halpha", "nii_6584")),
            self.scene.galaxy.redshift,
            aperture.sigma_um("halpha", self.band),
        )
        derivatives = model.derivatives(free_position=True, free_width=True)
        variance = self._channel_variance
        correlation = 0.0 if self.covariance is None else self.covariance.correlation_channels
        flux_variance = LeastSquares(derivatives, variance).variance(
            [0], variance, correlation_channels=correlation
        )
        return float(aperture.flux("halpha") ** 2 / (halpha_snr**2 * flux_variance))
