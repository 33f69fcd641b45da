"""Ratios within the [O II] and [S II] pairs, which tell the electron density."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

DENSITY_RANGE_CM3 = (1.0, 1e5)
"""Where the relations were fitted; at both ends the ratios have reached their limits."""


class _DensityRelation(NamedTuple):
    """R(n) = a (b + n) / (c + n)."""

    a: float
    b: float
    c: float

    def __call__(self, electron_density_cm3: ArrayLike) -> Array:
        density = np.asarray(electron_density_cm3, dtype=float)
        return np.asarray(self.a * (self.b + density) / (self.c + density))


oii_3729_to_3726 = _DensityRelation(a=0.3771, b=2468.0, c=638.4)
"""[O II] 3729/3726 of the electron density, cm^-3 (Sanders et al. 2016, ApJ 816, 23, eq. 6)."""

sii_6716_to_6731 = _DensityRelation(a=0.4315, b=2107.0, c=627.1)
"""[S II] 6716/6731 of the electron density, cm^-3 (Sanders et al. 2016, ApJ 816, 23, eq. 7)."""
