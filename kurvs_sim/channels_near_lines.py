"""The parts of the bands that hold the lines of a galaxy, and some channels about them."""

import math
from collections.abc import Sequence

from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS, Band
from kurvs_pipeline.errors import ConfigurationError, CoverageError
from kurvs_pipeline.lines import REST_WAVELENGTH_UM

LEAST_KMS = 1000.0
"""Continuum and noise are measured more than 700 km/s from any line: some channels must be."""


def near_lines(bands: Sequence[Band], redshift: float, within_kms: float) -> list[Band]:
    """Cut bands down to one range of channels each, about the lines that they hold.

    Parameters
    ----------
    bands : sequence of Band
        Of these.
    redshift : float
        Of the lines.
    within_kms : float
        From the first line to the blue and from the last to the red, >= 1000; less where the
        band ends.

    Returns
    -------
    list of Band
        Those with lines in their usable range.

    Raises
    ------
    ConfigurationError
        If the distance is too small.
    CoverageError
        If there is no line in any band.
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
