"""What makes a disk differ from a function of radius: the interface, and what kinds share.

Positions are in the plane of the disk, in kpc from the centre of the galaxy: x along the
receding side of the major axis, y along the minor axis, towards 90 degrees less than the
position angle (the West of a galaxy whose North recedes).
"""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincinv

from kurvs_pipeline.arrays import Array

EFFECTIVE_RADIUS_SCALE_LENGTHS = float(gammaincinv(2.0, 0.5))
"""Half-light radius of an exponential disk in scale lengths: (1 + x) exp(-x) = 1/2."""

CLUMPS_STREAM = 1
ABUNDANCE_SCATTER_STREAM = 2


@runtime_checkable
class DiskStructure(Protocol):
    """Light, and abundance, that depend on more than the radius.

    A structure holds a fraction of the galaxy's H-alpha. The smooth disk keeps the rest, so that
    the total does not change:

        H-alpha = flux x ((1 - flux_fraction) x smooth disk of unit flux + halpha).
    """

    @property
    def flux_fraction(self) -> float:
        """Fraction of the galaxy's H-alpha that is the structure's, in [0, 1]."""

    def halpha(self, x_kpc: ArrayLike, y_kpc: ArrayLike) -> Array:
        """Return the H-alpha of the structure.

        Parameters
        ----------
        x_kpc, y_kpc : array_like
            Position in the plane of the disk.

        Returns
        -------
        array
            Per kpc^2 of the plane, relative to the flux of the whole galaxy: the integral over
            the plane is ``flux_fraction``. Of the broadcast shape.
        """

    def oxygen_abundance_offset(self, x_kpc: ArrayLike, y_kpc: ArrayLike) -> Array:
        """Return what the structure adds to 12 + log(O/H) of all the gas at a place.

        Parameters
        ----------
        x_kpc, y_kpc : array_like
            Position in the plane of the disk.

        Returns
        -------
        array
            dex, of the broadcast shape.
        """


def structure_generator(seed: int, stream: int) -> np.random.Generator:
    """Return the random numbers of one kind of structure.

    The key of one number keeps them apart from the noise of an observation with the same seed,
    whose keys have two.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(stream,))
    return np.random.Generator(np.random.PCG64(sequence))


def exponential_disk(radius_kpc: ArrayLike, effective_radius_kpc: float) -> Array:
    """Return an exponential disk of unit flux, per kpc^2, at radii in its plane."""
    scale_length = effective_radius_kpc / EFFECTIVE_RADIUS_SCALE_LENGTHS
    falling = np.exp(-np.asarray(radius_kpc, float) / scale_length)
    return np.asarray(falling / (2.0 * np.pi * scale_length**2))
