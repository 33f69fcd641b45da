"""The survey's published spectra, measured by this pipeline, beside the survey's own tables.

Example: ``python -m experiments.studies.published.comparison docs/`` makes the tables and figures
of ``docs/published-comparison.md``. The spectra and tables are taken from ``../shared``, or from
where ``--shared`` says.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from astropy.table import Table
from matplotlib.figure import Figure

from experiments.runs.style import figure_style
from experiments.runs.tables import write_table
from experiments.studies.published.annuli import compare_annuli, compare_ways
from experiments.studies.published.figures import draw_annuli, draw_integrated
from experiments.studies.published.integrated import compare_integrated
from experiments.studies.published.rings import Rings

IMAGE_DPI = 90


def make(shared: Path) -> tuple[dict[str, Table], dict[str, Figure]]:
    """Return all tables and figures of the page by the names of their files.

    The spectra and tables are read from ``real``, ``reference`` and ``paper`` of the shared folder.

    Raises
    ------
    CubeFormatError
        If a table is missing.
    """
    integrated, rings = compare_integrated(shared), Rings.read(shared)
    tables = {
        "published-integrated": integrated.summary,
        "published-integrated-values": integrated.values,
        "published-errors": integrated.lines,
        "published-annuli": compare_annuli(rings),
        "published-annuli-ways": compare_ways(rings),
    }
    with figure_style():
        figures = {
            "published-integrated": draw_integrated(integrated.values),
            "published-annuli": draw_annuli(rings),
        }
    return tables, figures


def write(tables: Mapping[str, Table], figures: Mapping[str, Figure], docs: Path) -> None:
    """Write tables into a directory and figures into ``images`` below it."""
    (docs / "images").mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        write_table(table, docs / f"{name}.ecsv")
    for name, figure in figures.items():
        figure.savefig(docs / "images" / f"{name}.png", dpi=IMAGE_DPI)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare, write tables and figures, and print all tables but the longest."""
    description, _, example = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(description=description, epilog=example)
    parser.add_argument("docs", type=Path, help="directory for tables and figures")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    options = parser.parse_args(arguments)
    tables, figures = make(options.shared)
    write(tables, figures, options.docs)
    for name, table in tables.items():
        if name != "published-integrated-values":
            print(f"\n{name}")
            table.pprint_all()


if __name__ == "__main__":
    main()
