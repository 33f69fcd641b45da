"""Explain flags and columns in words, for the terminal and for the documentation."""

import difflib

from experiments.runs.vocabulary import EVERY_COLUMN
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.vocabulary import FLAGS, Entry

INTRODUCTION = (
    "Every ECSV table carries these texts as descriptions of its columns, and `kurvs explain NAME` "
    "prints them."
)

OF_FLAGS = (
    "A `flag` column holds what makes a row doubtful, joined by `+`, or nothing. Gradients without "
    "a doubt have `ok`. Stacks spell their flags out."
)

OF_COLUMNS = (
    "Line fluxes have the unit of the cube where that is not 1e-16 erg / (s cm2). `table.column` "
    "is a column that means something else in that table."
)


def explained(name: str) -> str:
    """Return what a flag or column means; both, where the name is used for both.

    Raises
    ------
    ConfigurationError
        If there is no such name; the nearest are in the message.
    """
    said = [_of_column(key, entry) for key, entry in EVERY_COLUMN.items()
            if name in {key, key.rpartition(".")[2]}]  # fmt: skip
    if name in FLAGS:
        said.insert(0, f"{name} (flag): {FLAGS[name].meaning}\n  What to do: {FLAGS[name].action}")
    if said:
        return "\n".join(said)
    near = difflib.get_close_matches(name, [*FLAGS, *EVERY_COLUMN], n=3)
    hint = f"did you mean {', '.join(near)}?" if near else "kurvs explain alone lists them"
    raise ConfigurationError(f"no flag or column is called {name!r}; {hint}")


def _of_column(key: str, entry: Entry) -> str:
    table, _, name = key.rpartition(".")
    where = f"column of {table}.ecsv" if table else "column"
    unit = f" Unit: {entry.unit}." if entry.unit else ""
    return f"{name} ({where}): {entry.meaning}.{unit}"


def every_name() -> str:
    """Return the names of all flags and columns."""
    columns = sorted({key.rpartition(".")[2] for key in EVERY_COLUMN})
    return f"Flags: {', '.join(sorted(FLAGS))}\n\nColumns: {', '.join(columns)}"


def reference_page() -> str:
    """Return the page of the documentation about flags and columns, in Markdown."""
    lines = [
        "# Flags and columns of tables", "",
        INTRODUCTION, "",
        "## Flags", "",
        OF_FLAGS, "",
        "| flag | meaning | what to do |", "| --- | --- | --- |",
        *(f"| `{name}` | {flag.meaning} | {flag.action} |" for name, flag in FLAGS.items()), "",
        "## Columns", "",
        OF_COLUMNS, "",
        "| column | meaning | unit |", "| --- | --- | --- |",
        *(f"| `{name}` | {entry.meaning} | {entry.unit} |"
          for name, entry in sorted(EVERY_COLUMN.items())), "",
    ]  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    print(reference_page(), end="")
