"""How the survey measures the lines of a band, as far as their errors go.

Li et al. (2025), Section 3, and their public code, github.com/zidianjun/kurvs: the noise is the
rms of channels away from the lines and from bright airglow, added up in quadrature over the
channels of one FWHM.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.bands import Band
from kurvs_sim.atmosphere.airglow import sky_photon_rate

QUIET_FRACTION = 0.9
"""Fraction of a band without bright airglow: in the survey's sky spectra 87 (YJ) and 92 per cent
(H) of the usable channels have the weight of 0.8 that the noise is measured with."""

FLUX_LIMIT = 0.01
"""Smallest flux that the survey reports, 1e-16 erg/s/cm2; a fainter one is a failed fit."""


@takes_quantities
@dataclass(frozen=True)
class BandProcedure:
    """Lines of a band that are fitted together, and the ranges of the fit.

    Parameters
    ----------
    lines : tuple of tuples of str
        Line groups by the flux that they are reported as.
    reference : str
        Line that the ranges are about.
    spectrum_um, lines_um : (float, float)
        Range of the spectrum about the reference line, and of the part that is fitted; the
        noise is that of the remainder.
    """

    lines: tuple[tuple[str, ...], ...]
    reference: str
    spectrum_um: tuple[float, float]
    lines_um: tuple[float, float]

    @property
    def names(self) -> tuple[str, ...]:
        """All line groups."""
        return tuple(name for group in self.lines for name in group)

    def line_channels(self, offset_um: Array) -> BoolArray:
        """Return which channels are fitted, by their offset from the reference line.

        Parameters
        ----------
        offset_um : array, shape (n_channels,)
            Wavelength at rest, less that of the reference line, um.
        """
        return _between(offset_um, self.lines_um)

    def noise_channels(self, offset_um: Array) -> BoolArray:
        """Return which channels the noise may be measured on, by the same offset.

        Parameters
        ----------
        offset_um : array, shape (n_channels,)
            Wavelength at rest, less that of the reference line, um.
        """
        return _between(offset_um, self.spectrum_um) & ~self.line_channels(offset_um)


PROCEDURE = {
    "IZ": BandProcedure((("oii_3726", "oii_3729"),), "oii_3726", (-0.015, 0.030), (-0.004, 0.004)),
    "YJ": BandProcedure((("hbeta",), ("oiii_5007",)), "hbeta", (-0.040, 0.050), (-0.005, 0.050)),
    "H": BandProcedure((("halpha",), ("nii_6584",)), "halpha", (-0.025, 0.025), (-0.010, 0.010)),
}
"""The ranges are those of the survey's public code."""


@cache
def quiet_channels(band: Band) -> BoolArray:
    """Return the usable channels of a band without bright airglow, shape (n_channels,)."""
    low, high = band.usable_range_um
    usable = (band.wavelength_um > low) & (band.wavelength_um < high)
    sky = sky_photon_rate(band)
    return np.asarray(usable & (sky < np.quantile(sky[usable], QUIET_FRACTION)))


def _between(offset_um: Array, limits_um: tuple[float, float]) -> BoolArray:
    return np.asarray((offset_um > limits_um[0]) & (offset_um < limits_um[1]))
