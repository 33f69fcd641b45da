"""Rotation curves besides the arctan: profiles of velocity, km/s."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from astropy import constants
from astropy import units as u
from numpy.typing import ArrayLike
from scipy.special import i0e, i1e, k0e, k1e

from kurvs_sim.profiles import Array, Composable
from kurvs_sim.validation import require, require_positive

GRAVITY = constants.G.to_value(u.kpc * (u.km / u.s) ** 2 / u.solMass)
"""Newton's constant, kpc (km/s)^2 per solar mass."""

PEAK_SCALE_LENGTHS = 2.149_95
"""Where the rotation curve of a thin exponential disk peaks (Freeman 1970)."""


@dataclass(frozen=True)
class FreemanDisk(Composable):
    """The rotation curve of a thin, self-gravitating exponential disk (Freeman 1970).

    v^2 is proportional to y^2 (I0(y) K0(y) - I1(y) K1(y)), with y = radius / (2 scale_length).

    Parameters
    ----------
    peak : float
        Highest velocity, reached at 2.15 scale lengths.
    scale_length : float
        Of the disk's mass.
    """

    peak: float
    scale_length: float

    def __post_init__(self) -> None:
        """Check the values."""
        require("peak", self.peak, within=0.0 <= self.peak < math.inf,
                expected="a finite number >= 0 (the position angle gives the sense)")  # fmt: skip
        require_positive(scale_length=self.scale_length)

    @classmethod
    def from_mass(cls, *, mass_solar: float, scale_length_kpc: float) -> Self:
        """Return the curve of a disk of known mass; radii are then in kpc.

        Parameters
        ----------
        mass_solar : float
            Of the whole disk, solar masses, > 0.
        scale_length_kpc : float
            Of the disk's mass, > 0.
        """
        require_positive(mass_solar=mass_solar, scale_length_kpc=scale_length_kpc)
        # Freeman's 4 pi G Sigma_0 h, with the mass 2 pi Sigma_0 h^2.
        square = 2.0 * GRAVITY * mass_solar / scale_length_kpc * float(_squared(PEAK_SCALE_LENGTHS))
        return cls(peak=math.sqrt(square), scale_length=scale_length_kpc)

    def __call__(self, radius: ArrayLike) -> Array:
        """Return the value at each radius."""
        scaled = np.asarray(radius, float) / self.scale_length
        return np.asarray(self.peak * np.sqrt(_squared(scaled) / _squared(PEAK_SCALE_LENGTHS)))


def _squared(scale_lengths: ArrayLike) -> Array:
    """Return the squared velocity, up to a factor, at radii in scale lengths."""
    y = np.maximum(np.asarray(scale_lengths, float) / 2.0, 1e-12)
    # Scaled Bessel functions: the exponentials of I and K cancel.
    return np.asarray(y**2 * (i0e(y) * k0e(y) - i1e(y) * k1e(y)))
