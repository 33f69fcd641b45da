"""Read tables of numbers and of extracted 1-D spectra, and write tables of results."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import Column, Table

from kurvs_pipeline.arrays import Array, BoolArray, IntArray
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import CubeFormatError, MetadataError
from kurvs_pipeline.io.files import read_text
from kurvs_pipeline.io.fits.flux_units import parse_unit
from kurvs_pipeline.observation import FLUX_DENSITY_UNIT
from kurvs_pipeline.provenance import provenance
from kurvs_pipeline.representation import short_repr
from kurvs_pipeline.vocabulary import described

OBSERVED_AXIS, REST_AXIS = "wavelength_um", "rest_wavelength_um"
_MEASURED = {
    "band", OBSERVED_AXIS, REST_AXIS, "flux_density", "flux_density_err", "redshift",
    "interpolated",
}  # fmt: skip
_FEWEST_CHANNELS = 20
# KMOS has 2048; published spectra are sampled up to twice as finely.
_MOST_CHANNELS = 20_000

RESULT_COLUMNS = (
    "line", "flux", "flux_err", "snr", "velocity_kms", "sigma_kms", "kinematics", "flag",
)  # fmt: skip
"""What a table of fitted fluxes has beside the identifying columns."""


@dataclass(frozen=True, eq=False)
class ExtractedSpectrum:
    """One spectrum of one band, as its table has it.

    Parameters
    ----------
    identity : tuple of (str, value)
        The identifying columns: everything that is not measured.
    band : str
        ``IZ``, ``YJ`` or ``H``.
    wavelength_um : array, shape (n_channels,)
        Increasing; in the medium that the table is in.
    flux_density : array, shape (n_channels,)
        Per um of the axis; NaN where there is no data.
    flux_density_err : array, shape (n_channels,), or None
        Standard error.
    rest_frame : bool
        Whether the axis is in the galaxy's frame.
    redshift : float
        NaN where the table does not say.
    unit : str
        Of the flux density.
    unit_is_stated : bool
        Whether the table states that unit; otherwise it was assumed.
    """

    __repr__ = short_repr

    identity: tuple[tuple[str, Any], ...]
    band: str
    wavelength_um: Array
    flux_density: Array
    flux_density_err: Array | None
    rest_frame: bool
    redshift: float
    unit: str
    unit_is_stated: bool = True

    @property
    def label(self) -> str:
        """Identity and band for titles and messages, as in ``kurvs_id 2, H``."""
        return ", ".join(filter(None, [spelt(self.identity), self.band]))


def read_spectra_table(path: str | Path) -> list[ExtractedSpectrum]:
    """Read extracted spectra from a CSV or ECSV table with one row a channel.

    Parameters
    ----------
    path : str or Path
        Columns: ``band``, ``wavelength_um`` or ``rest_wavelength_um``, ``flux_density``;
        optional ``flux_density_err``, ``redshift``, ``interpolated``; every other column
        identifies a spectrum.

    Returns
    -------
    list of ExtractedSpectrum
        One for each combination of identifying columns and band, in order of appearance.

    Raises
    ------
    CubeFormatError
        If the file is not such a table; the message names the column or the value.
    """
    table = read_table(Path(path))
    axis = REST_AXIS if _check_columns(table, str(path)) else OBSERVED_AXIS
    keys = [name for name in table.colnames if name not in _MEASURED]
    _check_identifying(table, keys, str(path))
    channels = _Channels.of(table, axis, str(path))
    spectra = []
    for rows in _rows_of_spectra(table, [*keys, "band"]):
        first = table[int(rows[0])]
        identity = tuple((key, plain(first[key])) for key in keys)
        spectra.append(_one_spectrum(identity, str(first["band"]).strip(), channels, rows))
    return spectra


def redshift_of(spectrum: ExtractedSpectrum, redshifts: Mapping[Any, float] | None) -> float:
    """Return a spectrum's redshift from its table, else from a catalogue, else NaN.

    MetadataError if it is negative.
    """
    catalogued = (redshifts or {}).get(spectrum.identity, float("nan"))
    redshift = spectrum.redshift if np.isfinite(spectrum.redshift) else catalogued
    if redshift < 0.0:
        raise MetadataError(f"{spectrum.label}: redshift is {redshift}; expected a value >= 0")
    return float(redshift)


def read_table(path: str | Path) -> Table:
    """Read a CSV or ECSV table.

    The header line of a CSV may begin with ``#``, and its columns be parted by semicolons or tabs.
    CubeFormatError if it is missing, cannot be read, has no rows or a column twice.
    """
    path = Path(path)
    lines = read_text(path, "a CSV or ECSV table").splitlines()
    is_ecsv = path.suffix.lower() == ".ecsv" or (lines and lines[0].startswith("# %ECSV"))
    table_format = "ascii.ecsv" if is_ecsv else "ascii.csv"
    try:
        if is_ecsv:
            table = Table.read(lines, format=table_format)
            names = table.colnames
        else:
            lines = _from_header_line(lines)
            delimiter = _delimiter(lines[0]) if lines else ","
            table = Table.read(lines, format=table_format, delimiter=delimiter)
            names = _names(lines, delimiter)
    except Exception as error:  # astropy raises a dozen unrelated types on unreadable tables
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CubeFormatError(f"{path}: not a readable {table_format} table: {reason}") from error
    if len(table) == 0:
        raise CubeFormatError(f"{path}: the table has no rows; expected some below its header")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CubeFormatError(
            f"{path}: has the column {', '.join(twice)} twice; expected every name once"
        )
    return table


def _from_header_line(lines: Sequence[str]) -> list[str]:
    """Leave out comments before the header line, and the ``#`` that it may begin with."""
    filled = [line for line in lines if line.strip()]
    first = next((n for n, line in enumerate(filled) if not line.startswith("#")), len(filled))
    comments, rest = filled[:first], filled[first:]
    last = comments[-1].lstrip("# ") if comments else ""
    if last and not (rest and _is_header(rest[0])) and _is_header(last):
        return [last, *rest]
    return rest


def _is_header(line: str) -> bool:
    """Whether all entries of a line are words that name columns."""
    entries = next(csv.reader([line], delimiter=_delimiter(line)))
    return all(re.fullmatch(r"[^\W\d]\w*", entry.strip()) for entry in entries)


def _delimiter(line: str) -> str:
    """Return what parts the columns of a header line, a comma unless there is none."""
    return next((character for character in ",;\t" if character in line), ",")


def _names(lines: Sequence[str], delimiter: str) -> list[str]:
    """Return the names of a CSV's columns as written: astropy keeps the last of two alike."""
    return [name.strip() for name in next(csv.reader(lines, delimiter=delimiter), [])]


def write_table(table: Table, path: Path, **metadata: object) -> None:
    """Write a table as ECSV; a file that exists is replaced.

    ``metadata`` is stated in its header beside what the table, which is not changed, states
    already, and beside what it comes from (:func:`~kurvs_pipeline.provenance.provenance`). Columns
    say what they hold (:mod:`~kurvs_pipeline.vocabulary`).
    """
    written = described(table, path.stem)
    written.meta["provenance"] = provenance()
    written.meta.update(metadata)
    written.write(path, format="ascii.ecsv", overwrite=True)


def _check_columns(table: Table, path: str) -> bool:
    """Check that what is needed is there; return whether the axis is in the rest frame."""
    axes = [name for name in (OBSERVED_AXIS, REST_AXIS) if name in table.colnames]
    missing = [name for name in ("band", "flux_density") if name not in table.colnames]
    if len(axes) == 0:
        missing.append(f"{OBSERVED_AXIS} or {REST_AXIS}")
    if missing:
        raise CubeFormatError(
            f"{path}: missing column {', '.join(missing)}; found {', '.join(table.colnames)}"
        )
    if len(axes) == 2:
        raise CubeFormatError(
            f"{path}: has both {OBSERVED_AXIS} and {REST_AXIS}; expected one of them"
        )
    return axes == [REST_AXIS]


def _check_identifying(table: Table, keys: list[str], path: str) -> None:
    """Check that every channel says which spectrum it belongs to."""
    taken = [name for name in keys if name in RESULT_COLUMNS]
    if taken:
        raise CubeFormatError(
            f"{path}: the identifying column {', '.join(taken)} has the name of a result; "
            "expected another name"
        )
    for name in (*keys, "band"):
        n_missing = int(np.count_nonzero(_missing(table[name])))
        if n_missing:
            raise CubeFormatError(
                f"{path}: column '{name}' is empty in {n_missing} of {len(table)} rows; "
                "expected a value in every row"
            )


def _missing(column: Column) -> BoolArray:
    """Return which entries are masked, empty or NaN."""
    text = np.char.strip(np.ma.filled(column.astype(str), ""))
    return np.ma.getmaskarray(column) | np.isin(text, ["", "nan"])


def _flux_density_unit(table: Table, path: str) -> str:
    if table["flux_density"].unit is None:
        return FLUX_DENSITY_UNIT
    stated = str(table["flux_density"].unit)
    unit = parse_unit(stated)
    if unit is None:
        raise CubeFormatError(
            f"{path}: column 'flux_density' is in '{stated}', which is no unit of a flux density; "
            f"expected one such as {FLUX_DENSITY_UNIT}"
        )
    return str(unit.to_string())


def numbers(table: Table, name: str, path: str, unit: str | None = None) -> Array:
    """Return a column as floats, missing entries as NaN, in a unit if it carries one.

    CubeFormatError if an entry is no number, or the column has another kind of unit.
    """
    column = table[name]
    try:
        values = np.ma.filled(np.ma.asarray(column).astype(float), np.nan)
    except (TypeError, ValueError):
        where = f"{path}: column '{name}' is not numeric: row"
        rows = enumerate(column, start=1)
        values = np.array(
            [_number(entry, f"{where} {row} below the header") for row, entry in rows]
        )
    if unit is not None and column.unit is not None:
        try:
            values = (values * (parse_unit(str(column.unit)) or column.unit)).to_value(unit)
        except (u.UnitConversionError, ValueError, TypeError):
            raise CubeFormatError(
                f"{path}: column '{name}' is in {column.unit}; expected {unit}"
            ) from None
    return np.asarray(values, dtype=float)


def _number(entry: Any, where: str) -> float:  # noqa: ANN401 - whatever a table holds
    try:
        return float("nan") if np.ma.is_masked(entry) else float(entry)
    except (TypeError, ValueError):
        raise CubeFormatError(f"{where} has '{entry}'; expected a number or nothing") from None


def _check_um(wavelength: Array, axis: str, path: str) -> None:
    if not np.all(np.isfinite(wavelength)):
        raise CubeFormatError(
            f"{path}: column '{axis}' has missing or infinite values; expected numbers in um"
        )
    low, high = wavelength.min(), wavelength.max()
    if low < 0.1 or high > 100.0:
        raise CubeFormatError(
            f"{path}: column '{axis}' spans {low:.6g}-{high:.6g}, which is not um; "
            "expected about 0.3-2 (divide Angstrom by 1e4, nm by 1e3)"
        )


def _rows_of_spectra(table: Table, keys: list[str]) -> list[IntArray]:
    """Group row numbers by the values of the key columns, in order of appearance."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, key in enumerate(zip(*(table[name].astype(str) for name in keys), strict=True)):
        groups.setdefault(tuple(str(part) for part in key), []).append(row)
    return [np.array(rows) for rows in groups.values()]


@dataclass(frozen=True)
class _Channels:
    """The measured columns of a table, one value a channel of some spectrum."""

    path: str
    axis: str
    unit: str
    unit_is_stated: bool
    columns: dict[str, Array]

    @classmethod
    def of(cls, table: Table, axis: str, path: str) -> "_Channels":
        columns = {axis: numbers(table, axis, path, unit="um")}
        _check_um(columns[axis], axis, path)
        unit = _flux_density_unit(table, path)
        for name in ("flux_density", "flux_density_err", "redshift"):
            if name in table.colnames:
                columns[name] = numbers(table, name, path, None if name == "redshift" else unit)
        return cls(path, axis, unit, table["flux_density"].unit is not None, columns)

    def sorted_rows(self, rows: IntArray, label: str) -> IntArray:
        """Order the rows of a spectrum by wavelength."""
        if rows.size < _FEWEST_CHANNELS:
            raise CubeFormatError(
                f"{self.path}: {label} has channels: {rows.size}; expected at least "
                f"{_FEWEST_CHANNELS}, with the same identifying columns in each"
            )
        wavelength = self.columns[self.axis][rows]
        order = np.argsort(wavelength, kind="stable")
        if np.any(np.diff(wavelength[order]) <= 0.0):
            raise CubeFormatError(
                f"{self.path}: {label} has the same wavelength twice; expected identifying "
                "columns that tell its spectra apart"
            )
        return rows[order]

    def redshift(self, rows: IntArray, label: str) -> float:
        """Return the one redshift of a spectrum; NaN where none is stated."""
        stated = self.columns.get("redshift", np.full(rows.max() + 1, np.nan))[rows]
        values = np.unique(stated[np.isfinite(stated)])
        if values.size > 1:
            raise CubeFormatError(
                f"{self.path}: {label} has {values.size} redshifts, {values[0]:g} to "
                f"{values[-1]:g}; expected one, or identifying columns that tell spectra apart"
            )
        return float(values[0]) if values.size else float("nan")


def _one_spectrum(
    identity: tuple[tuple[str, Any], ...], band: str, channels: _Channels, rows: IntArray
) -> ExtractedSpectrum:
    label = ", ".join(filter(None, [spelt(identity), band]))
    if band not in KMOS_BANDS:
        raise CubeFormatError(
            f"{channels.path}: unknown band '{band}' ({label}); expected one of {list(KMOS_BANDS)}"
        )
    rows = channels.sorted_rows(rows, label)
    grid, index = _without_gaps(channels.columns[channels.axis][rows], f"{channels.path}: {label}")
    error = channels.columns.get("flux_density_err")
    return ExtractedSpectrum(
        identity=identity,
        band=band,
        wavelength_um=grid,
        flux_density=_placed(channels.columns["flux_density"][rows], index, grid.size),
        flux_density_err=None if error is None else _placed(error[rows], index, grid.size),
        rest_frame=channels.axis == REST_AXIS,
        redshift=channels.redshift(rows, label),
        unit=channels.unit,
        unit_is_stated=channels.unit_is_stated,
    )


def spelt(identity: Iterable[tuple[str, Any]]) -> str:
    """Spell an identity, as in ``kurvs_id 2, annulus A``."""
    return ", ".join(f"{name} {value}" for name, value in identity)


def _without_gaps(wavelength: Array, label: str) -> tuple[Array, IntArray]:
    """Put channels that the table leaves out back in; return also where the others went."""
    step = float(np.median(np.diff(wavelength)))
    count = np.maximum(1, np.rint(np.diff(wavelength) / step)).astype(int)
    index = np.concatenate([[0], np.cumsum(count)])
    if index[-1] >= _MOST_CHANNELS:
        raise CubeFormatError(
            f"{label} spans {wavelength[0]:g}-{wavelength[-1]:g} um in steps of {step:g} um; "
            f"expected at most {_MOST_CHANNELS} channels: is a wavelength wrong?"
        )
    return np.interp(np.arange(index[-1] + 1), index, wavelength), index


def _placed(values: Array, index: IntArray, size: int) -> Array:
    placed = np.full(size, np.nan)
    placed[index] = values
    return placed


def plain(value: object) -> object:
    """Return a value of an array as the Python type that it stands for."""
    return value.item() if isinstance(value, np.generic) else value
