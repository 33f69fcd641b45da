"""Where the spaxels of a cube lie on the sky, from a FITS header."""

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from astropy import units as u
from astropy.io.fits import Header
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import CubeFormatError, MetadataError
from kurvs_pipeline.io.fits.flux_units import parse_unit

MATRIX_KEYWORDS = (
    *(f"{stem}{axis}" for stem in ("CDELT", "CROTA") for axis in "12"),
    *(f"{stem}{i}_{j}" for stem in ("CD", "PC") for i in "12" for j in "12"),
)

SPATIAL_KEYWORDS = (
    *(f"{stem}{axis}" for stem in ("CTYPE", "CUNIT", "CRPIX", "CRVAL") for axis in "12"),
    *MATRIX_KEYWORDS, "LONPOLE", "LATPOLE", "RADESYS", "EQUINOX",
)  # fmt: skip

SIDES_ARCSEC = (0.005, 2.0)
"""Of pixels and spaxels of any camera or integral-field unit; what is beyond is a wrong header."""

SQUARE_WITHIN = 0.01
"""By how much the sides of a spaxel, and the angle between them, may differ from a square's."""


@dataclass(frozen=True)
class SkyFrame:
    """The two spatial axes of a cube.

    Parameters
    ----------
    rotation_deg : float
        Direction of the y axis on the sky, North through East.
    mirrored : bool
        True where x grows to the East of y rather than to its West.
    wcs : astropy.wcs.WCS, optional
        Of the two axes, where the header places them on the sky.
    """

    spaxel_x_arcsec: float
    spaxel_y_arcsec: float
    rotation_deg: float
    mirrored: bool
    wcs: WCS | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_header(cls, header: Header, where: str) -> "SkyFrame":
        """Read CD, CDELT with PC, or CDELT with CROTA2.

        CubeFormatError if the axes are not right ascension and declination, have no scale or one
        that no instrument has, or the spaxels are not square.
        """
        wcs = _spatial_wcs(header, where)
        matrix = wcs.pixel_scale_matrix
        x_arcsec, y_arcsec = (3600.0 * float(side) for side in proj_plane_pixel_scales(wcs))
        _check_sides(x_arcsec, y_arcsec, header, where)
        _check_square(matrix, (x_arcsec, y_arcsec), where)
        placed = all(_is_number(header, f"{stem}{i}") for stem in ("CRVAL", "CRPIX") for i in "12")
        return cls(
            spaxel_x_arcsec=x_arcsec,
            spaxel_y_arcsec=y_arcsec,
            rotation_deg=math.degrees(math.atan2(matrix[0, 1], matrix[1, 1])),
            mirrored=bool(np.linalg.det(matrix) > 0.0),
            wcs=wcs if placed else None,
        )

    def coordinates(
        self, shape: tuple[int, int], centre_pixel: tuple[float, float]
    ) -> tuple[Array, Array]:
        """Return spaxel centres in arcsec from a pixel, x to the right of y's left hand.

        The shape is (n_y, n_x), the pixel 0-based (x, y). Centres, shapes (n_x,) and (n_y,), count
        to the West and to the North in an unrotated frame.
        """
        sign = -1.0 if self.mirrored else 1.0
        x = sign * self.spaxel_x_arcsec * (np.arange(shape[1], dtype=np.float64) - centre_pixel[0])
        y = self.spaxel_y_arcsec * (np.arange(shape[0], dtype=np.float64) - centre_pixel[1])
        return x, y

    def sky_position(self, pixel: tuple[float, float]) -> tuple[float, float]:
        """Return right ascension and declination of a 0-based pixel (x, y), in deg.

        NaN where the header does not place the frame on the sky.
        """
        if self.wcs is None:
            return math.nan, math.nan
        right_ascension, declination = self.wcs.wcs_pix2world(*pixel, 0)
        return float(right_ascension), float(declination)


def with_spaxel_size(header: Header, spaxel_arcsec: float, where: str) -> Header:
    """Return a header whose spaxels have a stated side, turned and mirrored as they were.

    Where it gives no direction, North is up and East left. MetadataError if no instrument has such
    spaxels.
    """
    if not are_plausible([spaxel_arcsec]):
        raise MetadataError(
            f"--spaxel-size is {spaxel_arcsec:g}; expected {SIDES_ARCSEC[0]:g} to "
            f"{SIDES_ARCSEC[1]:g} arcsec"
        )
    try:
        matrix = _spatial_wcs(header, where).pixel_scale_matrix
    except CubeFormatError:
        matrix = np.diag([-1.0, 1.0])
    matrix = matrix / np.linalg.norm(matrix, axis=0) * spaxel_arcsec / 3600.0
    stated = header.copy()
    for keyword in MATRIX_KEYWORDS:
        stated.remove(keyword, ignore_missing=True)
    # The forms of a matrix do not mix: a step of the third axis becomes one of CD too.
    if "CDELT3" in stated:
        stated["CD3_3"] = stated["CDELT3"] * stated.get("PC3_3", 1.0)
        for keyword in ("CDELT3", "PC3_3"):
            stated.remove(keyword, ignore_missing=True)
    for i, j in np.ndindex(2, 2):
        stated[f"CD{i + 1}_{j + 1}"] = float(matrix[i, j])
        stated[f"CUNIT{i + 1}"] = "deg"
    return stated


def are_plausible(sides_arcsec: Iterable[float]) -> bool:
    """Whether some instrument has pixels of such sides."""
    return all(SIDES_ARCSEC[0] <= side <= SIDES_ARCSEC[1] for side in sides_arcsec)


def _check_sides(x_arcsec: float, y_arcsec: float, header: Header, where: str) -> None:
    """Refuse spaxels of a size that no instrument has, and say how to state it."""
    if are_plausible((x_arcsec, y_arcsec)):
        return
    raise CubeFormatError(
        f"{where}: spaxels are {x_arcsec:.4g} x {y_arcsec:.4g} arcsec by the header "
        f"({_as_stated(header)}); expected {SIDES_ARCSEC[0]:g} to {SIDES_ARCSEC[1]:g} arcsec: give "
        "--spaxel-size ARCSEC, or correct CUNIT1 and CUNIT2 ('deg' or 'arcsec') and CD or CDELT"
    )


def _as_stated(header: Header) -> str:
    """Quote the unit and the matrix of a header, for messages."""
    units = ", ".join(f"CUNIT{axis} = '{header.get(f'CUNIT{axis}', '')}'" for axis in "12")
    steps = (key for key in MATRIX_KEYWORDS if key in header and not key.startswith("CROTA"))
    return ", ".join([units, *(f"{key} = {header[key]}" for key in steps)])


def _spatial_wcs(header: Header, where: str) -> WCS:
    """Return the world coordinates of the first two axes alone."""
    _check_axes(header, where)
    _check_scale(header, where)
    spatial = Header([header.cards[key] for key in SPATIAL_KEYWORDS if key in header])
    for axis, kind in (("1", "RA---TAN"), ("2", "DEC--TAN")):
        if _axis_type(header, axis) in {"", "LINEAR"}:
            spatial[f"CTYPE{axis}"] = kind
        spatial[f"CUNIT{axis}"] = _angle_unit(header, axis, where).to_string("fits")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            wcs = WCS(spatial, naxis=2)
            wcs.wcs.set()
    except (ValueError, MemoryError) as error:
        raise CubeFormatError(
            f"{where}: the spatial axes cannot be understood ({_one_line(error)}); expected CTYPE1 "
            "= RA---TAN and CTYPE2 = DEC--TAN with CD1_1 and CD2_2, or CDELT1 and CDELT2, in deg"
        ) from None
    return wcs


def _check_axes(header: Header, where: str) -> None:
    """Refuse axes that are not right ascension and declination."""
    for axis, kind in (("1", "RA"), ("2", "DEC")):
        found = _axis_type(header, axis)
        if found not in {"", "LINEAR"} and found.split("-")[0] != kind:
            raise CubeFormatError(
                f"{where}: axis {axis} has CTYPE{axis} = '{found}'; expected {kind} (the axes of a "
                "cube in FITS are right ascension, declination, wavelength: reorder them)"
            )


def _angle_unit(header: Header, axis: str, where: str) -> u.UnitBase:
    """Return the unit of an axis, deg where none is stated, as the standard has it."""
    text = str(header.get(f"CUNIT{axis}", "")).strip()
    unit = parse_unit(text) if text else u.deg
    if unit is None or not unit.is_equivalent(u.deg):
        raise CubeFormatError(
            f"{where}: spaxel size has CUNIT{axis} = '{text}'; expected deg or arcsec, or give "
            "--spaxel-size ARCSEC"
        )
    return unit


def _check_scale(header: Header, where: str) -> None:
    """Refuse a matrix that is absent, singular or not of numbers."""
    for keyword in MATRIX_KEYWORDS:
        if keyword in header and not _is_number(header, keyword):
            raise CubeFormatError(
                f"{where}: {keyword} is {header[keyword]!r}; expected a number, in the header's "
                "spaxel size and rotation"
            )
    cd = [[header.get(f"CD{i}_{j}", 0.0) for j in "12"] for i in "12"]
    steps = [header.get(f"CDELT{axis}", 0.0) for axis in "12"]
    has_cd = any(f"CD{i}_{j}" in header for i in "12" for j in "12")
    if not abs(np.linalg.det(cd) if has_cd else np.prod(steps)) > 0.0:
        raise CubeFormatError(
            f"{where}: no spaxel size (CDELT1, CDELT2 = {header.get('CDELT1')}, "
            f"{header.get('CDELT2')}; CD1_1, CD2_2 = {header.get('CD1_1')}, "
            f"{header.get('CD2_2')}): expected CD1_1 and CD2_2, or CDELT1 and CDELT2, in deg; or "
            "give --spaxel-size ARCSEC"
        )


def _check_square(matrix: Array, sides_arcsec: tuple[float, float], where: str) -> None:
    """Refuse spaxels that an aperture of one scale does not fit."""
    x_arcsec, y_arcsec = sides_arcsec
    if abs(x_arcsec / y_arcsec - 1.0) > SQUARE_WITHIN:
        raise CubeFormatError(
            f"{where}: spaxels are {x_arcsec:.4g} x {y_arcsec:.4g} arcsec (x, y); expected square "
            f"ones within {SQUARE_WITHIN:.0%}: resample the cube onto square spaxels"
        )
    cosine = abs(float(matrix[:, 0] @ matrix[:, 1])) / (x_arcsec * y_arcsec / 3600.0**2)
    if cosine > SQUARE_WITHIN:
        raise CubeFormatError(
            f"{where}: the spatial axes are {math.degrees(math.acos(cosine)):.4g} deg apart; "
            "expected right angles: resample the cube onto square spaxels"
        )


def _axis_type(header: Header, axis: str) -> str:
    return str(header.get(f"CTYPE{axis}", "")).strip().upper()


def _is_number(header: Header, keyword: str) -> bool:
    value = header.get(keyword)
    return isinstance(value, int | float) and math.isfinite(value)


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
