"""The unit of a cube's flux, whatever its header calls it."""

import numpy as np
from astropy import units as u
from astropy.io.fits import Header
from numpy.typing import NDArray

from kurvs_pipeline.observation import FLUX_DENSITY_UNIT

Array = NDArray[np.float64]


def flux_scale(header: Header, data: Array) -> tuple[float, str, list[str]]:
    """Return the factor and unit that bring a cube to order one, and what was assumed.

    Calibrated flux densities go to 1e-16 erg/(s cm2 um). Anything else keeps its unit and is
    scaled by a power of ten: squares of 1e-20 underflow single precision.

    Parameters
    ----------
    header : Header
        For BUNIT.
    data : array
        Fluxes with invalid voxels 0.

    Returns
    -------
    factor : float
        Multiply the data by it.
    unit : str
        That astropy parses.
    assumptions : list of str
    """
    text = str(header.get("BUNIT", "")).strip()
    unit = _parse(text)
    target = u.Unit(FLUX_DENSITY_UNIT)
    if unit is not None and unit.is_equivalent(target):
        return float(unit.to(target)), FLUX_DENSITY_UNIT, []
    typical = np.nanmedian(np.abs(data[data != 0.0])) if np.any(data != 0.0) else 1.0
    exponent = int(np.floor(np.log10(typical))) if np.isfinite(typical) and typical > 0.0 else 0
    name = "adu" if unit is None else unit.to_string()
    found = f"'{text}'" if text else "absent"
    note = f"BUNIT is {found}: fluxes are in {name}, not calibrated"
    return 10.0**-exponent, f"1e{exponent} {name}" if exponent else name, [note]


def _parse(text: str) -> u.UnitBase | None:
    """Read BUNIT as astropy would if headers were written its way; None where unknown."""
    cleaned = text.replace("**", "^").replace("ADU", "adu").replace("sec", "s")
    for spelling in (text, cleaned, cleaned.lower()):
        try:
            unit = u.Unit(spelling)
        except ValueError:
            continue
        if unit != u.dimensionless_unscaled:
            return unit
    return None
