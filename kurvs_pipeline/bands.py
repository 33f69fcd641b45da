"""The three KMOS bands of the survey: wavelength grids and line-spread function.

Numbers from Li et al. (2025), Section 2, and the KMOS pipeline's standard grids.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.errors import CubeFormatError

FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))
SPEED_OF_LIGHT_KMS = 299792.458


@dataclass(frozen=True)
class Band:
    """A KMOS grating on its standard grid of 2048 channels.

    Parameters
    ----------
    name : str
        ``IZ``, ``YJ`` or ``H``.
    first_channel_um, channel_width_um : float
        Vacuum wavelength of the first channel's centre, and the step.
    usable_range_um : tuple of float
        Where the grating transmits.
    lsf_fwhm_channels : float
        Width of the Gaussian line-spread function.
    """

    name: str
    first_channel_um: float
    channel_width_um: float
    usable_range_um: tuple[float, float]
    lsf_fwhm_channels: float
    n_channels: int = 2048

    @cached_property
    def wavelength_um(self) -> NDArray[np.float64]:
        """Channel centres, shape (n_channels,), vacuum um."""
        channel = np.arange(self.n_channels, dtype=np.float64)
        return self.first_channel_um + self.channel_width_um * channel

    @property
    def lsf_sigma_um(self) -> float:
        """Standard deviation of the line-spread function, um."""
        return self.lsf_fwhm_channels * self.channel_width_um / FWHM_PER_SIGMA


KMOS_BANDS: dict[str, Band] = {
    "IZ": Band("IZ", 0.78, 1.51367e-4, (0.78, 1.08), 1.84),
    "YJ": Band("YJ", 1.00, 1.75293e-4, (1.02, 1.34), 1.82),
    "H": Band("H", 1.425, 2.15820e-4, (1.456, 1.85), 1.76),
}


def band_of(wavelength_um: NDArray[np.float64]) -> Band:
    """Return the band that a wavelength axis lies in, whatever a header calls it.

    Parameters
    ----------
    wavelength_um : array, shape (n_channels,)
        Vacuum wavelengths.

    Raises
    ------
    CubeFormatError
        If less than half of the axis lies within any one band.
    """
    low, high = float(np.min(wavelength_um)), float(np.max(wavelength_um))

    def overlap(band: Band) -> float:
        end = float(band.wavelength_um[-1])
        return max(0.0, min(high, end) - max(low, band.first_channel_um))

    best = max(KMOS_BANDS.values(), key=overlap)
    if overlap(best) < 0.5 * (high - low) or overlap(best) == 0.0:
        raise CubeFormatError(
            f"wavelength axis {low:.4g}-{high:.4g} um lies in no KMOS band of this survey "
            "(IZ 0.78-1.08, YJ 1.02-1.34, H 1.456-1.85 um)"
        )
    return best
