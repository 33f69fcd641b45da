"""What subtraction leaves of the OH lines, which is worse than noise: spaxels share it."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array, Cube
from kurvs_pipeline.bands import Band
from kurvs_sim.atmosphere.airglow import airglow_lines, flux_density_per_photon_rate
from kurvs_sim.instrument.noise_covariance import resampling_matrix
from kurvs_sim.instrument.spaxels import NATIVE_SPAXEL_ARCSEC, SpaxelGrid, require_spaxel
from kurvs_sim.validation import require, require_not_negative

_SMALL_STEP = 1e-3
"""Fraction of a channel, and of the width: far below the errors' effect on the shape."""


@takes_quantities
@dataclass(frozen=True)
class SkyResiduals:
    """Errors of the sky that was subtracted, which average out over a stack of exposures.

    An error of wavelength leaves a P Cygni shape on every line, one of the line-spread
    function's width a core with two wings of the other sign, one of strength the line itself.
    All are proportional to the line. Each error is a Gaussian number for the field plus one
    for every slice of the image slicer (taken along x, an assumption), joined by straight lines.

    Parameters
    ----------
    wavelength_error_channels, width_error, strength_error : float
        Standard deviations in one exposure: channels, fraction of the width, fraction of the
        strength. No source gives them: the defaults make the mean residual of the field in
        bright lines 0.3 of a spaxel's noise, with the noise of an ExposureModel, as in the
        YJ cube of programme 092.B-0538. Independent from exposure to exposure (assumed).
    common_fraction : float
        Fraction of the variance of each error that the whole field shares, in [0, 1]; assumed.
    slice_arcsec : float
        Width of a slice.

    Raises
    ------
    MetadataError
        If a value is impossible.
    """

    wavelength_error_channels: float = 0.05
    width_error: float = 0.05
    strength_error: float = 0.015
    common_fraction: float = 0.5
    slice_arcsec: float = NATIVE_SPAXEL_ARCSEC

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        for name in ("wavelength_error_channels", "width_error", "strength_error"):
            require_not_negative(**{name: getattr(self, name)})
        require("common_fraction", self.common_fraction,
                within=0.0 <= self.common_fraction <= 1.0,
                expected="a number in [0, 1]")  # fmt: skip
        require_spaxel(slice_arcsec=self.slice_arcsec)

    def draw(
        self, random: np.random.Generator, band: Band, grid: SpaxelGrid, *, n_exposures: float
    ) -> Cube:
        """Draw the residual of a band.

        Parameters
        ----------
        random : numpy.random.Generator
            Source of random numbers.
        band : Band
            Band with its airglow and channels.
        grid : SpaxelGrid
            The spaxels.
        n_exposures : float
            Exposures in the stack, > 0.

        Returns
        -------
        float32 array, shape (n_channels, n_y, 1)
            Flux density per spaxel, 1e-16 erg/s/cm2/um; the same along x.
        """
        slices = resampling_matrix(grid.n_y, grid.spaxel_arcsec / self.slice_arcsec, 0.0)
        common, own = random.standard_normal((3, 1)), random.standard_normal((3, slices.shape[1]))
        one = np.array([self.wavelength_error_channels, self.width_error, self.strength_error])
        errors = (
            one[:, None]
            / math.sqrt(n_exposures)
            * (
                math.sqrt(self.common_fraction) * common
                + math.sqrt(1.0 - self.common_fraction) * (own @ slices.T)
            )
        )
        residual = _residual_shapes(band) @ errors * grid.spaxel_arcsec**2
        return np.asarray(residual[:, :, None], dtype=np.float32)


@cache
def _residual_shapes(band: Band) -> Array:
    """Return what unit errors of the sky model leave, to first order, shape (n_channels, 3).

    In 1e-16 erg/s/cm2/um/arcsec2, by lines that lie one channel redder than modelled, that are
    wider by their own width, and that are twice as strong.
    """
    step_um = _SMALL_STEP * band.channel_width_um
    redder = airglow_lines(band, shift_um=step_um) - airglow_lines(band, shift_um=-step_um)
    wider = airglow_lines(band, width_factor=1.0 + _SMALL_STEP) - airglow_lines(
        band, width_factor=1.0 - _SMALL_STEP
    )
    rates = np.stack(
        [redder / (2.0 * _SMALL_STEP), wider / (2.0 * _SMALL_STEP), airglow_lines(band)], axis=1
    )
    shapes = rates * flux_density_per_photon_rate(band)[:, None]
    shapes.setflags(write=False)
    return np.asarray(shapes)
