"""Emission lines as a spectrograph records them, and their dependence on velocity."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.polynomial.chebyshev import chebvander
from numpy.typing import ArrayLike
from scipy.special import ndtr

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS, Band
from kurvs_pipeline.errors import ConfigurationError, CoverageError
from kurvs_pipeline.lines import REST_WAVELENGTH_UM


def channel_integrated_gaussian(
    wavelength_um: Array, channel_width_um: float, centre_um: ArrayLike, sigma_um: ArrayLike
) -> Array:
    """Return the mean flux density, in each channel, of Gaussian lines of unit flux.

    Centres and standard deviations have shape (n_lines,). The result is per um, of shape
    (n_channels, n_lines); its sum over channels times the channel width is the flux on the
    channels.
    """
    centre, sigma = np.atleast_1d(centre_um), np.atleast_1d(sigma_um)
    first_edge = wavelength_um[0] - 0.5 * channel_width_um
    edges = np.append(first_edge, wavelength_um + 0.5 * channel_width_um)
    cumulative = ndtr((edges[:, None] - centre) / sigma)
    return np.asarray(np.diff(cumulative, axis=0) / channel_width_um)


def chebyshev_line_profile(
    wavelength_um: Array,
    channel_width_um: float,
    *,
    systemic_um: float,
    sigma_um: float,
    maximum_velocity_kms: float,
    n_moments: int,
) -> Array:
    """Expand the line profile of every channel in Chebyshev polynomials of velocity.

    ``sigma_um`` includes the line-spread function; velocities lie within plus or minus the maximum.

    Returns
    -------
    array, shape (n_channels, n_moments)
        Coefficients a such that gas at velocity v has the flux density
        sum_m a[:, m] T_m(v / maximum_velocity_kms), per um and unit flux.
    """
    nodes = np.cos(np.pi * (np.arange(n_moments) + 0.5) / n_moments)
    centre_um = systemic_um * (1.0 + nodes * maximum_velocity_kms / SPEED_OF_LIGHT_KMS)
    values = channel_integrated_gaussian(wavelength_um, channel_width_um, centre_um, sigma_um)
    weights = chebvander(nodes, n_moments - 1) * (2.0 / n_moments)
    weights[:, 0] *= 0.5
    return np.asarray(values @ weights)


LEAST_KMS = 1000.0
"""Continuum and noise are measured more than 700 km/s from any line: some channels must be."""


def near_lines(bands: Sequence[Band], redshift: float, within_kms: float) -> list[Band]:
    """Cut bands down to one range of channels each, about the lines that they hold.

    It reaches ``within_kms``, at least 1000, to the blue of the first line and to the red of the
    last; less where the band ends. ConfigurationError if that is too small, CoverageError if there
    is no line in any band.
    """
    if not LEAST_KMS <= within_kms < math.inf:
        raise ConfigurationError(
            f"within_kms_of_lines is {within_kms}; expected at least {LEAST_KMS:g} km/s, so that "
            "there are channels to measure continuum and noise on, or none for whole bands"
        )
    observed_um = [rest * (1.0 + redshift) for rest in REST_WAVELENGTH_UM.values()]
    found = {band: _usable(observed_um, band) for band in bands}
    if not any(found.values()):
        raise CoverageError(
            f"redshift {redshift} puts no line in the usable range of "
            f"{', '.join(band.name for band in bands)}; ask for other bands, or whole ones"
        )
    beyond = within_kms / SPEED_OF_LIGHT_KMS
    return [
        band.between(min(lines) * (1.0 - beyond), max(lines) * (1.0 + beyond))
        for band, lines in found.items()
        if lines
    ]


def _usable(observed_um: Sequence[float], band: Band) -> list[float]:
    low, high = band.usable_range_um
    return [line for line in observed_um if low <= line <= high]
