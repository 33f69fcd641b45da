"""Read cubes in FITS, one a band, as one Observation."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import xarray as xr

from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.band_cube import BandCube
from kurvs_pipeline.io.cube import read_cube
from kurvs_pipeline.io.cube_options import CubeOptions
from kurvs_pipeline.io.same_field import check_same_field
from kurvs_pipeline.observation import ObservationMetadata, make_observation


def read_observation(
    paths: Sequence[Path | str],
    *,
    overrides: Mapping[str, Any] | None = None,
    **options: Any,  # noqa: ANN401 - the fields of CubeOptions, each of its own type
) -> xr.DataTree:
    """Read one to three band cubes of a galaxy as one Observation.

    Parameters
    ----------
    paths : sequence of path
        One file a band.
    overrides : mapping, optional
        Fields of ObservationMetadata that win over the headers. A position angle is on the
        sky.
    **options
        Fields of :class:`kurvs_pipeline.io.cube_options.CubeOptions`, for every file.

    Returns
    -------
    DataTree
        An Observation. Its ``position_angle_deg`` counts from the cube's y axis, which is not
        North where the field was rotated. ``assumptions`` among the root attributes has a
        line for everything that the files left open.

    Raises
    ------
    CubeFormatError
        If a file cannot be understood, or two do not belong together.
    MetadataError
        If a value is impossible.
    """
    if len({*map(Path, paths)}) < len(paths):
        raise CubeFormatError(
            f"a file is given twice ({', '.join(map(str, paths))}); expected one file a band"
        )
    stated = CubeOptions(**options)
    cubes = {Path(path): read_cube(Path(path), stated) for path in paths}
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
