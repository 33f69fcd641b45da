"""Ratios within the [O II] and [S II] pairs, which tell the electron density."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.lines import DOUBLET_RATIO

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


def every_line_to_halpha(
    *,
    hbeta: ArrayLike,
    oiii_5007: ArrayLike,
    nii_6584: ArrayLike,
    oii: ArrayLike,
    sii: ArrayLike,
    electron_density_cm3: ArrayLike,
) -> dict[str, Array]:
    """Return the lines of ``REST_WAVELENGTH_UM`` relative to H-alpha, in the broadcast shape.

    All ratios are to H-alpha; ``oii`` and ``sii`` are those of both lines of the pair.
    """
    oii_ratio = oii_3729_to_3726(electron_density_cm3)
    sii_ratio = sii_6716_to_6731(electron_density_cm3)
    oii, sii, nii, oiii = (np.asarray(r, dtype=float) for r in (oii, sii, nii_6584, oiii_5007))
    lines = {
        "oii_3726": oii / (1.0 + oii_ratio),
        "oii_3729": oii * oii_ratio / (1.0 + oii_ratio),
        "hbeta": np.asarray(hbeta, dtype=float),
        "oiii_4959": oiii / DOUBLET_RATIO,
        "oiii_5007": oiii,
        "nii_6548": nii / DOUBLET_RATIO,
        "halpha": np.asarray(1.0),
        "nii_6584": nii,
        "sii_6716": sii * sii_ratio / (1.0 + sii_ratio),
        "sii_6731": sii / (1.0 + sii_ratio),
    }
    return dict(zip(lines, np.broadcast_arrays(*lines.values()), strict=True))
