"""The atmosphere: seeing, the airglow of the sky, and transmission."""

import math
from dataclasses import dataclass
from functools import cache
from importlib import resources

import galsim
import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.bands import Band
from kurvs_sim.line_profiles import channel_integrated_gaussian
from kurvs_sim.validation import require

Array = NDArray[np.float64]

PSF_KINDS = ("gaussian", "moffat", "kolmogorov")

SMALLEST_SEEING_ARCSEC = 0.05
"""Sharper seeing is no seeing: it would ask for a sky grid that is far too fine."""


@dataclass(frozen=True)
class PointSpreadFunction:
    """The round image of a star.

    Parameters
    ----------
    kind : str
        ``gaussian``, ``moffat`` or ``kolmogorov``.
    fwhm_arcsec : float
        Full width at half-maximum; 0 for no seeing, whatever the kind.
    moffat_beta : float
        Exponent of a Moffat profile, > 1.1; other kinds ignore it.

    Raises
    ------
    MetadataError
        If a value is impossible.
    """

    kind: str = "gaussian"
    fwhm_arcsec: float = 0.6
    moffat_beta: float = 3.0

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require("PSF kind", self.kind, within=self.kind in PSF_KINDS,
                expected=", ".join(PSF_KINDS))  # fmt: skip
        require("PSF fwhm_arcsec", self.fwhm_arcsec,
                within=SMALLEST_SEEING_ARCSEC <= self.fwhm_arcsec < math.inf
                or self.fwhm_arcsec == 0.0,
                expected=f"0 for no seeing, or at least {SMALLEST_SEEING_ARCSEC}")  # fmt: skip
        require("PSF moffat_beta", self.moffat_beta, within=1.1 < self.moffat_beta < math.inf,
                expected="a finite number > 1.1")  # fmt: skip

    @property
    def galsim_profile(self) -> galsim.GSObject:
        """The profile of unit flux, lengths in arcsec."""
        if self.fwhm_arcsec == 0.0:
            return galsim.DeltaFunction()
        if self.kind == "gaussian":
            return galsim.Gaussian(fwhm=self.fwhm_arcsec)
        if self.kind == "moffat":
            return galsim.Moffat(beta=self.moffat_beta, fwhm=self.fwhm_arcsec)
        return galsim.Kolmogorov(fwhm=self.fwhm_arcsec)

    def image(self, pixel_arcsec: float, n_pixels: int) -> Array:
        """Return the profile sampled at pixel centres times the area of a pixel.

        Parameters
        ----------
        pixel_arcsec : float
            Side of a pixel, which should be well below the width of the profile.
        n_pixels : int
            The star is at pixel ``n_pixels // 2`` of both axes, counted from 0.

        Returns
        -------
        array, shape (n_pixels, n_pixels)
            The sum is the part of the light that falls on the image, so it approaches 1.
        """
        if self.fwhm_arcsec == 0.0:
            image = np.zeros((n_pixels, n_pixels))
            image[n_pixels // 2, n_pixels // 2] = 1.0
            return image
        # Sampling draws in real space; a drawing through Fourier space would fold the wings.
        drawn = self.galsim_profile.drawImage(
            nx=n_pixels, ny=n_pixels, scale=pixel_arcsec, method="no_pixel",
            use_true_center=False, dtype=np.float64,
        )  # fmt: skip
        return np.asarray(drawn.array)


@cache
def _sky_table(name: str) -> Array:
    text = resources.files("kurvs_sim").joinpath("data", name).read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if not line.startswith("#")]
    table = np.loadtxt(rows, delimiter=",", skiprows=1)
    table.setflags(write=False)
    return table


@cache
def sky_photon_rate(band: Band) -> Array:
    """Return the brightness of the sky in every channel, as KMOS resolves it.

    Parameters
    ----------
    band : Band
        Its grid and line-spread function.

    Returns
    -------
    array, shape (n_channels,)
        Photons / s / m2 / arcsec2 per channel at airmass 1: OH lines through the
        line-spread function, integrated over the channel, and continuum.
    """
    wavelength_um, photon_rate = _sky_table("oh_lines.csv").T
    lines = channel_integrated_gaussian(
        band.wavelength_um, band.channel_width_um, wavelength_um, band.lsf_sigma_um
    )
    grid_um, continuum_per_um, _ = _sky_table("sky_continuum.csv").T
    continuum = np.interp(band.wavelength_um, grid_um, continuum_per_um)
    rate = (lines @ photon_rate + continuum) * band.channel_width_um
    rate.setflags(write=False)
    return np.asarray(rate)


@cache
def transmission(band: Band) -> Array:
    """Return the fraction of light that the atmosphere lets through, shape (n_channels,)."""
    grid_um, _, fraction = _sky_table("sky_continuum.csv").T
    through = np.interp(band.wavelength_um, grid_um, fraction)
    through.setflags(write=False)
    return np.asarray(through)
