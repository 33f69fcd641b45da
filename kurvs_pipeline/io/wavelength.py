"""The wavelength axis of a cube, in vacuum um, from a FITS header."""

import numpy as np
from astropy import units as u
from astropy.io.fits import Header
from numpy.typing import NDArray

from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.lines import vacuum_from_air

Array = NDArray[np.float64]


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
        Override the header, whose wavelengths are wrong in some cut-outs.

    Returns
    -------
    wavelength_um : array, shape (n_channels,)
        Vacuum wavelengths.
    assumptions : list of str

    Raises
    ------
    CubeFormatError
        If the axis is absent, not a wavelength, in an unknown unit or does not increase.
    """
    assumptions: list[str] = []
    if step_um is None:
        step_um = _step(header, where) * _scale_to_um(header, where)
    if start_um is None:
        reference = float(header.get("CRPIX3", 1.0))
        start_um = _value(header, "CRVAL3", where) * _scale_to_um(header, where)
        start_um += (1.0 - reference) * step_um
    else:
        assumptions.append(f"wavelengths start at {start_um:g} um as given, not as in the header")
    if not step_um > 0.0:
        raise CubeFormatError(
            f"{where}: wavelength step is {step_um:g} um; expected a value > 0 "
            "(give it with --wavelength-step)"
        )
    wavelength = start_um + step_um * np.arange(n_channels, dtype=float)
    return _to_vacuum(wavelength, header, assumptions), assumptions


def _to_vacuum(wavelength: Array, header: Header, assumptions: list[str]) -> Array:
    kind = str(header.get("CTYPE3", "")).strip().upper()
    if kind.startswith("AWAV"):
        assumptions.append("CTYPE3 is AWAV: wavelengths converted from air to vacuum")
        return vacuum_from_air(wavelength)
    assumptions.append("wavelengths taken as vacuum, as the KMOS pipeline writes them")
    return wavelength


def _step(header: Header, where: str) -> float:
    for keyword in ("CD3_3", "CDELT3"):
        if keyword in header:
            return float(header[keyword])
    raise CubeFormatError(
        f"{where}: no spectral axis: expected CDELT3 or CD3_3, found neither "
        "(give --wavelength-start and --wavelength-step)"
    )


def _value(header: Header, keyword: str, where: str) -> float:
    if keyword not in header:
        raise CubeFormatError(
            f"{where}: no spectral axis: expected {keyword}, found none "
            "(give --wavelength-start and --wavelength-step)"
        )
    return float(header[keyword])


def _scale_to_um(header: Header, where: str) -> float:
    kind = str(header.get("CTYPE3", "WAVE")).strip().upper()
    if not kind.startswith(("WAVE", "AWAV", "LAMBDA", "LINEAR")):
        raise CubeFormatError(
            f"{where}: the third axis has CTYPE3 = '{kind}'; expected a wavelength (WAVE or AWAV)"
        )
    text = str(header.get("CUNIT3", "")).strip()
    aliases = {"MICRON": "um", "MICRONS": "um", "ANGSTROMS": "Angstrom"}
    try:
        return float(u.Unit(aliases.get(text.upper(), text)).to(u.um))
    except (ValueError, u.UnitConversionError):
        found = f"'{text}'" if text else "nothing"
        raise CubeFormatError(
            f"{where}: wavelength unit CUNIT3 is {found}; expected um, nm, Angstrom or m "
            "(or give --wavelength-start and --wavelength-step)"
        ) from None
