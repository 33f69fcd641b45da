"""The one cosmology: flat, that of Li et al. (2025), Section 1."""

from astropy import units as u
from astropy.cosmology import FlatLambdaCDM

COSMOLOGY = FlatLambdaCDM(H0=67.3, Om0=0.315)


def kpc_per_arcsec(redshift: float) -> float:
    """Return the proper transverse scale, kpc per arcsec, at a redshift > 0."""
    return float(COSMOLOGY.kpc_proper_per_arcmin(redshift).to_value(u.kpc / u.arcsec))
