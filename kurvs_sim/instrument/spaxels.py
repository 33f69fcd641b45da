"""KMOS: spaxels, exposure times and the noise of sky and detector."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import Band
from kurvs_pipeline.errors import ConfigurationError
from kurvs_sim.atmosphere.airglow import sky_photon_rate, transmission
from kurvs_sim.validation import require, require_not_negative, require_positive, require_whole

_Value = TypeVar("_Value")


def _centred(n_pixels: int, pixel_arcsec: float) -> Array:
    """Return pixel centres about the middle of an axis."""
    return np.asarray(pixel_arcsec * (np.arange(n_pixels) - 0.5 * (n_pixels - 1)))


NATIVE_SPAXEL_ARCSEC = 0.2
"""Side of a spaxel of KMOS, before resampling."""

SPAXELS_ARCSEC = (0.005, 2.0)
"""Spaxels of every integral-field unit, in any seeing."""

MOST_SPAXELS = 1000
"""Along an axis; the fields of KMOS have 14, or 28 resampled."""


def require_spaxel(**values: float) -> None:
    """Refuse sides that no spaxel has: MetadataError names the first of them."""
    low, high = SPAXELS_ARCSEC
    for name, value in values.items():
        require(name, value, within=low <= value <= high,
                expected=f"a number from {low:g} to {high:g}")  # fmt: skip


@takes_quantities
@dataclass(frozen=True)
class SpaxelGrid:
    """The spaxels of one integral-field unit.

    Parameters
    ----------
    n_x, n_y : int
        Spaxels from East to West, and from South to North.
    spaxel_arcsec : float
        Side of a spaxel. The default is the survey's resampled grid; KMOS itself has
        14 x 14 spaxels of 0.2 arcsec.
    """

    n_x: int = 28
    n_y: int = 28
    spaxel_arcsec: float = 0.1

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require_whole(least=1, most=MOST_SPAXELS, n_x=self.n_x, n_y=self.n_y)
        require_spaxel(spaxel_arcsec=self.spaxel_arcsec)

    @cached_property
    def x_arcsec(self) -> Array:
        """Spaxel centres from the middle of the field, to the West, shape (n_x,)."""
        return _centred(self.n_x, self.spaxel_arcsec)

    @cached_property
    def y_arcsec(self) -> Array:
        """Spaxel centres from the middle of the field, to the North, shape (n_y,)."""
        return _centred(self.n_y, self.spaxel_arcsec)


def of_band(values: Mapping[str, _Value], band: Band, method: str) -> _Value:
    """Return what is known of a band; ConfigurationError names the method that knows of others."""
    if band.name not in values:
        raise ConfigurationError(
            f"no exposure time of band {band.name} is known; expected one of {', '.join(values)}: "
            f"a subclass with a method {method} of its own can give those of other bands"
        )
    return values[band.name]


@takes_quantities
@dataclass(frozen=True)
class NoiseModel:
    """Noise of the channels of all three bands relative to one another.

    The noise is the Poisson noise of the sky and a pedestal for the detector; the noise of
    the galaxy's own photons is negligible. Throughput is the same at all wavelengths (none
    is published for the gratings). One number, found from the signal-to-noise ratio asked
    for, scales everything, so collecting area and sky subtraction drop out.

    Parameters
    ----------
    exposure_hours_iz, exposure_hours_yj, exposure_hours_h : float
        Time on target, hours (Li et al. 2025, Section 2).
    detector_photon_rate : float
        Dark current and read noise as an equivalent photon rate, per s, m2, arcsec2 and
        channel. The default assumes 3.2 electrons of read noise and 0.01 electrons/s of
        dark current in 600 s, one pixel per channel and 0.2 arcsec spaxel, a 49 m2 mirror
        and 30 % throughput: (3.2^2 / 600 + 0.01) / (49 x 0.04 x 0.3) = 0.046.
    """

    exposure_hours_iz: float = 20.0
    exposure_hours_yj: float = 20.0
    exposure_hours_h: float = 80.0
    detector_photon_rate: float = 0.046

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require_positive(
            exposure_hours_iz=self.exposure_hours_iz,
            exposure_hours_yj=self.exposure_hours_yj,
            exposure_hours_h=self.exposure_hours_h,
        )
        require_not_negative(detector_photon_rate=self.detector_photon_rate)

    def exposure_seconds(self, band: Band) -> float:
        """Return the time on target in a band.

        Parameters
        ----------
        band : Band
            IZ, YJ or H.

        Raises
        ------
        ConfigurationError
            If it is another band.
        """
        hours = {
            "IZ": self.exposure_hours_iz,
            "YJ": self.exposure_hours_yj,
            "H": self.exposure_hours_h,
        }
        return 3600.0 * of_band(hours, band, "exposure_seconds")

    def relative_variance(self, band: Band) -> Array:
        """Return the variance of the flux density per spaxel, up to one factor for all bands.

        A rate N of photons counted for t has the variance N t; one count is a flux density of
        (h c / lambda) / (t d_lambda T), T being the transmission of the atmosphere.

        Parameters
        ----------
        band : Band
            Channels, in one of the three bands.

        Returns
        -------
        array, shape (n_channels,)
        """
        counts = sky_photon_rate(band) + self.detector_photon_rate
        density_per_count = 1.0 / (band.wavelength_um * band.channel_width_um * transmission(band))
        return np.asarray(counts * density_per_count**2 / self.exposure_seconds(band))
