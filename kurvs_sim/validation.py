"""Checks that the descriptions of galaxies and instruments share."""

import math
from numbers import Real

import numpy as np

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import MetadataError

LARGEST_SEED = 2**63 - 1
"""That netCDF holds."""

LARGEST, SMALLEST = 1e12, 1e-12
"""No property of a galaxy or an instrument is larger, or a positive one smaller, in the unit of its
name: beyond, products leave the range of floating point."""


def require(name: str, found: object, *, within: bool, expected: str) -> None:
    """Refuse a value that is out of range.

    MetadataError names the property, what was found and what was expected.
    """
    if not within:
        raise MetadataError(f"{name} is {found}; expected {expected}")


def _require_numbers(**values: object) -> None:
    """Refuse what is not a real number."""
    for name, value in values.items():
        require(name, repr(value), within=isinstance(value, Real) and not isinstance(value, bool),
                expected="a number")  # fmt: skip


def require_whole(*, least: int, most: int, **values: object) -> None:
    """Refuse what is not a whole number within limits: MetadataError names the first of them."""
    for name, value in values.items():
        within = (
            isinstance(value, int | np.integer)
            and not isinstance(value, bool)
            and least <= value <= most
        )
        require(name, repr(value), within=bool(within),
                expected=f"a whole number between {least} and {most}")  # fmt: skip


def require_finite(**values: float) -> None:
    """Refuse numbers that are NaN, infinite or absurdly large (:func:`require_positive`)."""
    _require_numbers(**values)
    for name, value in values.items():
        require(name, value, within=abs(value) <= LARGEST,
                expected=f"a finite number, at most {LARGEST:g} in size")  # fmt: skip


def require_angle(**values: float) -> None:
    """Refuse angles in degrees that turn more than once (:func:`require_positive`)."""
    _require_numbers(**values)
    for name, value in values.items():
        require(name, value, within=abs(value) <= 360.0, expected="an angle from -360 to 360")


def require_not_negative(**values: float) -> None:
    """Refuse values that are not finite and at least zero (:func:`require_positive`)."""
    _require_numbers(**values)
    for name, value in values.items():
        require(name, value, within=0.0 <= value <= LARGEST,
                expected=f"a finite number >= 0, at most {LARGEST:g}")  # fmt: skip


def require_positive(**values: float) -> None:
    """Refuse values that are not finite and above zero: MetadataError names the first of them."""
    _require_numbers(**values)
    for name, value in values.items():
        require(name, value, within=SMALLEST <= value <= LARGEST,
                expected=f"a finite number > 0, between {SMALLEST:g} and {LARGEST:g}")  # fmt: skip


def require_within(
    name: str,
    values: Array,
    radius_kpc: Array,
    limits: tuple[float, float],
) -> None:
    """Refuse a profile that leaves its limits, or is NaN, at some radius.

    MetadataError names the profile, the first value that is out of range and its radius. Values and
    radii have shape (n_radii,).
    """
    low, high = limits
    bad = ~((values >= low) & (values <= high) & np.isfinite(values))
    if np.any(bad):
        first = np.flatnonzero(bad)[0]
        radius = np.broadcast_to(radius_kpc, bad.shape).ravel()[first]
        allowed = f">= {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
        raise MetadataError(
            f"{name} is {np.ravel(values)[first]:g} at radius {radius:.3g} kpc; expected a "
            f"finite profile {allowed} at every radius"
        )
