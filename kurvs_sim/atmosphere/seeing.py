"""Seeing: the image that the atmosphere makes of a star."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import Band
from kurvs_sim.validation import LARGEST, require, require_positive, require_whole

if TYPE_CHECKING:
    import galsim

PSF_KINDS = ("gaussian", "moffat", "kolmogorov")

SMALLEST_SEEING_ARCSEC = 0.05
"""Sharper seeing is no seeing: it would ask for a sky grid that is far too fine."""

GAUSSIAN_MOFFAT_BETA = 40.0
"""A Moffat profile of a larger exponent is taken as its limit, the Gaussian of the same width: it
differs by less than 2 per cent of the peak, and its formula loses all digits as beta grows."""

MOST_IMAGE_PIXELS = 20_000
"""Along an axis of a drawn image: 3 GB."""


@takes_quantities
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
    def origin(self) -> str:
        """What it is beyond the nominal profile, for headers; empty for nothing."""

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
        require_whole(least=1, most=MOST_IMAGE_PIXELS, n_pixels=n_pixels)
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


@takes_quantities
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
        Exponent of a Moffat profile, > 1.1; other kinds ignore it. From 40 on, infinity included,
        the profile is the Gaussian.

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
                within=SMALLEST_SEEING_ARCSEC <= self.fwhm_arcsec <= LARGEST
                or self.fwhm_arcsec == 0.0,
                expected=f"0 for no seeing, or at least {SMALLEST_SEEING_ARCSEC}")  # fmt: skip
        require("PSF moffat_beta", self.moffat_beta, within=self.moffat_beta > 1.1,
                expected="a number > 1.1")  # fmt: skip

    @property
    def nominal(self) -> "PointSpreadFunction":
        """The profile itself."""
        return self

    @property
    def origin(self) -> str:
        """Nothing: the nominal profile says it all."""
        return ""

    @property
    def is_gaussian(self) -> bool:
        """Whether it is a Gaussian, or a Moffat profile that cannot be told from one."""
        steep = self.kind == "moffat" and self.moffat_beta >= GAUSSIAN_MOFFAT_BETA
        return self.kind == "gaussian" or steep

    @property
    def galsim_profile(self) -> "galsim.GSObject":
        """The profile of unit flux, lengths in arcsec."""
        import galsim

        if self.fwhm_arcsec == 0.0:
            return galsim.DeltaFunction()
        if self.is_gaussian:
            return galsim.Gaussian(fwhm=self.fwhm_arcsec)
        if self.kind == "moffat":
            return galsim.Moffat(beta=self.moffat_beta, fwhm=self.fwhm_arcsec)
        return galsim.Kolmogorov(fwhm=self.fwhm_arcsec)

    def scaled(self, factor: float) -> "PointSpreadFunction":
        """Return the profile with every length multiplied by a factor (:class:`Seeing`)."""
        return replace(self, fwhm_arcsec=factor * self.fwhm_arcsec)


STEEPEST_EXPONENT = 5.0
"""Turbulence has -0.2, diffraction 1."""


@takes_quantities
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
        require("exponent", self.exponent, within=abs(self.exponent) <= STEEPEST_EXPONENT,
                expected=f"between {-STEEPEST_EXPONENT:g} and {STEEPEST_EXPONENT:g}")  # fmt: skip
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
