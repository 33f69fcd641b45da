"""Read an Observation from files of any layout that is known."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import xarray as xr

from kurvs_pipeline.arguments import check_names
from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.files import as_paths, checksum
from kurvs_pipeline.io.fits import observation as eso
from kurvs_pipeline.io.fits.options import CubeOptions
from kurvs_pipeline.io.native import SUFFIXES, is_native, read_native
from kurvs_pipeline.io.survey.reading import is_survey, read_survey
from kurvs_pipeline.observation import ObservationMetadata, metadata_of


@dataclass(frozen=True)
class Layout:
    """One way in which files hold an observation.

    Parameters
    ----------
    name : str
        What the layout is called.
    holds : callable
        From the files, and the options that were stated for FITS cubes, to whether the files are
        in this layout.
    read : callable
        From the files, the fields of ObservationMetadata that win over them, and the same options
        to an Observation.
    """

    name: str
    holds: Callable[[Sequence[Path], Mapping[str, Any]], bool]
    read: Callable[[Sequence[Path], Mapping[str, Any], Mapping[str, Any]], xr.DataTree]


def read_observation(
    paths: str | Path | Sequence[Path | str],
    *,
    overrides: Mapping[str, Any] | None = None,
    **cube_options: Any,  # noqa: ANN401 - the fields of CubeOptions, each of its own type
) -> xr.DataTree:
    """Read one galaxy, whatever the layout of its files.

    One file that ends in ``.nc`` or ``.zarr`` is an Observation as it is; files in folders
    ``FIELD/BAND`` are the survey's; anything else is read by what its headers say.

    Parameters
    ----------
    paths : path, or sequence of path
        One native file, or one to three band cubes.
    overrides : mapping, optional
        Fields of ObservationMetadata that win over the files.
    **cube_options
        Fields of :class:`kurvs_pipeline.io.fits.options.CubeOptions`: which cube of a FITS file
        to read, and what its headers get wrong. With any that says something of headers, cubes in
        folders of the survey are read by them too.

    Returns
    -------
    DataTree
        An Observation; ``assumptions`` among its root attributes has a line for everything
        that the files left open, and ``inputs_sha256`` the checksum of every file, as JSON.

    Raises
    ------
    CubeFormatError
        If a file cannot be understood, or files do not belong together.
    MetadataError
        If a value is impossible, ``paths`` are none, or an option or field is unknown.
    """
    check_names(overrides or {}, ObservationMetadata, "overrides")
    check_names(cube_options, CubeOptions, "read_observation")
    files = as_paths(paths)
    stated = CubeOptions(**cube_options).stated
    for layout in LAYOUTS:
        if files and layout.holds(files, stated):
            observation = layout.read(files, overrides or {}, stated)
            break
    else:
        observation = eso.read_observation(files, overrides=overrides, **cube_options)
    observation.attrs["inputs_sha256"] = json.dumps({str(path): checksum(path) for path in files})
    return observation


def _read_one_native(
    files: Sequence[Path], overrides: Mapping[str, Any], cube_options: Mapping[str, Any]
) -> xr.DataTree:
    if len(files) > 1:
        raise CubeFormatError(
            f"found {len(files)} files, {', '.join(map(str, files))}; a {' or '.join(SUFFIXES)} "
            "file holds all bands of a galaxy: give it alone"
        )
    if cube_options:
        raise CubeFormatError(
            f"{files[0]}: states its own wavelengths and centre; {', '.join(cube_options)} cannot "
            "be given with it"
        )
    observation = read_native(files[0])
    given = {name: value for name, value in overrides.items() if value is not None}
    observation.attrs.update(replace(metadata_of(observation), **given).to_attrs())
    observation.attrs.setdefault("assumptions", "")
    return observation


VERIFICATION = {"verify_checksum"}
"""Options of FITS cubes that say nothing about their headers."""

LAYOUTS: list[Layout] = [
    Layout("native", lambda files, _: any(map(is_native, files)), _read_one_native),
    Layout(
        "survey",
        lambda files, stated: set(stated) <= VERIFICATION and all(map(is_survey, files)),
        lambda files, overrides, stated: read_survey(files, overrides=overrides, **stated),
    ),
]
"""Tried in this order; other files are FITS cubes, read by what their headers say."""
