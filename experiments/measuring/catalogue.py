"""The catalogue of galaxies to measure, one row each."""

import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from experiments.measuring.request import GalaxyRequest
from experiments.measuring.settings import SETTINGS, Setting
from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.files import LARGEST_BYTES
from kurvs_pipeline.io.tables import numbers, plain, read_table

REQUIRED = ("name", "cubes")

COLUMNS = {column: setting for setting in SETTINGS.values() for column in setting.columns}
"""Optional columns of a catalogue, with what they set."""


@dataclass(frozen=True)
class GalaxyCatalogue:
    """Galaxies to measure.

    Parameters
    ----------
    requests : mapping of str to GalaxyRequest
        By name, in the order of the catalogue.
    unused : tuple of str
        Columns that are not settings.
    """

    requests: Mapping[str, GalaxyRequest]
    unused: tuple[str, ...]

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The files of all galaxies, once each, that can be read at all."""
        files = dict.fromkeys(path for request in self.requests.values() for path in request.inputs)
        return tuple(path for path in files if _is_readable(path))

    @classmethod
    def read(cls, path: Path, stated: Mapping[str, Any]) -> "GalaxyCatalogue":
        """Read a CSV or ECSV table.

        Parameters
        ----------
        path : Path
            The table. Columns: ``name``; ``cubes``, paths relative to the catalogue's folder
            separated by spaces; any of ``COLUMNS``, empty where a galaxy has none.
        stated : mapping
            Values, by the same names, for galaxies for which the catalogue has none.

        Raises
        ------
        CubeFormatError
            If a column is missing or not of its kind, or names cannot be those of folders.
        """
        table = read_table(path)
        missing = [column for column in REQUIRED if column not in table.colnames]
        if missing:
            raise CubeFormatError(
                f"{path}: has no column {' and '.join(missing)}; expected one row per galaxy with "
                f"{', '.join(REQUIRED)} and any of {', '.join(COLUMNS)}; found "
                f"{', '.join(table.colnames)}"
            )
        names = _names(table, path)
        rows = _stated(table, path)
        return cls(
            {
                name: GalaxyRequest.of(_cubes(text, name, path), {**stated, **row, "name": name})
                for name, text, row in zip(names, _text(table, "cubes"), rows, strict=True)
            },
            tuple(c for c in table.colnames if c not in {*REQUIRED, *COLUMNS}),
        )


def _is_readable(path: Path) -> bool:
    """Whether a file has a checksum; one that has none fails its own galaxy alone."""
    if path.suffix == ".zarr":
        return path.is_dir()
    return path.is_file() and path.stat().st_size <= LARGEST_BYTES


def _names(table: Table, path: Path) -> list[str]:
    """Return the names of the galaxies, which become folders."""
    names = _text(table, "name")
    for name in names:
        if not name or name.startswith(".") or set(name) & set('/\\:*?"<>|'):
            raise CubeFormatError(
                f"{path}: a galaxy has the name '{name}'; expected one that a folder can have: "
                "not empty, no dot in front, no slashes or wildcards"
            )
    # Some disks do not tell capital letters from small ones.
    twice = [name for name, n in Counter(map(str.casefold, names)).items() if n > 1]
    if twice:
        raise CubeFormatError(f"{path}: has several galaxies named '{twice[0]}'; expected one row")
    return names


def _cubes(text: str, name: str, path: Path) -> tuple[Path, ...]:
    try:
        files = shlex.split(text)
    except ValueError as error:
        raise CubeFormatError(f"{path}: cubes of {name} are '{text}' ({error})") from None
    if not files:
        raise CubeFormatError(
            f"{path}: no cubes for {name}; expected paths from the folder of the catalogue, with "
            "spaces between"
        )
    return tuple(path.parent / file for file in files)


def _stated(table: Table, path: Path) -> list[dict[str, Any]]:
    """Return what every row states, by the names of fields."""
    rows: list[dict[str, Any]] = [{} for _ in range(len(table))]
    for column, setting in COLUMNS.items():
        if column in table.colnames:
            for row, value in zip(rows, _values(table, column, setting, path), strict=True):
                if value is not None:
                    row[column] = value
    return [_with_centre(row, path) for row in rows]


def _values(table: Table, column: str, setting: Setting, path: Path) -> list[Any]:
    """Return the values of a column, None where there is no entry."""
    if setting.kind is str:
        return [text or None for text in _text(table, column)]
    if setting.kind is Path:
        return [path.parent / text if text else None for text in _text(table, column)]
    found = [
        value if np.isfinite(value) else None
        for value in numbers(table, column, str(path), setting.unit).tolist()
    ]
    return [_whole(value, setting, path) for value in found] if setting.kind is int else found


def _whole(value: float | None, setting: Setting, path: Path) -> int | None:
    if value is None:
        return None
    low, high = setting.limits
    if value not in range(low, high + 1):
        raise CubeFormatError(f"{path}: {setting.name} is {value:g}; expected {low} to {high}")
    return int(value)


def _with_centre(row: dict[str, Any], path: Path) -> dict[str, Any]:
    """Turn two columns into the field that they stand for."""
    centre = [row.pop(name, None) for name in SETTINGS["centre_pixel"].columns]
    if centre.count(None) == 1:
        raise CubeFormatError(
            f"{path}: a galaxy has one of centre_x and centre_y; expected both or none"
        )
    return row if None in centre else {**row, "centre_pixel": tuple(centre)}


def _text(table: Table, column: str) -> list[str]:
    """Return a column as text, empty where there is no entry."""
    return ["" if np.ma.is_masked(value) else str(plain(value)).strip() for value in table[column]]
