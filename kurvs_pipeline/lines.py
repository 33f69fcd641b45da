"""Rest wavelengths of the emission lines, and which of them are tied together.

Vacuum wavelengths from the NIST Atomic Spectra Database. The doublet ratios are those of
Li et al. (2025), Section 3.
"""

from dataclasses import dataclass

import numpy as np

from kurvs_pipeline.arrays import Array

DETECTION_SNR = 4.0
"""S/N below which a line has a limit (Li et al. 2025, Section 3)."""

REST_WAVELENGTH_UM: dict[str, float] = {
    "oii_3726": 0.3727092,
    "oii_3729": 0.3729875,
    "hbeta": 0.4862683,
    "oiii_4959": 0.4960295,
    "oiii_5007": 0.5008240,
    "nii_6548": 0.6549860,
    "halpha": 0.6564610,
    "nii_6584": 0.6585270,
    "sii_6716": 0.6718290,
    "sii_6731": 0.6732670,
}

OII_PAIR = ("oii_3726", "oii_3729")

SII_PAIR = ("sii_6716", "sii_6731")

DOUBLET_RATIO = 3.0
"""[N II] 6584/6548 and [O III] 5007/4959, fixed by atomic physics."""


@dataclass(frozen=True)
class LineGroup:
    """Lines whose flux ratios are fixed, so that one amplitude scales them all.

    ``members`` have their flux relative to the line ``name``.
    """

    name: str
    members: tuple[tuple[str, float], ...]


LINE_GROUPS: tuple[LineGroup, ...] = (
    LineGroup("oii_3726", (("oii_3726", 1.0),)),
    LineGroup("oii_3729", (("oii_3729", 1.0),)),
    LineGroup("hbeta", (("hbeta", 1.0),)),
    LineGroup("oiii_5007", (("oiii_5007", 1.0), ("oiii_4959", 1.0 / DOUBLET_RATIO))),
    LineGroup("halpha", (("halpha", 1.0),)),
    LineGroup("nii_6584", (("nii_6584", 1.0), ("nii_6548", 1.0 / DOUBLET_RATIO))),
    LineGroup("sii_6716", (("sii_6716", 1.0),)),
    LineGroup("sii_6731", (("sii_6731", 1.0),)),
)


def members_of(line: str) -> tuple[str, ...]:
    """Return the lines that a name stands for: ``oii`` is the pair, other names are themselves."""
    return OII_PAIR if line == "oii" else (line,)


def air_from_vacuum(vacuum_um: Array | float) -> Array:
    """Return wavelengths in standard air, um, in the shape of the input.

    The index of refraction is Eq. 8 of Morton (2000, ApJS 130, 403), of the IAU and of VALD3, with
    the measurements of Birch & Downs (1994). That of Ciddor (1996) agrees within 2 m/s.
    """
    vacuum = np.asarray(vacuum_um, dtype=float)
    s2 = 1.0 / vacuum**2
    index = 1.0 + 0.0000834254 + 0.02406147 / (130.0 - s2) + 0.00015998 / (38.9 - s2)
    return np.asarray(vacuum / index)


def vacuum_from_air(air_um: Array | float) -> Array:
    """Return vacuum wavelengths, um: the inverse of :func:`air_from_vacuum`, to 1e-12."""
    air = np.asarray(air_um, dtype=float)
    vacuum = air.copy()
    for _ in range(4):
        vacuum = vacuum + (air - air_from_vacuum(vacuum))
    return vacuum
