"""Cubes of the KMOS3D data release (Wisnioski et al. 2019).

One galaxy a file: an empty primary whose ``ESO K3D`` keywords hold what the survey measured, then
flux, noise (a standard deviation), exposure map and image of the point-spread function, in this
order; wavelengths in vacuum um, fluxes in 1e-17 W/m2/um per spaxel, 0 where the grating
transmits nothing.
"""

import math

import numpy as np
from astropy.io import fits

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.io.fits.extensions import Role, role_of

PREFIX = "ESO K3D "

ORDER = ("DATA", "NOISE", "EXPOSURE", "PSF")


def is_kmos3d(primary: fits.Header) -> bool:
    """Whether a primary header is the survey's."""
    return any(keyword.startswith(PREFIX) for keyword in primary)


def name_by_order(hdus: fits.HDUList) -> tuple[str, ...]:
    """Give the extensions of a file in memory the names that their order means; return assumptions.

    Names that tell which extensions hold the fluxes and their noise are left.
    """
    extensions = hdus[1:]
    roles = {role_of(hdu) for hdu in extensions}
    if not is_kmos3d(hdus[0].header) or {Role.FLUX, Role.NOISE} <= roles:
        return ()
    for hdu, name in zip(extensions, ORDER, strict=False):
        hdu.name = name
    return (f"extensions are taken to be {', '.join(ORDER)}, in the order of KMOS3D",)


def moffat_beta(header: fits.Header) -> float:
    """Return the wings of the point-spread function as the survey fitted it, NaN if unknown."""
    return _number(header, "PSF MOFFAT BETA")


def resolving_power(primary: fits.Header, wavelength_um: Array) -> Array | None:
    """Return wavelength over FWHM of the line-spread function, None where it is not stated.

    A polynomial in the wavelength, between the limits within which it was measured.
    """
    terms = [_number(primary, f"RES COEFF{power}") for power in range(6)]
    if not math.isfinite(terms[0]):
        return None
    known = [term if math.isfinite(term) else 0.0 for term in terms]
    low, high = (_number(primary, f"RES {limit}") for limit in ("MIN", "MAX"))
    power = np.polynomial.polynomial.polyval(wavelength_um, known)
    # A limit that is not stated is NaN, which limits nothing.
    return np.asarray(np.fmin(np.fmax(power, low), high))


def _number(header: fits.Header, keyword: str) -> float:
    value = header.get(PREFIX + keyword)
    return float(value) if isinstance(value, int | float) else math.nan
