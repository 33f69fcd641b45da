"""The wavelength axis of a cube, in vacuum um, from and to a FITS header."""

import math
import re
from collections.abc import Sequence

import numpy as np
from astropy import units as u
from astropy.io.fits import Header
from astropy.wcs import WCS

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import CubeFormatError, MetadataError, OutputError
from kurvs_pipeline.io.fits.extensions import instrument_of
from kurvs_pipeline.io.fits.flux_units import parse_unit
from kurvs_pipeline.lines import air_from_vacuum, vacuum_from_air

LINEAR_TYPES = ("WAVE", "AWAV", "LAMBDA", "WAVELENGTH", "LINEAR")
"""CTYPE3 of axes that are linear in wavelength; only AWAV counts in air."""

LOGARITHMIC_TYPES = ("WAVE-LOG", "AWAV-LOG")
"""Sampled evenly in the logarithm, by the algorithm of Greisen et al. (2006), Section 3.2."""

OTHER_QUANTITIES = {
    "FREQ": "frequency", "ENER": "energy", "WAVN": "wavenumber", "VELO": "velocity",
    "VRAD": "radio velocity", "VOPT": "optical velocity", "ZOPT": "redshift", "BETA": "velocity",
}  # fmt: skip
"""What CTYPE3 may count instead, by its first four letters."""

MEDIA = ("air", "vacuum")

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
    medium: str | None = None,
    elsewhere: Sequence[Header] = (),
) -> tuple[Array, list[str]]:
    """Return channel centres in vacuum, and what had to be assumed.

    Parameters
    ----------
    start_um, step_um : float, optional
        Override the header, whose wavelengths are wrong in some cut-outs; in air if CTYPE3 is
        AWAV. Both together state the axis whatever the header says.
    medium : str, optional
        ``air`` or ``vacuum``, whatever the header says.
    elsewhere : sequence of Header
        Other headers of the file, which may state the medium.

    Raises
    ------
    CubeFormatError
        If the axis is absent, sampled neither evenly in wavelength nor in its logarithm, in an
        unknown unit or does not increase, or headers contradict one another on the medium.
    MetadataError
        If an override is not a length, or not a medium.
    """
    if start_um is None and step_um is None and _kind(header) in LOGARITHMIC_TYPES:
        wavelength, assumptions = _logarithmic_axis(header, n_channels, where)
    else:
        wavelength, assumptions = _linear_axis(
            header, n_channels, where, start_um=start_um, step_um=step_um
        )
    if start_um is None and "CRPIX3" not in header:
        assumptions.append("CRPIX3 is absent: CRVAL3 is taken as the first channel's wavelength")
    found, why = _medium(header, elsewhere, medium, where)
    if found == "air":
        assumptions.append(f"wavelengths converted from air to vacuum, {why}")
        return vacuum_from_air(wavelength), assumptions
    assumptions.append(f"wavelengths taken as vacuum, {why}")
    return wavelength, assumptions


def _linear_axis(
    header: Header, n_channels: int, where: str, *, start_um: float | None, step_um: float | None
) -> tuple[Array, list[str]]:
    assumptions: list[str] = []
    if start_um is None or step_um is None:
        assumptions += _check_kind(header, where)
    if step_um is None:
        step_um = _header_step_um(header, where)
    else:
        _check_given("--wavelength-step", step_um)
        assumptions.append(f"channels are {step_um:g} um wide as given, not as in the header")
    if start_um is None:
        start_um = _header_start_um(header, step_um, where)
    else:
        _check_given("--wavelength-start", start_um)
        assumptions.append(f"wavelengths start at {start_um:g} um as given, not as in the header")
    return start_um + step_um * np.arange(n_channels, dtype=float), assumptions


def _logarithmic_axis(header: Header, n_channels: int, where: str) -> tuple[Array, list[str]]:
    """Return channel centres by the world coordinates of astropy."""
    _check_couplings(header, where)
    axis = WCS(naxis=1).wcs
    axis.ctype, axis.cunit = [_kind(header)], ["um"]
    axis.crpix, axis.cdelt = [_reference_pixel(header, where)], [_header_step_um(header, where)]
    axis.crval = [_header_value_um(header, where)]
    axis.set()
    wavelength_m = axis.p2s(np.arange(1.0, n_channels + 1.0)[:, np.newaxis], 1)["world"][:, 0]
    note = f"CTYPE3 is {_kind(header)}: channels are spaced evenly in the logarithm"
    return 1e6 * np.asarray(wavelength_m), [note]


def write_wavelength_axis(header: Header, wavelength_um: Array) -> None:
    """State a wavelength axis, in vacuum, in the header of a cube, in place of what it says.

    Where its CTYPE3 is AWAV the axis stays one in air. OutputError if neither wavelengths nor their
    logarithms are equally spaced.
    """
    kind = "AWAV" if _is_in_air(header) else "WAVE"
    axis = air_from_vacuum(wavelength_um) if kind == "AWAV" else wavelength_um
    step, off = _even_step(axis)
    if off > LINEAR_WITHIN_CHANNELS:
        log_step, log_off = _even_step(np.log(axis))
        if log_off > LINEAR_WITHIN_CHANNELS:
            raise OutputError(
                f"wavelengths are not equally spaced (by up to {off:.3g} channels), nor their "
                "logarithms, as a FITS cube needs them: resample the cube"
            )
        kind, step = f"{kind}-LOG", float(axis[0]) * log_step
    for keyword in SPECTRAL_KEYWORDS:
        header.remove(keyword, ignore_missing=True)
    header["CTYPE3"], header["CUNIT3"] = kind, "um"
    header["CRPIX3"], header["CRVAL3"] = 1.0, float(axis[0])
    # CDELT where the spatial axes have CDELT: the two forms do not mix.
    header["CD3_3" if "CD1_1" in header else "CDELT3"] = step


def _even_step(axis: Array) -> tuple[float, float]:
    """Return the mean step, and by how many steps the axis departs from an even one."""
    step = float(axis[-1] - axis[0]) / (axis.size - 1)
    return step, float(np.abs(axis - axis[0] - step * np.arange(axis.size)).max()) / step


def _is_in_air(header: Header) -> bool:
    return _kind(header) in {"AWAV", "AWAV-LOG"}


def _kind(header: Header) -> str:
    return str(header.get("CTYPE3", "")).strip().upper()


def _check_kind(header: Header, where: str) -> list[str]:
    """Refuse an axis that is not linear in wavelength; say what was assumed."""
    kind = _kind(header)
    expected = f"expected wavelengths, WAVE (vacuum) or AWAV (air), linear or -LOG; {STATE_IT}"
    if kind and kind not in LINEAR_TYPES:
        counted = OTHER_QUANTITIES.get(kind[:4], "")
        reason = f" ({counted})" if counted else ""
        raise CubeFormatError(f"{where}: the third axis has CTYPE3 = '{kind}'{reason}; {expected}")
    if header.get("DC-FLAG") == 1:
        raise CubeFormatError(f"{where}: the third axis has DC-FLAG = 1 (logarithmic); {expected}")
    _check_couplings(header, where)
    return [] if kind else ["CTYPE3 is absent: the third axis is taken as a wavelength"]


def _check_couplings(header: Header, where: str) -> None:
    for keyword in COUPLINGS:
        if keyword in header and _number(header, keyword, where) != 0.0:
            raise CubeFormatError(
                f"{where}: {keyword} is {header[keyword]:g}; expected 0, wavelengths that are the "
                f"same in every spaxel; {STATE_IT}"
            )


AIR_OR_VACUUM = ("AIRORVAC", "AIRVAC", "VACAIR", "WAVEMED", "MEDIUM", "VACUUM")
"""Keywords whose text names the medium; of the last, true or false does."""

SPOKEN = re.compile(r"\b(?:(air)|(vac(?:uum)?))\b", re.IGNORECASE)

HABITS = {"KMOS": "vacuum", "SINFONI": "vacuum", "NIRSPEC": "vacuum", "MIRI": "vacuum",
          "MUSE": "air"}  # fmt: skip
"""Media that instruments' own pipelines write, by INSTRUME."""


def _medium(
    header: Header, elsewhere: Sequence[Header], stated: str | None, where: str
) -> tuple[str, str]:
    """Return ``air`` or ``vacuum``, and the reason.

    An option counts first, then keywords in words, CTYPE3, comments, and what the instrument's own
    pipeline writes.
    """
    if stated not in {None, *MEDIA}:
        raise MetadataError(f"--medium is '{stated}'; expected {' or '.join(MEDIA)}")
    if stated is not None:
        return stated, "as given"
    headers = (header, *elsewhere)
    said = _media_in_words(headers)
    silent = not _kind(header).startswith("WAVE")
    if any(_is_in_air(each) for each in (headers if silent else headers[:1])):
        said["CTYPE3 is AWAV"] = "air"
    if len(set(said.values())) > 1:
        raise CubeFormatError(
            f"{where}: wavelengths are said to be in both media ({', '.join(said)}); state which: "
            "--medium air or --medium vacuum"
        )
    if said:
        why, found = next(iter(said.items()))
        contradicted = found == "air" and not silent
        return found, f"as {why}" + (f", though CTYPE3 is {_kind(header)}" if contradicted else "")
    if not silent:
        return "vacuum", f"as CTYPE3 is {_kind(header)}"
    instrument = instrument_of(headers)
    if instrument in HABITS:
        return HABITS[instrument], f"as the pipeline of {instrument} writes them"
    return "vacuum", "as no header names their medium (--medium)"


def _media_in_words(headers: Sequence[Header]) -> dict[str, str]:
    """Return the media that headers name, by the statement."""
    said = {}
    for header in headers:
        for keyword in AIR_OR_VACUUM:
            value = header.get(keyword)
            yes = str(value).strip().upper() in {"TRUE", "T", "1", "Y", "YES"}
            no = str(value).strip().upper() in {"FALSE", "F", "0", "N", "NO"}
            match = SPOKEN.search(str(value))
            if keyword == "VACUUM" and (yes or no):
                said[f"{keyword} is {value}"] = "vacuum" if yes else "air"
            elif match:
                said[f"{keyword} is {value}"] = "air" if match[1] else "vacuum"
        for keyword in ("CTYPE3", "CUNIT3", "CRVAL3"):
            match = SPOKEN.search(header.comments[keyword]) if keyword in header else None
            if match:
                said[f"the comment of {keyword} says {match[0]}"] = "air" if match[1] else "vacuum"
    return said


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
    value_um = _header_value_um(header, where)
    return value_um + (1.0 - _reference_pixel(header, where)) * step_um


def _header_value_um(header: Header, where: str) -> float:
    """Return the wavelength of the reference pixel."""
    if "CRVAL3" not in header:
        raise CubeFormatError(f"{where}: no spectral axis: expected CRVAL3, found none; {STATE_IT}")
    return _number(header, "CRVAL3", where) * _scale_to_um(header, where)


def _reference_pixel(header: Header, where: str) -> float:
    return _number(header, "CRPIX3", where) if "CRPIX3" in header else 1.0


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
    unit = parse_unit(text)
    if unit is None or not unit.is_equivalent(u.um):
        found = f"'{text}'" if text else "nothing"
        raise CubeFormatError(
            f"{where}: wavelength unit CUNIT3 is {found}; expected um, nm, Angstrom or m; "
            f"{STATE_IT}"
        )
    return float(unit.to(u.um))
