"""The three KMOS bands of the survey: wavelength grids and line-spread functions.

Numbers from Li et al. (2025), Section 2, and the KMOS pipeline's standard grids.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import CoverageError, CubeFormatError

FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))
SPEED_OF_LIGHT_KMS = 299792.458


@dataclass(frozen=True)
class Band:
    """A KMOS grating on its standard grid of 2048 channels, or on a part of it.

    Parameters
    ----------
    name : str
        ``IZ``, ``YJ`` or ``H``.
    first_channel_um, channel_width_um : float
        Vacuum wavelength of the whole grid's first channel, at its centre, and the step.
    usable_range_um : tuple of float
        Wavelengths between which the grating transmits.
    lsf_fwhm_channels : float
        Full width at half-maximum of the Gaussian line-spread function.
    n_channels : int
        Channels of this band, without those cut off.
    cut_off : tuple of int
        Channels of the whole grid left out before the first and after the last.
    """

    name: str
    first_channel_um: float
    channel_width_um: float
    usable_range_um: tuple[float, float]
    lsf_fwhm_channels: float
    n_channels: int = 2048
    cut_off: tuple[int, int] = (0, 0)

    @cached_property
    def wavelength_um(self) -> Array:
        """Channel centres, shape (n_channels,), vacuum um."""
        channel = self.cut_off[0] + np.arange(self.n_channels, dtype=np.float64)
        return self.first_channel_um + self.channel_width_um * channel

    @property
    def whole(self) -> Self:
        """The band with all channels of its grid."""
        if self.cut_off == (0, 0):
            return self
        return replace(self, n_channels=self.n_channels + sum(self.cut_off), cut_off=(0, 0))

    @property
    def channels(self) -> slice:
        """Slice of the whole grid that these channels are."""
        return slice(self.cut_off[0], self.cut_off[0] + self.n_channels)

    def between(self, low_um: float, high_um: float) -> Self:
        """Return the part of the band between two wavelengths, ends included.

        Parameters
        ----------
        low_um, high_um : float
            Vacuum wavelengths of the two ends.

        Raises
        ------
        CoverageError
            If the band has no channel there.
        """
        first, end = np.searchsorted(self.wavelength_um, [low_um, np.nextafter(high_um, np.inf)])
        if first >= end:
            raise CoverageError(
                f"{self.name} has no channel between {low_um:g} and {high_um:g} um; expected a "
                f"range within {self.wavelength_um[0]:g} to {self.wavelength_um[-1]:g} um"
            )
        left_out = (self.cut_off[0] + int(first), self.cut_off[1] + self.n_channels - int(end))
        return replace(self, n_channels=int(end - first), cut_off=left_out)

    @property
    def lsf_sigma_um(self) -> float:
        """Standard deviation of the line-spread function, um."""
        return self.lsf_fwhm_channels * self.channel_width_um / FWHM_PER_SIGMA


KMOS_BANDS: dict[str, Band] = {
    "IZ": Band("IZ", 0.78, 1.51367e-4, (0.78, 1.08), 1.84),
    "YJ": Band("YJ", 1.00, 1.75293e-4, (1.02, 1.34), 1.82),
    "H": Band("H", 1.425, 2.15820e-4, (1.456, 1.85), 1.76),
}
"""Every band that is known, by name and in order of wavelength."""


def band_of(wavelength_um: Array) -> Band:
    """Return the KMOS band that a wavelength axis, in vacuum, lies in.

    A part of a band may lie in two bands alike; the channel width then decides. Headers are not
    asked. CubeFormatError if less than half of the axis lies within any one band.
    """
    low, high = float(np.min(wavelength_um)), float(np.max(wavelength_um))

    def overlap(band: Band) -> float:
        end = float(band.wavelength_um[-1])
        return max(0.0, min(high, end) - max(low, band.first_channel_um))

    def fit(band: Band) -> tuple[float, float]:
        step = (high - low) / max(np.size(wavelength_um) - 1, 1)
        return overlap(band), -abs(step - band.channel_width_um)

    best = max(KMOS_BANDS.values(), key=fit)
    if overlap(best) < 0.5 * (high - low) or overlap(best) == 0.0:
        raise CubeFormatError(
            f"wavelength axis {low:.4g}-{high:.4g} um lies in no KMOS band of this survey "
            "(IZ 0.78-1.08, YJ 1.02-1.34, H 1.456-1.85 um)"
        )
    return best
