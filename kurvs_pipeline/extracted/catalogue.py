"""Values of galaxies from a catalogue, matched to spectra by identifying columns."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.tables import ExtractedSpectrum, numbers, plain, read_table, spelt
from kurvs_pipeline.representation import short_repr

Identity = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, eq=False)
class Catalogue:
    """One column of a catalogue, and the columns that match its rows to spectra.

    Parameters
    ----------
    path : str
        Path of the file, for messages.
    table : Table
        Table with one row per galaxy, or per part of one.
    shared : tuple of str
        Names of the identifying columns that the spectra have as well.
    values : array, shape (n_rows,)
        Values of the column; NaN where there is none.
    """

    __repr__ = short_repr

    path: str
    table: Table
    shared: tuple[str, ...]
    values: Array

    @classmethod
    def read(
        cls,
        path: str | Path,
        spectra: Sequence[ExtractedSpectrum],
        column: str,
        *,
        apart_from: Collection[str] = (),
    ) -> "Catalogue":
        """Read a CSV or ECSV table.

        Parameters
        ----------
        path : str or Path
            Path of the table.
        spectra : sequence of ExtractedSpectrum
            Spectra that will be looked up.
        column : str
            Name of the column to read.
        apart_from : collection of str
            Identifying columns of the spectra that the catalogue need not have.

        Raises
        ------
        CubeFormatError
            If the file is no table, the column is missing or not numeric, or no identifying column
            is shared.
        """
        table = read_table(Path(path))
        names = {name for one in spectra for name, _ in one.identity if name not in apart_from}
        shared = tuple(name for name in table.colnames if name in names)
        if column not in table.colnames or not shared:
            raise CubeFormatError(
                f"{path}: a catalogue needs '{column}' and one of the identifying columns "
                f"{sorted(names)}; found {table.colnames}"
            )
        return cls(str(path), table, shared, numbers(table, column, str(path)))

    def look_up(self, spectra: Sequence[ExtractedSpectrum], quantity: str) -> dict[Identity, float]:
        """Return the value of every spectrum that has one, by the spectrum's identity.

        Parameters
        ----------
        spectra : sequence of ExtractedSpectrum
            Spectra to look up.
        quantity : str
            Name of the values in messages, such as ``redshifts``.

        Raises
        ------
        CubeFormatError
            If rows of one galaxy have different values.
        """
        known = self._by_key(quantity)
        found = {}
        for spectrum in spectra:
            stated = dict(spectrum.identity)
            key = tuple(str(stated.get(name)) for name in self.shared)
            if key in known:
                found[spectrum.identity] = known[key]
        return found

    def _by_key(self, quantity: str) -> dict[tuple[str, ...], float]:
        """Return the values by the text of the identifying columns."""
        known: dict[tuple[str, ...], float] = {}
        stated = np.isfinite(self.values)
        for row, value in zip(self.table[stated], self.values[stated].tolist(), strict=True):
            key = tuple(str(plain(row[name])) for name in self.shared)
            if known.setdefault(key, value) != value:
                raise CubeFormatError(
                    f"{self.path}: {spelt(zip(self.shared, key, strict=True))} has two {quantity}, "
                    f"{known[key]:g} and {value:g}; expected one: remove the row that is wrong"
                )
        return known


def read_redshifts(path: str | Path, spectra: Sequence[ExtractedSpectrum]) -> dict[Identity, float]:
    """Read the redshift of each spectrum from a catalogue, by the spectrum's identity.

    Spectra without a redshift in the catalogue are left out.

    Parameters
    ----------
    path : str or Path
        CSV or ECSV with ``redshift`` and at least one of the spectra's identifying columns.
    spectra : sequence of ExtractedSpectrum
        Spectra to look up.

    Raises
    ------
    CubeFormatError
        If the file is no such table, or gives two redshifts for one spectrum.
    """
    return Catalogue.read(path, spectra, "redshift").look_up(spectra, "redshifts")
