"""Seeing: the image that the atmosphere makes of a star."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import Band
from kurvs_sim.validation import require, require_finite, require_positive

if TYPE_CHECKING:
    import galsim

PSF_KINDS = ("gaussian", "moffat", "kolmogorov")

SMALLEST_SEEING_ARCSEC = 0.05
"""Sharper seeing is no seeing: it would ask for a sky grid that is far too fine."""


class Seeing(ABC):
    """The image of a star.

    Subclasses are frozen dataclasses: they can be compared, hashed and pickled.
    """

    @property
    @abstractmethod
    def fwhm_arcsec(self) -> float:
        """Full width at half-maximum; 0 for no seeing."""

    @property
    @abstractmethod
    def nominal(self) -> "PointSpreadFunction":
        """The plain profile that an observer would state of it."""

    @property
    @abstractmethod
    def galsim_profile(self) -> "galsim.GSObject":
        """The profile of unit flux, lengths in arcsec, x to the West and y to the North."""

    @abstractmethod
    def scaled(self, factor: float) -> "Seeing":
        """Return the same shape with every length multiplied by a factor.

        Parameters
        ----------
        factor : float
            Factor on all lengths, > 0.
        """

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


@dataclass(frozen=True)
class PointSpreadFunction(Seeing):
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
    def nominal(self) -> "PointSpreadFunction":
        """The profile itself."""
        return self

    @property
    def galsim_profile(self) -> "galsim.GSObject":
        """The profile of unit flux, lengths in arcsec."""
        import galsim

        if self.fwhm_arcsec == 0.0:
            return galsim.DeltaFunction()
        if self.kind == "gaussian":
            return galsim.Gaussian(fwhm=self.fwhm_arcsec)
        if self.kind == "moffat":
            return galsim.Moffat(beta=self.moffat_beta, fwhm=self.fwhm_arcsec)
        return galsim.Kolmogorov(fwhm=self.fwhm_arcsec)

    def scaled(self, factor: float) -> "PointSpreadFunction":
        """Return the profile with every length multiplied by a factor (:class:`Seeing`)."""
        return replace(self, fwhm_arcsec=factor * self.fwhm_arcsec)


@dataclass(frozen=True)
class ChromaticSeeing:
    """Seeing that is sharper in the red.

    It is evaluated once a band, in the middle of its usable range: across one band the width
    changes by less than 4 per cent.

    Parameters
    ----------
    exponent : float
        The width goes as wavelength to this power; -0.2 for Kolmogorov turbulence
        (Fried 1966, J. Opt. Soc. Am. 56, 1372).
    reference_um : float
        Wavelength, um, at which the width is the one stated; the default is H-alpha at a redshift
        of 1.5.

    Raises
    ------
    MetadataError
        If a value is impossible.
    """

    exponent: float = -0.2
    reference_um: float = 1.64

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require_finite(exponent=self.exponent)
        require_positive(reference_um=self.reference_um)

    def in_band(self, seeing: Seeing, band: Band) -> Seeing:
        """Return the seeing in the middle of a band.

        Parameters
        ----------
        seeing : Seeing
            Seeing at the reference wavelength.
        band : Band
            Band for which the seeing is wanted.
        """
        middle_um = 0.5 * sum(band.usable_range_um)
        return seeing.scaled((middle_um / self.reference_um) ** self.exponent)
