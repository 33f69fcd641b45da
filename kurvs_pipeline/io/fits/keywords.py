"""Header keywords in which this project's own cubes state what is known of a galaxy."""

import math
from typing import Any

from astropy.io.fits import Header

from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.observation import ObservationMetadata

KEYWORDS: dict[str, str] = {
    "name": "OBJECT",
    "redshift": "HIERARCH KURVS REDSHIFT",
    "ra_deg": "RA",
    "dec_deg": "DEC",
    "inclination_deg": "HIERARCH KURVS INCLINATION",
    "inclination_err_deg": "HIERARCH KURVS INCLINATION ERR",
    "position_angle_deg": "HIERARCH KURVS POSITION ANGLE",
    "effective_radius_arcsec": "HIERARCH KURVS EFFECTIVE RADIUS",
    "disk_thickness": "HIERARCH KURVS DISK THICKNESS",
    "seeing_fwhm_arcsec": "HIERARCH KURVS SEEING FWHM",
    "psf_kind": "HIERARCH KURVS PSF KIND",
    "psf_moffat_beta": "HIERARCH KURVS PSF MOFFAT BETA",
    "psf_origin": "HIERARCH KURVS PSF ORIGIN",
    "target_position": "HIERARCH KURVS TARGET POSITION",
    "origin": "HIERARCH KURVS ORIGIN",
    "software_version": "HIERARCH KURVS VERSION",
    "seed": "HIERARCH KURVS SEED",
}
"""Field of ObservationMetadata to keyword of the primary header; unknown values are left out."""

UNKNOWN = ObservationMetadata()

TYPE_NAMES = {str: "text", float: "number", int: "whole number"}

MARKER = "HIERARCH KURVS VERSION"

CENTRE_KEYWORDS = ("HIERARCH KURVS CENTRE X", "HIERARCH KURVS CENTRE Y")
"""The pixel, from 1 as all of FITS, that coordinates count from: the target's, if it is stated."""


def is_own(header: Header) -> bool:
    """Whether a primary header was written by this project."""
    return _plain(MARKER) in header


def to_header(metadata: dict[str, Any]) -> Header:
    """Write known values."""
    header = Header()
    for field, keyword in KEYWORDS.items():
        value = metadata[field]
        if not (isinstance(value, float) and math.isnan(value)):
            header[keyword] = value
    return header


def from_header(header: Header, where: str) -> dict[str, Any]:
    """Read back what :func:`to_header` wrote; nothing from a file that is not ours.

    MetadataError if a value is of another type than it was written with.
    """
    if not is_own(header):
        return {}
    found = {}
    for field, keyword in KEYWORDS.items():
        if _plain(keyword) in header:
            found[field] = _of_type_of(getattr(UNKNOWN, field), header[_plain(keyword)])
            if found[field] is None:
                raise MetadataError(
                    f"{where}: {_plain(keyword)} is {header[_plain(keyword)]!r}; expected a "
                    f"{TYPE_NAMES[type(getattr(UNKNOWN, field))]}: correct or remove the keyword"
                )
    return found


def _of_type_of(default: str | float, value: object) -> str | float | None:
    """Return a value as the type of another; None where it is of a different kind."""
    if isinstance(default, str):
        return value if isinstance(value, str) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    whole = isinstance(value, int) or not isinstance(default, int)
    return type(default)(value) if whole else None


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
