"""Read and write an Observation as it is: one netCDF file or one zarr store, with its truth."""

import shutil
from pathlib import Path
from typing import Literal

import numpy as np
import xarray as xr
from numcodecs import Zstd  # type: ignore[import-untyped]

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import CubeFormatError, KurvsError, OutputError
from kurvs_pipeline.io.files import regular_file, zarr_store
from kurvs_pipeline.observation import band_names, validate

SUFFIXES: dict[str, Literal["h5netcdf", "zarr"]] = {".nc": "h5netcdf", ".zarr": "zarr"}
"""Suffix of a file to the engine that xarray reads it with."""


def is_native(path: Path) -> bool:
    """Whether a path has the suffix of a native file."""
    return Path(path).suffix in SUFFIXES


def write_native(observation: xr.DataTree, path: Path) -> Path:
    """Write an Observation with everything that it holds.

    :func:`read_native` gives it back identical: values, types, attributes and truth.

    Parameters
    ----------
    observation : DataTree
        Mock or real.
    path : Path
        A name that ends in ``.nc`` (netCDF) or ``.zarr``; what is there is replaced.

    Returns
    -------
    Path
        The file or, for zarr, the folder.

    Raises
    ------
    CubeFormatError
        If the name ends in something else.
    OutputError
        If it cannot be written.
    """
    path = Path(path)
    engine = _engine(path)
    try:
        if engine == "zarr":
            shutil.rmtree(path, ignore_errors=True)
            # Version 3 of the format has no specification for text of fixed length yet.
            observation.to_zarr(
                path, mode="w", zarr_format=2, encoding=_checked_compression(observation)
            )
        else:
            observation.to_netcdf(path, mode="w", engine=engine)
    except OSError as error:
        reason = error.strerror or str(error).partition("\n")[0]
        raise OutputError(f"{path}: cannot be written ({reason})") from error
    return path


def read_native(path: Path) -> xr.DataTree:
    """Read an Observation that :func:`write_native` wrote.

    Parameters
    ----------
    path : Path
        A name that ends in ``.nc`` or ``.zarr``.

    Returns
    -------
    DataTree
        In memory; the file is closed.

    Raises
    ------
    CubeFormatError
        If it is missing, not of the format that its name says, or not an Observation.
    """
    path = Path(path)
    engine = _engine(path)
    if engine == "zarr":
        zarr_store(path)
    else:
        regular_file(path, "a netCDF file")
    try:
        with xr.open_datatree(path, engine=engine) as tree:
            observation = _with_plain_attributes(tree.load())
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise CubeFormatError(f"{path}: cannot be read as {_FORMATS[engine]} ({reason})") from error
    _check(observation, path)
    return observation


_FORMATS = {"h5netcdf": "netCDF", "zarr": "zarr"}


def _engine(path: Path) -> Literal["h5netcdf", "zarr"]:
    if path.suffix not in SUFFIXES:
        found = f"'{path.suffix}'" if path.suffix else "none"
        raise CubeFormatError(
            f"{path}: expected a name that ends in {' or '.join(SUFFIXES)}, found the suffix "
            f"{found}"
        )
    return SUFFIXES[path.suffix]


def _checked_compression(tree: xr.DataTree) -> dict[str, dict[str, dict[str, object]]]:
    """Compress with a checksum: zarr's default reads a damaged chunk as if nothing were wrong."""
    encoding = {"compressors": Zstd(level=1, checksum=True)}
    return {node.path: dict.fromkeys(map(str, node.variables), encoding) for node in tree.subtree}


def _with_plain_attributes(tree: xr.DataTree) -> xr.DataTree:
    """Return attributes to the plain types that they were written from."""
    for node in tree.subtree:
        for attributes in (node.attrs, *(item.attrs for item in node.variables.values())):
            for name, value in attributes.items():
                if isinstance(value, np.generic):
                    attributes[name] = value.item()
    return tree


def _check(observation: xr.DataTree, path: Path) -> None:
    """Refuse what is a netCDF file or zarr store, but not an Observation."""
    if not band_names(observation):
        held = sorted([*observation.children, *map(str, observation.data_vars)])
        raise CubeFormatError(
            f"{path}: is not an observation: expected a group for each of {', '.join(KMOS_BANDS)} "
            f"that was observed, found {', '.join(held) or 'nothing'}"
        )
    try:
        validate(observation)
    except (KurvsError, ValueError, TypeError, KeyError) as error:
        raise CubeFormatError(f"{path}: is not an observation: {error}") from error
