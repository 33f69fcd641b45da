"""The wavelength axis of a cube, in vacuum um, from and to a FITS header."""

import math

import numpy as np
from astropy import units as u
from astropy.io.fits import Header
from numpy.typing import NDArray

from kurvs_pipeline.errors import CubeFormatError, MetadataError, OutputError
from kurvs_pipeline.lines import air_from_vacuum, vacuum_from_air

Array = NDArray[np.float64]

LINEAR_TYPES = ("WAVE", "AWAV", "LAMBDA", "WAVELENGTH", "LINEAR")
"""CTYPE3 of axes that are linear in wavelength; only AWAV counts in air."""

COUPLINGS = tuple(
    f"{matrix}{i}_{j}" for matrix in ("CD", "PC") for i, j in ("13", "23", "31", "32")
)

SPECTRAL_KEYWORDS = (
    "CTYPE3", "CUNIT3", "CRPIX3", "CRVAL3", "CDELT3", "CD3_3", "PC3_3", *COUPLINGS
)  # fmt: skip

STATE_IT = "give --wavelength-start and --wavelength-step, in um, to state the axis yourself"

LINEAR_WITHIN_CHANNELS = 1e-3


def wavelength_axis(
    header: Header,
    n_channels: int,
    where: str,
    *,
    start_um: float | None = None,
    step_um: float | None = None,
) -> tuple[Array, list[str]]:
    """Return channel centres, and what had to be assumed.

    Parameters
    ----------
    header : Header
        Of the cube.
    n_channels : int
        Length of the axis.
    where : str
        File and extension, for messages.
    start_um, step_um : float, optional
        Override the header, whose wavelengths are wrong in some cut-outs; in air if CTYPE3 is
        AWAV. Both together state the axis whatever the header says.

    Returns
    -------
    wavelength_um : array, shape (n_channels,)
        Vacuum wavelengths.
    assumptions : list of str

    Raises
    ------
    CubeFormatError
        If the axis is absent, not linear in wavelength, in an unknown unit or does not
        increase.
    MetadataError
        If an override is not a length.
    """
    assumptions: list[str] = []
    if start_um is None or step_um is None:
        assumptions += _check_kind(header, where)
    if step_um is None:
        step_um = _header_step_um(header, where)
    else:
        _check_given("--wavelength-step", step_um)
    if start_um is None:
        start_um = _header_start_um(header, step_um, where)
    else:
        _check_given("--wavelength-start", start_um)
        assumptions.append(f"wavelengths start at {start_um:g} um as given, not as in the header")
    wavelength = start_um + step_um * np.arange(n_channels, dtype=float)
    return _to_vacuum(wavelength, header, assumptions), assumptions


def write_wavelength_axis(header: Header, wavelength_um: Array) -> None:
    """State a wavelength axis in a header, in place of what it says.

    Parameters
    ----------
    header : Header
        Of a cube; where its CTYPE3 is AWAV the axis stays one in air.
    wavelength_um : array, shape (n_channels,)
        Vacuum wavelengths.

    Raises
    ------
    OutputError
        If they are not equally spaced.
    """
    kind = "AWAV" if _kind(header) == "AWAV" else "WAVE"
    axis = air_from_vacuum(wavelength_um) if kind == "AWAV" else wavelength_um
    step = float(axis[-1] - axis[0]) / (axis.size - 1)
    off = np.abs(axis - axis[0] - step * np.arange(axis.size)).max() / step
    if off > LINEAR_WITHIN_CHANNELS:
        raise OutputError(
            f"wavelengths are not equally spaced (by up to {off:.3g} channels), as a FITS cube "
            "needs them: resample the cube"
        )
    for keyword in SPECTRAL_KEYWORDS:
        header.remove(keyword, ignore_missing=True)
    header["CTYPE3"], header["CUNIT3"] = kind, "um"
    header["CRPIX3"], header["CRVAL3"] = 1.0, float(axis[0])
    # CDELT where the spatial axes have CDELT: the two forms do not mix.
    header["CD3_3" if "CD1_1" in header else "CDELT3"] = step


def _kind(header: Header) -> str:
    return str(header.get("CTYPE3", "")).strip().upper()


def _check_kind(header: Header, where: str) -> list[str]:
    """Refuse an axis that is not linear in wavelength; say what was assumed."""
    kind = _kind(header)
    expected = f"expected an axis linear in wavelength, WAVE (vacuum) or AWAV (air); {STATE_IT}"
    if kind and kind not in LINEAR_TYPES:
        raise CubeFormatError(f"{where}: the third axis has CTYPE3 = '{kind}'; {expected}")
    if header.get("DC-FLAG") == 1:
        raise CubeFormatError(f"{where}: the third axis has DC-FLAG = 1 (logarithmic); {expected}")
    for keyword in COUPLINGS:
        if keyword in header and _number(header, keyword, where) != 0.0:
            raise CubeFormatError(
                f"{where}: {keyword} is {header[keyword]:g}; expected 0, wavelengths that are the "
                f"same in every spaxel; {STATE_IT}"
            )
    return [] if kind else ["CTYPE3 is absent: the third axis is taken as a wavelength"]


def _to_vacuum(wavelength: Array, header: Header, assumptions: list[str]) -> Array:
    if _kind(header) == "AWAV":
        assumptions.append("CTYPE3 is AWAV: wavelengths converted from air to vacuum")
        return vacuum_from_air(wavelength)
    assumptions.append("wavelengths taken as vacuum, as the KMOS pipeline writes them")
    return wavelength


def _header_step_um(header: Header, where: str) -> float:
    keyword = next((key for key in ("CD3_3", "CDELT3") if key in header), None)
    if keyword is None:
        raise CubeFormatError(
            f"{where}: no spectral axis: expected CDELT3 or CD3_3, found neither; {STATE_IT}"
        )
    step = _number(header, keyword, where)
    if keyword == "CDELT3" and "PC3_3" in header:
        step *= _number(header, "PC3_3", where)
    if not step > 0.0:
        raise CubeFormatError(
            f"{where}: wavelength step {keyword} is {step:g}; expected a step > 0; {STATE_IT}"
        )
    return step * _scale_to_um(header, where)


def _header_start_um(header: Header, step_um: float, where: str) -> float:
    """Return the wavelength of the first channel."""
    if "CRVAL3" not in header:
        raise CubeFormatError(f"{where}: no spectral axis: expected CRVAL3, found none; {STATE_IT}")
    reference = _number(header, "CRPIX3", where) if "CRPIX3" in header else 1.0
    value_um = _number(header, "CRVAL3", where) * _scale_to_um(header, where)
    return value_um + (1.0 - reference) * step_um


def _number(header: Header, keyword: str, where: str) -> float:
    value = header[keyword]
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise CubeFormatError(f"{where}: {keyword} is {value!r}; expected a number; {STATE_IT}")
    return float(value)


def _check_given(option: str, value_um: float) -> None:
    if not (value_um > 0.0 and math.isfinite(value_um)):
        raise MetadataError(f"{option} is {value_um:g}; expected a length > 0, in um")


def _scale_to_um(header: Header, where: str) -> float:
    text = str(header.get("CUNIT3", "")).strip()
    aliases = {"MICRON": "um", "MICRONS": "um", "ANGSTROMS": "Angstrom", "A": "Angstrom"}
    try:
        return float(u.Unit(aliases.get(text.upper(), text)).to(u.um))
    except (ValueError, u.UnitConversionError):
        found = f"'{text}'" if text else "nothing"
        raise CubeFormatError(
            f"{where}: wavelength unit CUNIT3 is {found}; expected um, nm, Angstrom or m; "
            f"{STATE_IT}"
        ) from None
