"""What the extensions of a FITS file hold, by their class or by their names.

``HDUCLAS2`` and ``HDUCLAS3`` as the ESO science data products standard (ESO-044286) defines them
win over names, which are those of pipelines in use: ``DATA``, ``NOISE`` (KMOS), ``STAT`` (MUSE),
``SCI``, ``ERR``, ``DQ`` (JWST) and the like, alone or behind the name of a cube (``IFU.7.DATA``).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from astropy.io.fits import Header
from numpy.typing import NDArray

from kurvs_pipeline.arrays import Array


class Role(Enum):
    """What an extension is for."""

    FLUX = "flux"
    NOISE = "noise"
    QUALITY = "quality"
    OTHER = "other"
    UNKNOWN = "unknown"


class NoiseKind(Enum):
    """How an extension states noise; the value is the power that gives a standard deviation."""

    STANDARD_DEVIATION = 1.0
    VARIANCE = 0.5
    INVERSE_VARIANCE = -0.5
    INVERSE_STANDARD_DEVIATION = -1.0

    @property
    def label(self) -> str:
        """As options and messages spell it: ``standard-deviation``."""
        return self.name.lower().replace("_", "-")

    @classmethod
    def of(cls, label: str) -> "NoiseKind":
        """Return the kind that a label such as ``variance`` names."""
        return cls[label.upper().replace("-", "_")]

    def standard_deviation(self, values: NDArray[Any]) -> Array:
        """Return standard deviations; what has none is NaN or infinite."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.asarray(values, dtype=float) ** self.value)


NOISE_NAMES: dict[str, NoiseKind] = {
    **dict.fromkeys(
        ("NOISE", "ERR", "ERROR", "SIGMA", "SIG", "RMS", "RMSE", "STD", "STDDEV", "STDEV", "UNC",
         "UNCERT", "UNCERTAINTY", "UNCERTAINTIES"),
        NoiseKind.STANDARD_DEVIATION,
    ),
    **dict.fromkeys(("STAT", "VAR", "VARIANCE", "COVAR"), NoiseKind.VARIANCE),
    **dict.fromkeys(
        ("IVAR", "INVVAR", "INVERSEVARIANCE", "WEIGHT", "WGT", "WHT"), NoiseKind.INVERSE_VARIANCE
    ),
}  # fmt: skip
"""Names of pipelines in use, each in the singular."""

NOISE_CLASSES: dict[str, NoiseKind] = {
    "RMSE": NoiseKind.STANDARD_DEVIATION,
    "MSE": NoiseKind.VARIANCE,
    "INVMSE": NoiseKind.INVERSE_VARIANCE,
    "INVRMSE": NoiseKind.INVERSE_STANDARD_DEVIATION,
}
"""HDUCLAS3 of an extension of class ERROR."""

FLUX_NAMES = ("DATA", "SCI", "SCIENCE", "FLUX", "CUBE", "SIGNAL")
"""Generic: beside one of another role, as in ``FLUX_ERR``, they name what the other is of."""

NAMES: dict[str, Role] = {
    **dict.fromkeys(FLUX_NAMES, Role.FLUX),
    **dict.fromkeys(NOISE_NAMES, Role.NOISE),
    **dict.fromkeys(
        ("QUAL", "QUALITY", "DQ", "DQI", "MASK", "BPM", "FLAG", "BADPIX", "BADPIXEL", "BAD"),
        Role.QUALITY,
    ),
    **dict.fromkeys(
        ("EXP", "EXPOSURE", "EXPMAP", "EXPTIME", "WMAP", "PSF", "LSF", "SKY", "MODEL", "CONTINUUM"),
        Role.OTHER,
    ),
}

JOINED = re.compile(rf"(?:{'|'.join(FLUX_NAMES)})?(.+?)(?:{'|'.join(FLUX_NAMES)})?")
"""A name of flux run together with another, as in ``FLUXERR`` and ``VARCUBE``."""

CLASSES: dict[str, Role] = {"DATA": Role.FLUX, "ERROR": Role.NOISE, "QUALITY": Role.QUALITY}
"""HDUCLAS2 of the ESO standard."""

PARTNER_KEYWORDS = {Role.NOISE: "ERRDATA", Role.QUALITY: "QUALDATA", Role.FLUX: "SCIDATA"}
"""In the ESO standard extensions name those that belong to them."""

ORIGIN_KEYWORDS = ("INSTRUME", "PRODCATG")

SHOWN_KEYWORDS = ("CTYPE3", "CUNIT3", "BUNIT", "HDUCLAS2", "HDUCLAS3")


def roles_of(images: Sequence[Any]) -> dict[int, Role]:
    """Return what each image is for, by its id, UNKNOWN where nothing tells.

    What others name as their noise, flags or fluxes is that: headers are copied with classes and
    all. Then classes count, and names last; but what is named as noise is no flux by a class.
    """
    named = {
        name: role
        for role in (Role.FLUX, Role.QUALITY, Role.NOISE)
        for hdu in images
        if (name := _text(hdu, PARTNER_KEYWORDS[role]))
    }
    return {id(hdu): named.get(hdu.name.upper()) or role_of(hdu) for hdu in images}


def role_of(hdu: Any) -> Role:  # noqa: ANN401 - astropy has no types
    """Return what an image is for by itself, UNKNOWN where neither class nor name tells."""
    by_class = CLASSES.get(_text(hdu, "HDUCLAS2"), Role.UNKNOWN)
    by_name = NAMES.get(_split(hdu.name)[1], Role.UNKNOWN)
    if by_class is Role.FLUX and by_name in {Role.NOISE, Role.QUALITY}:
        return by_name
    return by_name if by_class is Role.UNKNOWN else by_class


def noise_kind_of(hdu: Any) -> NoiseKind | None:  # noqa: ANN401
    """Return how an extension states noise by its class; None if that does not say."""
    return NOISE_CLASSES.get(_text(hdu, "HDUCLAS3"))


def noise_kind_by_name(hdu: Any) -> NoiseKind:  # noqa: ANN401
    """Return how noise of an extension's name is stated by convention."""
    return NOISE_NAMES.get(_split(hdu.name)[1], NoiseKind.STANDARD_DEVIATION)


def zero_is_good(hdu: Any) -> bool:  # noqa: ANN401
    """Whether flags are a bit mask, 0 where nothing is wrong, as far as the header says."""
    return _text(hdu, "HDUCLAS3") in {"", "FLAG8BIT", "FLAG16BIT", "FLAG32BIT"}


def partner_of(images: Sequence[Any], cube: Any, role: Role) -> Any | None:  # noqa: ANN401
    """Find the extension of a role that belongs to a cube, if there is one."""
    stated = _text(cube, PARTNER_KEYWORDS[role])
    roles = roles_of(images)
    others = [hdu for hdu in images if hdu is not cube and roles[id(hdu)] is role]
    for hdu in others:
        if stated and hdu.name.upper() == stated:
            return hdu
    for hdu in others:
        if cube.name and _text(hdu, PARTNER_KEYWORDS[Role.FLUX]) == cube.name.upper():
            return hdu
    # A cube without a word for its role, the only one of its file, goes with plain names too.
    stem, word = _split(cube.name)
    stems = {stem} if word in NAMES else {stem, ""}
    alike = [hdu for hdu in others if _split(hdu.name)[0] in stems]
    # Several of one name are told apart by their version, and weights are the last resort.
    alike.sort(key=lambda hdu: (hdu.ver != cube.ver, _is_weight(hdu)))
    return next(iter(alike), None)


def _is_weight(hdu: Any) -> bool:  # noqa: ANN401
    return _split(hdu.name)[1] in {"WEIGHT", "WGT", "WHT"}


def _split(name: str) -> tuple[str, str]:
    """Return what a name shares with others, and the word for the role: ``IFU.7`` and ``NOISE``.

    The word is the last that stands for a role, that of flux only beside no other, in the singular;
    empty where there is none, and the whole name is shared.
    """
    words = [word for word in re.split(r"[._\- ]+", name.strip().upper()) if word]
    singular = [_singular(word) for word in words]
    bare = [index for index, word in enumerate(singular) if word not in FLUX_NAMES]
    last = next((index for index in reversed(bare) if not words[index].isdigit()), None)
    if last is not None and singular[last] in NAMES:
        return ".".join(words[i] for i in bare if i != last), singular[last]
    fluxes = [index for index, word in enumerate(singular) if word in FLUX_NAMES]
    if fluxes:
        return ".".join(words[index] for index in bare), singular[fluxes[-1]]
    return name.strip().upper(), ""


def _singular(word: str) -> str:
    """Return a word for a role as it is listed; any other as it is."""
    joined = JOINED.fullmatch(word)
    for found in (word, joined[1] if joined else word):
        for spelling in (found, found.removesuffix("S")):
            if spelling in NAMES:
                return spelling
    return word


def label_of(hdu: Any, number: int) -> str:  # noqa: ANN401
    """Return the name of an extension, or its number where it has none."""
    return str(hdu.name or (f"extension {number}" if number else "PRIMARY"))


def first_stated(headers: Iterable[Header], keyword: str) -> Any:  # noqa: ANN401
    """Return what the first header that has a keyword says; None where none has it."""
    return next((header[keyword] for header in headers if keyword in header), None)


def instrument_of(headers: Iterable[Header]) -> str:
    """Return the instrument in capital letters; empty where no header names it."""
    return str(first_stated(headers, "INSTRUME") or "").strip().upper()


def described(images: Mapping[int, Any], primary: Header) -> str:
    """List images by number with shapes, and keywords that say what they are, for messages."""
    listed = ", ".join(_description(hdu, number) for number, hdu in images.items())
    origin = _shown(primary, ORIGIN_KEYWORDS)
    return ", ".join(filter(None, [listed or "no image at all", origin]))


def _description(hdu: Any, number: int) -> str:  # noqa: ANN401
    shape = "x".join(map(str, np.shape(hdu.data)))
    keywords = _shown(hdu.header, SHOWN_KEYWORDS)
    return f"{label_of(hdu, number)} {shape}" + (f" ({keywords})" if keywords else "")


def _shown(header: Header, keywords: Sequence[str]) -> str:
    return ", ".join(f"{key} = {header[key]!r}" for key in keywords if key in header)


def _text(hdu: Any, keyword: str) -> str:  # noqa: ANN401
    return str(hdu.header.get(keyword, "")).strip().upper()


ARM_KEYWORD = re.compile(r"ESO OCS ARM(\d+) NAME")

ARM_IN_NAME = re.compile(r"IFU[._](\d+)")


@dataclass(frozen=True)
class Ifu:
    """One of the integral-field units, arm 1 to 24, that a file may hold.

    The target is empty where no header names it.
    """

    arm: int | None = None
    target: str = ""

    def __str__(self) -> str:
        """For lists in messages: ``arm 7 (cdfs_1)``."""
        arm = "" if self.arm is None else f"arm {self.arm}"
        return f"{arm} ({self.target})" if arm and self.target else arm or self.target

    def is_on(self, target: str) -> bool:
        """Whether this is the target of that name, capital letters or not."""
        return self.target.casefold() == target.strip().casefold()


def ifu_of(primary: Header, header: Header, extension: str) -> Ifu:
    """Return the arm and target of a cube, as far as headers tell; OBJECT where no arm is named."""
    own, of_file = _targets(header), _targets(primary)
    named = ARM_IN_NAME.search(extension.upper())
    # The header of a combined cube names one arm, its extension the arms of all exposures.
    arm = _only(own) or (int(named[1]) if named else None) or _only(of_file)
    if not own and not of_file:
        return Ifu(arm, _object(header, primary))
    return Ifu(arm, own.get(arm, of_file.get(arm, "")))


def _only(targets: dict[int | None, str]) -> int | None:
    return next(iter(targets)) if len(targets) == 1 else None


def _object(header: Header, primary: Header) -> str:
    """Return OBJECT, unless it is the catalogue of all targets, as the ESO pipeline has it."""
    name = str(header.get("OBJECT", primary.get("OBJECT", ""))).strip()
    return "" if name.endswith((".cat", ".fits")) else name


def _targets(header: Header) -> dict[int | None, str]:
    """Return the targets that a header names, by arm."""
    found: dict[int | None, str] = {}
    for keyword in header:
        match = ARM_KEYWORD.fullmatch(keyword)
        if match:
            found[int(match[1])] = str(header[keyword]).strip()
    return found
