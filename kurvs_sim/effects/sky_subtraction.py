"""Errors of the reduction that the whole field shares: too much sky, wrong transmission."""

from dataclasses import dataclass

import numpy as np

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array, Cube
from kurvs_pipeline.bands import Band
from kurvs_sim.atmosphere.airglow import flux_density_per_photon_rate, sky_photon_rate, transmission
from kurvs_sim.instrument.spaxels import SpaxelGrid
from kurvs_sim.validation import require, require_finite


@takes_quantities
@dataclass(frozen=True)
class SkyOversubtraction:
    """A sky that was estimated too bright, and subtracted from every spaxel.

    Parameters
    ----------
    sky_fraction : float
        Fraction of the sky's own spectrum, lines and continuum; negative for too little. No source
        gives it: the default is assumed.
    galaxy_fraction : float
        Fraction of the galaxy's mean spectrum over the field, subtracted where the sky is taken
        from spaxels that the galaxy reaches: its total flux falls by this fraction. The default is
        what a median outside 1.5 arcsec takes from a galaxy with an effective radius of 1.2
        arcsec.

    Raises
    ------
    MetadataError
        If a value is not finite.
    """

    sky_fraction: float = 1e-4
    galaxy_fraction: float = 0.03

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require_finite(sky_fraction=self.sky_fraction, galaxy_fraction=self.galaxy_fraction)

    def spectrum(self, galaxy: Cube, band: Band, grid: SpaxelGrid) -> Array:
        """Return what is subtracted from each spaxel beyond the sky.

        Parameters
        ----------
        galaxy : float32 array, shape (n_channels, n_y, n_x)
            Light of the galaxy alone, 1e-16 erg/s/cm2/um per spaxel.
        band : Band
            The channels.
        grid : SpaxelGrid
            The spaxels.

        Returns
        -------
        array, shape (n_channels,)
            1e-16 erg/s/cm2/um per spaxel.
        """
        sky = sky_photon_rate(band) * flux_density_per_photon_rate(band) * grid.spaxel_arcsec**2
        mean = galaxy.mean(axis=(1, 2), dtype=np.float64)
        return np.asarray(self.sky_fraction * sky + self.galaxy_fraction * mean)


MOST_ABSORPTION_ERROR = 10.0
"""Nobody corrects for eleven times too little."""


@takes_quantities
@dataclass(frozen=True)
class TelluricResidual:
    """A galaxy divided by a transmission that was not quite that of its exposures.

    Parameters
    ----------
    absorption_error : float
        The true optical depth of the atmosphere over that corrected for, less one: what is
        left is the transmission to this power. The default, five per cent, is assumed: a
        standard star seen 0.05 airmasses away.

    Raises
    ------
    MetadataError
        If the optical depth would be negative.
    """

    absorption_error: float = 0.05

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require("absorption_error", self.absorption_error,
                within=-1.0 <= self.absorption_error <= MOST_ABSORPTION_ERROR,
                expected=f"a number between -1 and {MOST_ABSORPTION_ERROR:g}")  # fmt: skip

    def factor(self, band: Band) -> Array:
        """Return what remains in each channel of the galaxy's light, shape (n_channels,).

        Parameters
        ----------
        band : Band
            Band whose transmission is misjudged.
        """
        return np.asarray(transmission(band) ** self.absorption_error)
