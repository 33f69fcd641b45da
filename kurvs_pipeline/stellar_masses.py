"""Stellar masses of galaxies from a catalogue."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.table import Table

from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.rest_spectra import APERTURE_COLUMNS, names_of
from kurvs_pipeline.spectra_tables import ExtractedSpectrum

MASS_COLUMN = "log_stellar_mass"
_PLAUSIBLE = (4.0, 14.0)


def read_stellar_masses(path: str | Path, spectra: Sequence[ExtractedSpectrum]) -> dict[str, float]:
    """Look up the stellar mass of each galaxy.

    Parameters
    ----------
    path : str or Path
        CSV or ECSV with ``log_stellar_mass``, log of solar masses, and at least one of the
        columns that name the galaxies.
    spectra : sequence of ExtractedSpectrum
        Whose galaxies to look up.

    Returns
    -------
    dict of str to float
        By the galaxy's name as :func:`kurvs_pipeline.rest_spectra.names_of` makes it; galaxies
        without a mass are left out.

    Raises
    ------
    CubeFormatError
        If the file is no such table, holds masses that are no logarithms, or gives two for
        one galaxy.
    """
    table = _read(Path(path))
    names = {name for s in spectra for name, _ in s.identity if name not in APERTURE_COLUMNS}
    shared = [name for name in table.colnames if name in names]
    if MASS_COLUMN not in table.colnames or not shared:
        raise CubeFormatError(
            f"{path}: a catalogue of masses needs '{MASS_COLUMN}' and one of the columns "
            f"{sorted(names)}; found {table.colnames}"
        )
    known = _masses_by_key(table, shared, str(path))
    found = {}
    for spectrum in spectra:
        values = dict(spectrum.identity)
        key = tuple(str(values.get(name)) for name in shared)
        if key in known:
            found[names_of(spectrum.identity)[0]] = known[key]
    return found


def _read(path: Path) -> Table:
    table_format = "ascii.ecsv" if path.suffix.lower() == ".ecsv" else "ascii.csv"
    try:
        return Table.read(path, format=table_format)
    except Exception as error:  # astropy raises a dozen unrelated types on unreadable tables
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise CubeFormatError(f"{path}: not a readable {table_format} table: {reason}") from error


def _masses_by_key(table: Table, shared: Sequence[str], path: str) -> dict[tuple[str, ...], float]:
    """Return the mass of every row that has one, by the text of its shared columns."""
    try:
        masses = np.ma.filled(np.ma.asarray(table[MASS_COLUMN]).astype(float), np.nan)
    except (TypeError, ValueError) as error:
        raise CubeFormatError(
            f"{path}: column '{MASS_COLUMN}' is not numeric ({error}); expected numbers"
        ) from None
    stated = np.isfinite(masses)
    odd = masses[stated & ((masses < _PLAUSIBLE[0]) | (masses > _PLAUSIBLE[1]))]
    if odd.size:
        raise CubeFormatError(
            f"{path}: column '{MASS_COLUMN}' holds {odd[0]:g}; expected the logarithm of solar "
            "masses, about 8 to 12"
        )
    known: dict[tuple[str, ...], float] = {}
    for row, mass in zip(table[stated], masses[stated].tolist(), strict=True):
        key = tuple(str(row[name]) for name in shared)
        if known.setdefault(key, mass) != mass:
            raise CubeFormatError(
                f"{path}: {' '.join(key)} has two stellar masses, {known[key]:g} and {mass:g}; "
                "expected one: remove the row that is wrong"
            )
    return known
