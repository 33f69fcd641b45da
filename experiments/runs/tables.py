"""Write tables whose columns say what they hold."""

from pathlib import Path

from astropy.table import Table

from experiments.runs.vocabulary import EVERY_COLUMN
from kurvs_pipeline.io import tables
from kurvs_pipeline.vocabulary import described


def write_table(table: Table, path: Path, **metadata: object) -> None:
    """Write a table as :func:`kurvs_pipeline.io.tables.write_table` does."""
    tables.write_table(described(table, path.stem, EVERY_COLUMN), path, **metadata)
