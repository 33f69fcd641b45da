"""The airglow of the sky, and the transmission of the atmosphere."""

from functools import cache
from importlib import resources

import numpy as np

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import Band
from kurvs_sim.atmosphere.seeing import PSF_KINDS, PointSpreadFunction
from kurvs_sim.channels import channel_integrated_gaussian

__all__ = [
    "PSF_KINDS",
    "PointSpreadFunction",
    "airglow_lines",
    "flux_density_per_photon_rate",
    "oh_lines",
    "sky_photon_rate",
    "transmission",
]

PHOTON_ENERGY = 1.98644586
"""h c in 1e-16 erg um per photon, for a rate per m2 turned into one per cm2."""


@cache
def _sky_table(name: str) -> Array:
    text = resources.files("kurvs_sim").joinpath("data", name).read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if not line.startswith("#")]
    table = np.loadtxt(rows, delimiter=",", skiprows=1)
    table.setflags(write=False)
    return table


def oh_lines() -> tuple[Array, Array]:
    """Return the OH lines of the sky.

    Returns
    -------
    wavelength_um : array, shape (n_lines,)
        In vacuum, as blended at the resolution of KMOS.
    photon_rate : array, shape (n_lines,)
        Photons / s / m2 / arcsec2 at airmass 1.
    """
    wavelength_um, photon_rate = _sky_table("oh_lines.csv").T
    return wavelength_um, photon_rate


@takes_quantities
def airglow_lines(band: Band, *, shift_um: float = 0.0, width_factor: float = 1.0) -> Array:
    """Return the brightness of the OH lines in every channel, as KMOS resolves them.

    Parameters
    ----------
    band : Band
        Channels and line-spread function (KMOS at one grating).
    shift_um : float
        Added to the wavelengths of all lines.
    width_factor : float
        Multiplies the width of the line-spread function.

    Returns
    -------
    array, shape (n_channels,)
        Photons / s / m2 / arcsec2 per channel at airmass 1.
    """
    wavelength_um, photon_rate = oh_lines()
    lines = channel_integrated_gaussian(
        band.wavelength_um, band.channel_width_um, wavelength_um + shift_um,
        width_factor * band.lsf_sigma_um,
    )  # fmt: skip
    return np.asarray(lines @ photon_rate * band.channel_width_um)


@takes_quantities
def sky_photon_rate(band: Band) -> Array:
    """Return the brightness of the sky in every channel, as KMOS resolves it.

    Parameters
    ----------
    band : Band
        Channels and line-spread function (KMOS at one grating).

    Returns
    -------
    array, shape (n_channels,)
        Photons / s / m2 / arcsec2 per channel at airmass 1: OH lines through the
        line-spread function, integrated over the channel, and continuum.
    """
    return _whole_sky_photon_rate(band.whole)[band.channels]


@cache
def _whole_sky_photon_rate(band: Band) -> Array:
    grid_um, continuum_per_um, _ = _sky_table("sky_continuum.csv").T
    continuum = np.interp(band.wavelength_um, grid_um, continuum_per_um) * band.channel_width_um
    rate = airglow_lines(band) + continuum
    rate.setflags(write=False)
    return np.asarray(rate)


@takes_quantities
def transmission(band: Band) -> Array:
    """Return the fraction of light that the atmosphere lets through, shape (n_channels,).

    Parameters
    ----------
    band : Band
        Channels at whose centres it is read from the table.
    """
    return _whole_transmission(band.whole)[band.channels]


@cache
def _whole_transmission(band: Band) -> Array:
    grid_um, _, fraction = _sky_table("sky_continuum.csv").T
    through = np.interp(band.wavelength_um, grid_um, fraction)
    through.setflags(write=False)
    return np.asarray(through)


@takes_quantities
def flux_density_per_photon_rate(band: Band) -> Array:
    """Return the calibrated flux density of one photon a second, square metre and channel.

    Parameters
    ----------
    band : Band
        Channels, each with its own width and transmission.

    Returns
    -------
    array, shape (n_channels,)
        1e-16 erg/s/cm2/um, corrected for the transmission of the atmosphere as a galaxy's is.
    """
    photon_width = band.wavelength_um * band.channel_width_um * transmission(band)
    return np.asarray(PHOTON_ENERGY / photon_width)
