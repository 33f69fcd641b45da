"""What the extensions of a FITS file hold, by their class or by their names.

``HDUCLAS2`` and ``HDUCLAS3`` as the ESO science data products standard (ESO-044286) defines them
win over names, which are those of pipelines in use: ``DATA``, ``NOISE`` (KMOS), ``STAT`` (MUSE),
``SCI``, ``ERR``, ``DQ`` (JWST) and the like, alone or behind the name of a cube (``IFU.7.DATA``).
"""

import re
from collections.abc import Sequence
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
        ("NOISE", "ERR", "ERROR", "ERRORS", "SIGMA", "RMS", "RMSE", "STD", "STDDEV", "UNCERT"),
        NoiseKind.STANDARD_DEVIATION,
    ),
    **dict.fromkeys(("STAT", "VAR", "VARIANCE"), NoiseKind.VARIANCE),
    **dict.fromkeys(("IVAR", "INVVAR"), NoiseKind.INVERSE_VARIANCE),
}

NOISE_CLASSES: dict[str, NoiseKind] = {
    "RMSE": NoiseKind.STANDARD_DEVIATION,
    "MSE": NoiseKind.VARIANCE,
    "INVMSE": NoiseKind.INVERSE_VARIANCE,
    "INVRMSE": NoiseKind.INVERSE_STANDARD_DEVIATION,
}
"""HDUCLAS3 of an extension of class ERROR."""

NAMES: dict[str, Role] = {
    **dict.fromkeys(("DATA", "SCI", "FLUX"), Role.FLUX),
    **dict.fromkeys(NOISE_NAMES, Role.NOISE),
    **dict.fromkeys(("QUAL", "QUALITY", "DQ", "MASK", "BPM", "FLAGS"), Role.QUALITY),
    **dict.fromkeys(
        ("EXP", "EXPOSURE", "EXPMAP", "EXPTIME", "WEIGHT", "WMAP", "PSF", "SKY", "MODEL"),
        Role.OTHER,
    ),
}

CLASSES: dict[str, Role] = {"DATA": Role.FLUX, "ERROR": Role.NOISE, "QUALITY": Role.QUALITY}
"""HDUCLAS2 of the ESO standard."""

PARTNER_KEYWORDS = {Role.NOISE: "ERRDATA", Role.QUALITY: "QUALDATA"}
"""In the ESO standard a cube's header names the extensions that belong to it."""

ORIGIN_KEYWORDS = ("INSTRUME", "PRODCATG")

SHOWN_KEYWORDS = ("CTYPE3", "CUNIT3", "BUNIT", "HDUCLAS2", "HDUCLAS3")


def role_of(hdu: Any) -> Role:  # noqa: ANN401 - astropy has no types
    """Return what an image is for, UNKNOWN where neither class nor name tells."""
    stated = CLASSES.get(_text(hdu, "HDUCLAS2"))
    return stated or NAMES.get(_last_word(hdu.name), Role.UNKNOWN)


def noise_kind_of(hdu: Any) -> tuple[NoiseKind, bool]:  # noqa: ANN401
    """Return how an extension states noise, and whether its header says so.

    An extension of the KMOS pipeline's own name, ``NOISE``, is a standard deviation by
    definition; other names alone are a convention.
    """
    stated = NOISE_CLASSES.get(_text(hdu, "HDUCLAS3"))
    if stated is not None:
        return stated, True
    word = _last_word(hdu.name)
    return NOISE_NAMES.get(word, NoiseKind.STANDARD_DEVIATION), word == "NOISE"


def zero_is_good(hdu: Any) -> bool:  # noqa: ANN401
    """Whether flags are a bit mask, 0 where nothing is wrong, as far as the header says."""
    return _text(hdu, "HDUCLAS3") in {"", "FLAG8BIT", "FLAG16BIT", "FLAG32BIT"}


def partner_of(images: Sequence[Any], cube: Any, role: Role) -> Any | None:  # noqa: ANN401
    """Find the extension of a role that belongs to a cube, if there is one."""
    stated = _text(cube, PARTNER_KEYWORDS[role])
    others = [hdu for hdu in images if hdu is not cube and role_of(hdu) is role]
    for hdu in others:
        if stated and hdu.name.upper() == stated:
            return hdu
    # A cube without a word for its role, the only one of its file, goes with plain names too.
    stem = _stem_of(cube.name)
    stems = {stem} if _last_word(cube.name) in NAMES else {stem, ""}
    return next((hdu for hdu in others if _stem_of(hdu.name) in stems), None)


def _stem_of(name: str) -> str:
    """Return the part of a name that cube and noise share: ``IFU.7`` of ``IFU.7.DATA``."""
    if _last_word(name) in NAMES:
        return name[: -len(_last_word(name))].rstrip("._- ").upper()
    return name.upper()


def described(images: Sequence[Any], primary: Header) -> str:
    """List images with shapes, and the keywords that say what they are, for messages."""
    listed = ", ".join(map(_description, images)) or "no image at all"
    origin = _shown(primary, ORIGIN_KEYWORDS)
    return f"{listed}, {origin}" if origin else listed


def _description(hdu: Any) -> str:  # noqa: ANN401
    shape = "x".join(map(str, np.shape(hdu.data)))
    keywords = _shown(hdu.header, SHOWN_KEYWORDS)
    return f"{hdu.name or 'PRIMARY'} {shape}" + (f" ({keywords})" if keywords else "")


def _shown(header: Header, keywords: Sequence[str]) -> str:
    return ", ".join(f"{key} = {header[key]!r}" for key in keywords if key in header)


def _last_word(name: str) -> str:
    return str(re.split(r"[._\- ]", name.strip())[-1].upper())


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
