"""Read a catalogue of galaxies to measure, one row each."""

import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from experiments.measuring.request import GalaxyRequest
from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.tables import numbers, plain, read_table

REQUIRED = ("name", "cubes")

NUMBERS: Mapping[str, str | None] = {
    "redshift": None,
    "inclination_deg": "deg",
    "inclination_err_deg": "deg",
    "position_angle_deg": "deg",
    "effective_radius_arcsec": "arcsec",
    "disk_thickness": None,
    "seeing_fwhm_arcsec": "arcsec",
    "psf_moffat_beta": None,
    "centre_x": None,
    "centre_y": None,
    "wavelength_start_um": "um",
    "wavelength_step_um": "um",
    "arm": None,
    "log_stellar_mass": None,
    "log_stellar_mass_err": None,
}
"""Columns of numbers that a catalogue may have, with their units."""

FILES = ("velocity_map", "psf_star")
"""Paths from the folder of the catalogue."""

WORDS = ("extension", "target", "medium", "flux_unit", "noise_kind", *FILES)
"""Columns of text that a catalogue may have."""


@dataclass(frozen=True)
class GalaxyCatalogue:
    """Galaxies to measure.

    Parameters
    ----------
    requests : mapping of str to GalaxyRequest
        By name, in the order of the catalogue.
    unused : tuple of str
        Columns that say nothing to the measurement.
    """

    requests: Mapping[str, GalaxyRequest]
    unused: tuple[str, ...]

    @classmethod
    def read(cls, path: Path, stated: Mapping[str, Any]) -> "GalaxyCatalogue":
        """Read a CSV or ECSV table.

        Parameters
        ----------
        path : Path
            The table: ``name``; ``cubes``, paths from the catalogue's folder with spaces
            between; any of ``NUMBERS`` and ``WORDS``, empty where a galaxy has none.
        stated : mapping
            What holds for the galaxies for which the catalogue has no value, by the same names.

        Raises
        ------
        CubeFormatError
            If a column is missing or not of its kind, or names cannot be those of folders.
        """
        table = read_table(path)
        missing = [column for column in REQUIRED if column not in table.colnames]
        if missing:
            raise CubeFormatError(
                f"{path}: has no column {' and '.join(missing)}; expected one row a galaxy with "
                f"{', '.join(REQUIRED)} and any of {', '.join((*NUMBERS, *WORDS))}; found "
                f"{', '.join(table.colnames)}"
            )
        names = _names(table, path)
        rows = _stated(table, path)
        return cls(
            {
                name: GalaxyRequest.of(_cubes(text, name, path), {**stated, **row, "name": name})
                for name, text, row in zip(names, _text(table, "cubes"), rows, strict=True)
            },
            tuple(c for c in table.colnames if c not in {*REQUIRED, *NUMBERS, *WORDS}),
        )


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
    for column, unit in NUMBERS.items():
        if column in table.colnames:
            values = numbers(table, column, str(path), unit)
            for row, value in zip(rows, values.tolist(), strict=True):
                if np.isfinite(value):
                    row[column] = value
    for column in WORDS:
        if column in table.colnames:
            for row, text in zip(rows, _text(table, column), strict=True):
                if text:
                    row[column] = text
    return [_with_fields(row, path) for row in rows]


def _with_fields(row: dict[str, Any], path: Path) -> dict[str, Any]:
    """Turn columns into the fields that they stand for."""
    centre = [row.pop(name, None) for name in ("centre_x", "centre_y")]
    if centre.count(None) == 1:
        raise CubeFormatError(
            f"{path}: a galaxy has one of centre_x and centre_y; expected both or none"
        )
    if None not in centre:
        row["centre_pixel"] = tuple(centre)
    if "arm" in row:
        if row["arm"] not in range(1, 25):
            raise CubeFormatError(f"{path}: arm is {row['arm']:g}; expected 1 to 24")
        row["arm"] = int(row["arm"])
    for name in FILES:
        if name in row:
            row[name] = path.parent / row[name]
    return row


def _text(table: Table, column: str) -> list[str]:
    """Return a column as text, empty where there is no entry."""
    return ["" if np.ma.is_masked(value) else str(plain(value)).strip() for value in table[column]]
