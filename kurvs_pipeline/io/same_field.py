"""Whether the cubes of several bands show one field, spaxel by spaxel."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from astropy.coordinates import angular_separation

from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.band_cube import BandCube

SIZE_WITHIN = 0.01
ROTATION_WITHIN_DEG = 1.0
"""A KMOS field of 28 spaxels then shifts by less than half a spaxel at its corners."""

POSITION_WITHIN_SPAXELS = 0.5


def check_same_field(cubes: Mapping[Path, BandCube]) -> None:
    """Refuse cubes of the same band, or whose spaxels do not fall on one another.

    Parameters
    ----------
    cubes : mapping of Path to BandCube
        By file, at least one.

    Raises
    ------
    CubeFormatError
        Naming both files, the quantity in which they differ, and both values.
    """
    if not cubes:
        raise CubeFormatError("no cube given; expected one to three files")
    first_path, first = next(iter(cubes.items()))
    seen: dict[str, Path] = {}
    for path, cube in cubes.items():
        if cube.band_name in seen:
            raise CubeFormatError(
                f"{seen[cube.band_name]} and {path} are both of band {cube.band_name}; "
                "expected one file a band"
            )
        seen[cube.band_name] = path
        difference = _grid_difference(first, cube) or _place_difference(first, cube)
        if difference:
            raise CubeFormatError(
                f"{first_path} and {path} differ in {difference}: the bands must share one field; "
                "resample the cubes onto one grid, or measure each band on its own"
            )


def _grid_difference(first: BandCube, other: BandCube) -> str:
    """Name the first of shape, spaxel size and orientation that differs, with both values."""
    one, two = first.frame, other.frame
    shapes = [cube.dataset["flux"].shape[:0:-1] for cube in (first, other)]
    if shapes[0] != shapes[1]:
        sizes = [f"{n_x} x {n_y} spaxels" for n_x, n_y in shapes]
        return f"shape, {sizes[0]} against {sizes[1]}"
    for axis in "xy":
        sides = [getattr(frame, f"spaxel_{axis}_arcsec") for frame in (one, two)]
        if not math.isclose(*sides, rel_tol=SIZE_WITHIN):
            return f"spaxel size in {axis}, {sides[0]:.4g} against {sides[1]:.4g} arcsec"
    if one.mirrored != two.mirrored:
        handed = ["mirrored" if frame.mirrored else "not mirrored" for frame in (one, two)]
        return f"handedness, {handed[0]} against {handed[1]}"
    turn = (two.rotation_deg - one.rotation_deg + 180.0) % 360.0 - 180.0
    if abs(turn) > ROTATION_WITHIN_DEG:
        return f"rotation, {one.rotation_deg:.4g} against {two.rotation_deg:.4g} deg"
    return ""


def _place_difference(first: BandCube, other: BandCube) -> str:
    """Say how fields of one grid are offset, on the sky or from the target."""
    spaxel_arcsec = min(first.frame.spaxel_x_arcsec, first.frame.spaxel_y_arcsec)
    tolerance = POSITION_WITHIN_SPAXELS * spaxel_arcsec
    one, two = (_middle_on_sky(cube) for cube in (first, other))
    separation = 3600.0 * math.degrees(angular_separation(*np.radians([*one, *two])))
    named = [cube.target.casefold() for cube in (first, other)]
    # Where a header does not place the field, names have to do; they are spelt in many ways.
    if math.isnan(separation) and all(named) and named[0] != named[1]:
        return f"target, '{first.target}' against '{other.target}'"
    if separation > tolerance:
        places = [f"RA {place[0]:.6f} Dec {place[1]:+.6f} deg" for place in (one, two)]
        return f"pointing by {separation:.3g} arcsec, field centre {places[0]} against {places[1]}"
    corners = [[float(cube.dataset[axis][0]) for axis in "xy"] for cube in (first, other)]
    if math.dist(*corners) > tolerance:
        values = [f"({x:.3g}, {y:.3g})" for x, y in corners]
        return f"first spaxel from the target, {values[0]} against {values[1]} arcsec"
    return ""


def _middle_on_sky(cube: BandCube) -> tuple[float, float]:
    n_y, n_x = cube.dataset["flux"].shape[1:]
    return cube.frame.sky_position(((n_x - 1) / 2.0, (n_y - 1) / 2.0))
