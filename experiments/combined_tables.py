"""One table of each kind over many galaxies."""

from collections.abc import Mapping
from pathlib import Path

from astropy import units as u
from astropy.table import QTable, Table, TableMergeError, vstack

from kurvs_pipeline.reading_results import read_result_table
from kurvs_pipeline.results import TABLES


def combine(folders: Mapping[str, Path], directory: Path) -> list[str]:
    """Write tables of all galaxies, with the name of the galaxy in front.

    Parameters
    ----------
    folders : mapping of str to Path
        Results of each galaxy, by its name.
    directory : Path
        Where to write ``fluxes.ecsv`` and the others, and ``galaxies.ecsv`` with redshifts.

    Returns
    -------
    list of str
        Which tables were left out, and why.
    """
    if not folders:
        return []
    notes = []
    redshifts = {}
    for kind in TABLES:
        tables = {
            name: read_result_table(folder / f"{kind}.ecsv") for name, folder in folders.items()
        }
        redshifts = {
            name: (table.meta["redshift"], table.meta["redshift_err"])
            for name, table in tables.items()
        }
        try:
            # A QTable with a column called "value" cannot be written as ECSV.
            Table(_stacked(tables)).write(directory / f"{kind}.ecsv")
        except (u.UnitConversionError, TableMergeError) as error:
            notes.append(f"no table of all {kind}, units differ ({error}): see the galaxies' own")
    Table(
        rows=[(name, *values) for name, values in redshifts.items()],
        names=("galaxy", "redshift", "redshift_err"),
    ).write(directory / "galaxies.ecsv")
    return notes


def _stacked(tables: Mapping[str, QTable]) -> QTable:
    """Join tables; quantities are converted to the units of the first."""
    parts = []
    for name, table in tables.items():
        # Redshift and coverage are one galaxy's.
        table.meta.clear()
        table.add_column([name] * len(table), index=0, name="galaxy")
        parts.append(table)
    return vstack(parts, join_type="exact")
