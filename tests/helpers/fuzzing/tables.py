"""CSV and ECSV tables of spectra, and catalogues, with columns, values and text damaged."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from experiments.measuring.catalogue import GalaxyCatalogue
from fuzzing.nonsense import nonsense, pick
from fuzzing.outcome import Outcome
from kurvs_pipeline.extracted import fit_spectra, read_redshifts
from kurvs_pipeline.io import read_spectra_table
from kurvs_pipeline.lines import DETECTION_SNR, REST_WAVELENGTH_UM

ALLOWED_ERRORS = 3.0
REDSHIFT = 1.5

Damage = Callable[[np.random.Generator, Table], str]
FRAMES = ("CSV", "ECSV")
KINDS = ("spectra", "spectra", "redshifts", "catalogue")


class Tables:
    """Spectra of two annuli with H-alpha and [N II], their redshifts, and a list of cubes."""

    name = "CSV and ECSV"
    full = 300

    def __init__(self) -> None:
        self._spectra, self._redshifts = (
            _spectra(),
            Table({"annulus": ["A", "B"], "redshift": [1.5] * 2}),
        )
        self._catalogue = _catalogue()
        self._undamaged = _fluxes(_fit(self._spectra, self._redshifts))
        assert len(self._undamaged) >= 4, "lines are detected without damage"
        self._changed = False

    def damage(self, rng: np.random.Generator, folder: Path) -> str:
        """Write the tables, one of them with one or two damages."""
        tables = {
            "spectra": self._spectra.copy(),
            "redshifts": self._redshifts.copy(),
            "catalogue": self._catalogue.copy(),
        }
        kind, frame = str(pick(rng, KINDS)), str(pick(rng, FRAMES))
        said, self._changed = [f"{kind}.{frame.lower()}"], False
        for number in sorted(rng.integers(0, len(DAMAGES), int(rng.choice([0, 1, 1, 2])))):
            said.append(DAMAGES[number](rng, tables[kind]))
            self._changed |= DAMAGES[number] in OF_VALUES
        for name, table in tables.items():
            if (name == "catalogue") == (kind == "catalogue"):
                _write(table, folder / f"{name}.{frame.lower()}")
        if rng.uniform() < 0.5 or len(said) == 1:
            path = folder / f"{kind}.{frame.lower()}"
            content, what = pick(rng, DAMAGES_OF_TEXT)(rng, path.read_bytes())
            path.write_bytes(content)
            said.append(what)
        return "; ".join(said)

    def judge(self, folder: Path) -> tuple[Outcome, str]:
        """Fit the spectra, or read the catalogue; compare fluxes with those without damage."""
        files = {path.stem: path for path in folder.iterdir()}
        if "catalogue" in files:
            requests = GalaxyCatalogue.read(files["catalogue"], {}).requests
            for request in requests.values():
                for name, value in request.properties.items():
                    if isinstance(value, float) and not np.isfinite(value):
                        return Outcome.WRONG, f"{name} is {value}"
            return Outcome.RIGHT, ""
        spectra = read_spectra_table(files["spectra"])
        found = fit_spectra(
            spectra, medium="vacuum", redshifts=read_redshifts(files["redshifts"], spectra)
        )
        fluxes = _fluxes(found.table)
        flagged = ""
        for key, (flux, error) in self._undamaged.items():
            if key not in fluxes:
                flagged = f"{key} is not among what is measured, or flagged"
            elif not abs(fluxes[key][0] - flux) <= ALLOWED_ERRORS * error:
                what = f"{key} is {fluxes[key][0]:g}, not {flux:g} +- {error:g}"
                if self._changed:
                    return Outcome.RESTATED, what
                return Outcome.WRONG, what
        return (Outcome.FLAGGED, flagged) if flagged else (Outcome.RIGHT, "")


def _spectra() -> Table:
    rng, rows = np.random.default_rng(5), []
    wavelength = np.arange(1.6260, 1.6560, 2.158e-4)
    for annulus, strength in (("A", 1.0), ("B", 0.6)):
        flux = rng.normal(0.0, 5.0, wavelength.size)
        for line, ratio in {"halpha": 1.0, "nii_6584": 0.4, "nii_6548": 0.133}.items():
            centre, width = REST_WAVELENGTH_UM[line] * (1 + REDSHIFT), 4.5e-4
            profile = np.exp(-0.5 * ((wavelength - centre) / width) ** 2)
            flux += strength * ratio * profile / (width * np.sqrt(2 * np.pi)) * 0.4
        rows += [(annulus, "H", w, f, 5.0) for w, f in zip(wavelength, flux, strict=True)]
    names = ("annulus", "band", "wavelength_um", "flux_density", "flux_density_err")
    return Table(rows=rows, names=names)


def write_example_spectra(path: Path) -> None:
    """Write the undamaged spectra with their redshift."""
    table = _spectra()
    table["redshift"] = REDSHIFT
    _write(table, path)


def _catalogue() -> Table:
    return Table(
        {
            "name": ["first", "second"],
            "cubes": ["a.fits b.fits", "c.fits"],
            "redshift": [1.5, 1.4],
            "inclination_deg": [30.0, 40.0],
            "seeing_fwhm_arcsec": [0.6, 0.7],
            "arm": [1, 2],
            "medium": ["air", "vacuum"],
        }
    )


def _fit(spectra: Table, redshifts: Table) -> Table:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / "spectra.csv", Path(folder) / "redshifts.csv"]
        for table, path in zip((spectra, redshifts), paths, strict=True):
            _write(table, path)
        read = read_spectra_table(paths[0])
        return fit_spectra(read, medium="vacuum", redshifts=read_redshifts(paths[1], read)).table


def _fluxes(table: Table) -> dict[tuple[str, str], tuple[float, float]]:
    """Return fluxes and errors of detected lines without a flag, by annulus and line."""
    found = {}
    for row in table:
        flux, error = (float(getattr(row[n], "value", row[n])) for n in ("flux", "flux_err"))
        if row["flag"] in {"", "ok"} and flux > DETECTION_SNR * error:
            annulus = str(row["annulus"]) if "annulus" in table.colnames else "?"
            found[annulus, str(row["line"])] = (flux, error)
    return found


def _write(table: Table, path: Path) -> None:
    kind = "ascii.ecsv" if path.suffix == ".ecsv" else "ascii.csv"
    table.write(path, format=kind, overwrite=True)


# Columns and values


def _column(rng: np.random.Generator, table: Table) -> str:
    return str(pick(rng, table.colnames))


def _drop_column(rng: np.random.Generator, table: Table) -> str:
    name = _column(rng, table)
    table.remove_column(name)
    return f"no column {name}"


def _rename_column(rng: np.random.Generator, table: Table) -> str:
    old = _column(rng, table)
    new = str(pick(rng, (old.upper(), f" {old} ", f"{old}_nm", "x", "", old.replace("_", " "))))
    table.rename_column(old, new)
    return f"column {old} named {new!r}"


def _repeat_column(rng: np.random.Generator, table: Table) -> str:
    name = _column(rng, table)
    table[f"{name}_2"] = table[name]
    return f"column {name}_2 beside it"


def _damage_values(rng: np.random.Generator, table: Table) -> str:
    name, value = _column(rng, table), nonsense(rng)
    number = int(rng.choice([1, 3, len(table)]))
    values: list[Any] = [str(v) for v in table[name]]
    for row in rng.integers(0, len(table), number):
        values[int(row)] = str(value)
    table[name] = values
    return f"{name} of {number} rows is {value!r}"


def _scale_column(rng: np.random.Generator, table: Table) -> str:
    name, factor = _column(rng, table), float(rng.choice([-1.0, 0.0, 1e3, 1e4, 1e300, 1e-20]))
    if table[name].dtype.kind == "f":
        table[name] = table[name] * factor
    return f"{name} times {factor:g}"


def _unit(rng: np.random.Generator, table: Table) -> str:
    name = _column(rng, table)
    unit = str(pick(rng, ("Angstrom", "nm", "furlong", "erg/s/cm2/um", "deg", "km/s", "")))
    table[name].unit = unit
    return f"unit of {name} is {unit!r}"


def _shuffle(rng: np.random.Generator, table: Table) -> str:
    order = rng.permutation(len(table))
    for name in table.colnames:
        table[name] = table[name][order]
    return "rows in another order"


def _repeat_rows(rng: np.random.Generator, table: Table) -> str:
    number = int(rng.choice([1, 5]))
    for row in rng.integers(0, len(table), number):
        table.add_row(table[int(row)])
    return f"{number} rows once more"


def _cut_rows(rng: np.random.Generator, table: Table) -> str:
    length = int(rng.integers(0, len(table) + 1))
    del table[length:]
    return f"{length} rows only"


OF_VALUES: tuple[Damage, ...] = (_damage_values, _scale_column, _cut_rows, _unit)
DAMAGES: tuple[Damage, ...] = (
    _damage_values, _damage_values, _scale_column, _unit, _shuffle, _repeat_rows, _cut_rows,
    _repeat_column, _rename_column, _drop_column,
)  # fmt: skip


# Text


def _encode(rng: np.random.Generator, content: bytes) -> tuple[bytes, str]:
    name = str(pick(rng, ("utf-8-sig", "utf-8-sig", "utf-16", "utf-32", "cp500")))
    return content.decode(errors="replace").encode(name, errors="replace"), f"in {name}"


def _separate(rng: np.random.Generator, content: bytes) -> tuple[bytes, str]:
    separator = pick(rng, (b";", b"\t", b"|", b" ", b", ", b",,"))
    return content.replace(b",", separator), f"{separator!r} for a comma"


def _end_lines(rng: np.random.Generator, content: bytes) -> tuple[bytes, str]:
    end = pick(rng, (b"\r\n", b"\r", b"\n\n", b",\n", b" \n"))
    return content.replace(b"\n", end), f"lines end in {end!r}"


def _decimal_comma(_rng: np.random.Generator, content: bytes) -> tuple[bytes, str]:
    return content.replace(b".", b","), "comma for a point"


def _comment(rng: np.random.Generator, content: bytes) -> tuple[bytes, str]:
    before = pick(rng, (b"# a comment\n", b"#", b"\n", b"title of the table\n", b"sep=,\n"))
    return before + content, f"{before!r} before all"


def _truncate(rng: np.random.Generator, content: bytes) -> tuple[bytes, str]:
    length = int(rng.integers(len(content)))
    # What is cut off inside a number cannot be told from a number.
    cut = content[:length].rpartition(b"\n")[0]
    return cut + pick(rng, (b"", b"\nA", b'\n"')), f"cut near byte {length}"


def _insert(rng: np.random.Generator, content: bytes) -> tuple[bytes, str]:
    place = int(rng.integers(len(content)))
    what = pick(rng, (b"\0", b'"', b"\xff\xfe", b"\n", b"x", b"'", b"{"))
    return content[:place] + what + content[place:], f"{what!r} at byte {place}"


DAMAGES_OF_TEXT: Sequence[Callable[[np.random.Generator, bytes], tuple[bytes, str]]] = (
    _encode, _encode, _separate, _separate, _end_lines, _decimal_comma, _comment, _comment,
    _truncate, _insert, _insert,
)  # fmt: skip
