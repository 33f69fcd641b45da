"""Checks that the descriptions of galaxies and instruments share."""

import math

from kurvs_pipeline.errors import MetadataError


def require(name: str, found: object, *, within: bool, expected: str) -> None:
    """Refuse a value that is out of range.

    Raises
    ------
    MetadataError
        Naming the property, what was found and what was expected.
    """
    if not within:
        raise MetadataError(f"{name} is {found}; expected {expected}")


def require_finite(**values: float) -> None:
    """Refuse values that are NaN or infinite.

    Raises
    ------
    MetadataError
        Naming the first of them.
    """
    for name, value in values.items():
        require(name, value, within=math.isfinite(value), expected="a finite number")


def require_positive(**values: float) -> None:
    """Refuse values that are not finite and above zero.

    Raises
    ------
    MetadataError
        Naming the first of them.
    """
    for name, value in values.items():
        require(name, value, within=0.0 < value < math.inf, expected="a finite number > 0")
