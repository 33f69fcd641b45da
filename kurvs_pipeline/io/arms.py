"""Which arm of KMOS a cube comes from, and which target the arm was on.

The ESO pipeline keeps the targets of all 24 arms in the primary header, ``ESO OCS ARMn NAME``,
and each cube's own one in the header of its extension, whose name has the number of the arm:
``IFU.7.DATA``, or ``IFU_7_8_etc.DATA`` where exposures were combined.
"""

import re
from dataclasses import dataclass

from astropy.io.fits import Header

ARM_KEYWORD = re.compile(r"ESO OCS ARM(\d+) NAME")

ARM_IN_NAME = re.compile(r"IFU[._](\d+)")


@dataclass(frozen=True)
class Ifu:
    """One of the integral-field units that a file may hold.

    Parameters
    ----------
    arm : int, optional
        1 to 24.
    target : str
        Empty where no header names it.
    """

    arm: int | None = None
    target: str = ""

    def __str__(self) -> str:
        """For lists in messages: ``arm 7 (cdfs_1)``."""
        arm = "" if self.arm is None else f"arm {self.arm}"
        return f"{arm} ({self.target})" if arm and self.target else arm or self.target

    def is_on(self, target: str) -> bool:
        """Whether this is the target of that name, capital letters or not.

        Parameters
        ----------
        target : str
            A name.
        """
        return self.target.casefold() == target.strip().casefold()


def ifu_of(primary: Header, header: Header, extension: str) -> Ifu:
    """Return the arm and target of a cube, as far as headers tell; OBJECT where no arm is named.

    Parameters
    ----------
    primary, header : Header
        Of the file and of the extension.
    extension : str
        Its name.
    """
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
