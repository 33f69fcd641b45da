"""Header keywords in which this project's own cubes state what is known of a galaxy."""

import math
from typing import Any

from astropy.io.fits import Header

KEYWORDS: dict[str, str] = {
    "name": "OBJECT",
    "redshift": "HIERARCH KURVS REDSHIFT",
    "ra_deg": "RA",
    "dec_deg": "DEC",
    "inclination_deg": "HIERARCH KURVS INCLINATION",
    "position_angle_deg": "HIERARCH KURVS POSITION ANGLE",
    "effective_radius_arcsec": "HIERARCH KURVS EFFECTIVE RADIUS",
    "disk_thickness": "HIERARCH KURVS DISK THICKNESS",
    "seeing_fwhm_arcsec": "HIERARCH KURVS SEEING FWHM",
    "psf_kind": "HIERARCH KURVS PSF KIND",
    "psf_moffat_beta": "HIERARCH KURVS PSF MOFFAT BETA",
    "target_position": "HIERARCH KURVS TARGET POSITION",
    "origin": "HIERARCH KURVS ORIGIN",
    "software_version": "HIERARCH KURVS VERSION",
    "seed": "HIERARCH KURVS SEED",
}
"""Field of ObservationMetadata to keyword of the primary header; unknown values are left out."""

MARKER = "HIERARCH KURVS VERSION"

CENTRE_KEYWORDS = ("HIERARCH KURVS CENTRE X", "HIERARCH KURVS CENTRE Y")
"""The pixel, from 1 as all of FITS, that coordinates count from: the target's, if it is stated."""


def is_own(header: Header) -> bool:
    """Whether a primary header was written by this project."""
    return _plain(MARKER) in header


def to_header(metadata: dict[str, Any]) -> Header:
    """Write known values.

    Parameters
    ----------
    metadata : dict
        Fields of ObservationMetadata.
    """
    header = Header()
    for field, keyword in KEYWORDS.items():
        value = metadata[field]
        if not (isinstance(value, float) and math.isnan(value)):
            header[keyword] = value
    return header


def from_header(header: Header) -> dict[str, Any]:
    """Read back what :func:`to_header` wrote; nothing from a file that is not ours."""
    if not is_own(header):
        return {}
    return {
        field: header[_plain(keyword)]
        for field, keyword in KEYWORDS.items()
        if _plain(keyword) in header
    }


def write_centre_pixel(header: Header, pixel: tuple[float, float]) -> None:
    """Write the 0-based pixel (x, y) that coordinates count from."""
    for keyword, value in zip(CENTRE_KEYWORDS, pixel, strict=True):
        header[keyword] = value + 1.0


def centre_pixel_of(header: Header) -> tuple[float, float] | None:
    """Read back what :func:`write_centre_pixel` wrote; None where it did not."""
    values = [header.get(_plain(keyword)) for keyword in CENTRE_KEYWORDS]
    if not all(isinstance(value, int | float) for value in values):
        return None
    return float(values[0]) - 1.0, float(values[1]) - 1.0


def _plain(keyword: str) -> str:
    return keyword.removeprefix("HIERARCH ")
