"""Read cubes in FITS, one a band, as one Observation."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from astropy.coordinates import angular_separation

from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.files import as_paths
from kurvs_pipeline.io.fits.cube import BandCube, read_cube
from kurvs_pipeline.io.fits.options import CubeOptions
from kurvs_pipeline.observation import ObservationMetadata, make_observation


def read_observation(
    paths: str | Path | Sequence[Path | str],
    *,
    overrides: Mapping[str, Any] | None = None,
    **options: Any,  # noqa: ANN401 - the fields of CubeOptions, each of its own type
) -> xr.DataTree:
    """Read one to three band cubes of a galaxy as one Observation.

    Parameters
    ----------
    paths : path, or sequence of path
        One to three band cubes.
    overrides : mapping, optional
        Fields of ObservationMetadata that win over the headers. A position angle is on the
        sky.
    **options
        Fields of :class:`kurvs_pipeline.io.fits.options.CubeOptions`, for every file.

    Returns
    -------
    DataTree
        Its ``position_angle_deg`` counts from the cube's y axis, which is not North where the field
        was rotated. ``assumptions`` among the root attributes has a line for everything that the
        files left open.

    Raises
    ------
    CubeFormatError
        If a file cannot be understood, or two do not belong together.
    MetadataError
        If a value is impossible.
    """
    files = as_paths(paths)
    if len({*files}) < len(files):
        raise CubeFormatError(
            f"a file is given twice ({', '.join(map(str, files))}); expected one file a band"
        )
    stated = CubeOptions(**options)
    cubes = {file: read_cube(file, stated) for file in files}
    check_same_field(cubes)
    bands = list(cubes.values())
    tree = make_observation(
        {cube.band_name: cube.dataset for cube in bands}, _joint_metadata(bands, overrides or {})
    )
    tree.attrs["assumptions"] = "\n".join(note for cube in bands for note in cube.assumptions)
    return tree


def _joint_metadata(bands: Sequence[BandCube], overrides: Mapping[str, Any]) -> ObservationMetadata:
    """Return what the first band's headers state, unless overridden, in the frame of the cubes."""
    first = bands[0]
    known = {field.name for field in fields(ObservationMetadata)}
    stated = {key: value for key, value in first.header_metadata.items() if key in known}
    given = {key: value for key, value in overrides.items() if value is not None}
    metadata = ObservationMetadata(**{**stated, **given})
    located = all(cube.has_target_position for cube in bands)
    return replace(
        metadata,
        position_angle_deg=(metadata.position_angle_deg - first.frame.rotation_deg) % 360.0,
        target_position="stated" if located else "unknown",
    )


SIZE_WITHIN = 0.01
ROTATION_WITHIN_DEG = 1.0
"""A KMOS field of 28 spaxels then shifts by less than half a spaxel at its corners."""

POSITION_WITHIN_SPAXELS = 0.5


def check_same_field(cubes: Mapping[Path, BandCube]) -> None:
    """Refuse cubes of the same band, or whose spaxels do not fall on one another.

    CubeFormatError names both files, the quantity in which they differ, and both values.
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
