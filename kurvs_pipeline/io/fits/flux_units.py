"""Units of headers, whatever they call them, and the scale of a cube's flux."""

import math
import re
import warnings

import numpy as np
from astropy import units as u
from astropy.io.fits import Header

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.observation import FLUX_DENSITY_UNIT

_PREFIXES = {"": "", "kilo": "k", "centi": "c", "milli": "m", "micro": "u", "nano": "n"}

SPELLINGS: dict[str, str] = {
    "erg": "erg", "ergs": "erg", "w": "W", "watt": "W", "watts": "W",
    "s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "cm": "cm", "m": "m",
    "a": "Angstrom", "aa": "Angstrom", "ang": "Angstrom", "angs": "Angstrom",
    "angstrom": "Angstrom", "angstroms": "Angstrom", "angstroem": "Angstrom",
    "ångström": "Angstrom", "å": "Angstrom",
    "nm": "nm", "km": "km", "um": "um", "mum": "um", "µm": "um", "μm": "um",
    "micron": "um", "microns": "um",
    **{f"{long}{meter}{plural}": f"{short}m" for long, short in _PREFIXES.items()
       for meter in ("meter", "metre") for plural in ("", "s")},
    "adu": "adu", "dn": "DN", "count": "count", "counts": "count", "ct": "count", "cts": "count",
    "electron": "electron", "electrons": "electron", "photon": "photon", "photons": "photon",
    "jy": "Jy",
    "deg": "deg", "degree": "deg", "degrees": "deg", "rad": "rad", "radian": "rad",
    "radians": "rad", "arcsec": "arcsec", "arcsecs": "arcsec", "asec": "arcsec",
    "arcsecond": "arcsec", "arcseconds": "arcsec", "arcmin": "arcmin", "arcminute": "arcmin",
    "arcminutes": "arcmin", "mas": "mas",
}  # fmt: skip
"""Lower-case spelling to astropy's: in a unit of flux A is no ampere and S no siemens."""

SCALE = re.compile(
    r"\(?(?:10\s*(?:\*\*|\^)\s*\(?\s*(?P<power>[+-]?\d+)\s*\)?"
    r"|(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?))\)?\s*[*.]?\s*(?=[^\W\d])"
)
"""A number before a unit: ``10**(-20)*``, ``10^-20``, ``1E-20``."""

RUN_TOGETHER = {
    re.compile(r"\bkms(-1|\^-1|\*\*-1)?$", re.IGNORECASE): "km/s",
    re.compile(r"\be-(?=$|[\s/*])"): "electron",
    re.compile(r"\bflam\b", re.IGNORECASE): "erg/(s cm2 Angstrom)",
}
"""Abbreviations that are more than the spelling of one unit."""

PER_SPAXEL = re.compile(r"(\s*/\s*|\s+)(spaxels?|pix|pixels?)(-1|\^-1|\*\*\(-1\))?$", re.IGNORECASE)


def parse_unit(text: str) -> u.UnitBase | None:
    """Read a unit of a header, such as ``10^-20 ergs/s/cm2/A`` or ``MICRON``.

    None if it is unknown, or times a number that is not positive and finite.
    """
    bare = PER_SPAXEL.sub("", text.strip().strip("[]'\"").strip())
    match = SCALE.match(bare)
    scale = 1.0
    if match:
        scale = float(match["number"] or f"1e{match['power']}")
        bare = bare[match.end() :]
    if not 0.0 < scale < math.inf:
        return None
    for spelling in (_respelt(bare), bare):
        try:
            with warnings.catch_warnings():
                # Where astropy is not sure what is meant, nor are we.
                warnings.simplefilter("error", u.UnitsWarning)
                unit = u.Unit(_one_denominator(spelling))
                unit = u.Unit(scale * unit) if scale != 1.0 else unit
        except (ValueError, TypeError, OverflowError, u.UnitsWarning):
            continue
        if _is_physical(unit):
            return unit
    return None


def _is_physical(unit: object) -> bool:
    """Whether a unit measures something, times a positive number."""
    if not isinstance(unit, u.UnitBase):
        return False  # a logarithm, such as a magnitude
    bare = unit.decompose()
    return bool(bare.bases) and bool(np.isreal(bare.scale)) and 0.0 < np.real(bare.scale) < math.inf


def flux_scale(
    header: Header, data: Array, *, stated: str | None = None
) -> tuple[float, str, list[str]]:
    """Return the factor and unit that bring a cube to order one, and what was assumed.

    Calibrated flux densities go to 1e-16 erg/(s cm2 um). Anything else keeps its unit and, unless
    it is of order one already, is scaled by a power of ten: squares of 1e-20 underflow single
    precision. A unit that is not understood is called adu, or if ``stated`` in place of BUNIT
    raises MetadataError. Invalid voxels are 0.
    """
    text = str(header.get("BUNIT", "") if stated is None else stated).strip()
    unit = parse_unit(text)
    notes = [] if stated is None else [f"fluxes are in {text}, as given"]
    if stated is not None and (unit is None or not _is_of_light(unit)):
        raise MetadataError(
            f"--flux-unit is '{text}'; expected a unit of light per channel, such as "
            "erg/s/cm2/um, 1e-20 erg/s/cm2/A or adu"
        )
    target = u.Unit(FLUX_DENSITY_UNIT)
    if unit is not None and unit.is_equivalent(target):
        return float(unit.to(target)), FLUX_DENSITY_UNIT, notes
    exponent = _exponent(data)
    name = _scaled_name(u.adu if unit is None else unit, exponent)
    if notes:
        return 10.0**-exponent, name, notes
    found = f"'{text}'" if text else "absent"
    return 10.0**-exponent, name, [f"BUNIT is {found}: fluxes are in {name}, not calibrated"]


COUNTED = {u.adu, u.DN, u.ct, u.electron, u.ph}


def _is_of_light(unit: u.UnitBase) -> bool:
    """Whether a unit is one of energy or counts, of any area, time, wavelength and angle."""
    bare = unit.decompose()
    if COUNTED & set(bare.bases):
        return True
    # Energy of any kind has the mass to the first power: lengths, times and angles have none.
    return u.kg in bare.bases and bare.powers[bare.bases.index(u.kg)] == 1


def _exponent(data: Array) -> int:
    """Return the power of ten of a typical value, 0 where that is of order one."""
    typical = float(np.median(np.abs(data[data != 0.0]))) if np.any(data != 0.0) else 1.0
    exponent = int(np.floor(np.log10(typical)))
    return exponent if abs(exponent) > 1 else 0


def _scaled_name(unit: u.UnitBase, exponent: int) -> str:
    """Name a unit times a power of ten, on top of the scale that it has."""
    # Twelve digits: 1e-17 times 1e-3 shall read 1e-20.
    scale = float(f"{unit.scale * 10.0**exponent:.12g}")
    return str(u.CompositeUnit(scale, unit.bases, unit.powers).to_string())


def _respelt(text: str) -> str:
    for pattern, spelling in RUN_TOGETHER.items():
        text = pattern.sub(spelling, text)
    return re.sub(r"[^\W\d_]+", lambda match: SPELLINGS.get(match[0].lower(), match[0]), text)


def _one_denominator(text: str) -> str:
    """Write a/b/c, which the standard leaves open and everybody means alike, as a/(b c)."""
    first, *rest = (part.strip() for part in text.split("/"))
    if len(rest) < 2 or any(re.search(r"[\s().*]", part.replace("**", "")) for part in rest):
        return text
    return f"{first}/({' '.join(rest)})"
