"""Flags and columns: what is set, what is written, and what is said of them agree."""

import ast
import re
from pathlib import Path

import pytest
from astropy.table import QTable

from experiments.cli import execute
from experiments.runs.explanation import explained, reference_page
from experiments.runs.vocabulary import EVERY_COLUMN
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.fitting.outcome import FitFlag
from kurvs_pipeline.io.tables import read_table
from kurvs_pipeline.pipeline import Pipeline
from kurvs_pipeline.results.writing import TABLES, write_results
from kurvs_pipeline.vocabulary import FLAGS, meaning_of
from kurvs_sim import Galaxy, observe

ROOT = Path(__file__).parents[3]
SETS_FLAGS = {
    "gradients/table.py": {"_of_diagnostic", "_doubts"},
    "gradients/slope.py": {"weighted_slope"},
    "gradients/forward/estimator.py": {"with_prior", "_summary"},
    "gradients/forward/rows.py": {"_of_diagnostic"},
    "gas/abundances.py": {"_flags"},
}
"""Functions that spell flags out; other flags are constants, or members of FitFlag."""

NO_FLAGS = {
    "n_bins", "drawn_fraction", "branch_check", "flag", "slope", "slope_fgrad", "wrong", "unknown",
    "forward", "forward_prior", "limit", "abundance", "gradient", "source", "nan",
}  # fmt: skip
"""Other words of these functions: names of columns and estimators."""


def constants_named_as_flags():
    """Return the texts of constants that hold a flag or several."""
    names = ("LOST_LIGHT", "TURNOVER", "NEGATIVE_HBETA", "DOUBTFUL_REDSHIFT",
             "DOUBTFUL_VELOCITIES", "LINE_FLAGS")  # fmt: skip
    found = set()
    for path in (ROOT / "kurvs_pipeline").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in names:
                value = ast.literal_eval(node.value)
                found |= {value} if isinstance(value, str) else set(value)
    return found


def flags_spelt_out():
    """Return the words of the functions that set flags."""
    found = set()
    for file, functions in SETS_FLAGS.items():
        tree = ast.parse((ROOT / "kurvs_pipeline" / file).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name in functions:
                body = [part for part in node.body if not isinstance(part, ast.Expr)]
                words = {w.value for part in body for w in ast.walk(part)
                         if isinstance(w, ast.Constant) and isinstance(w.value, str)}  # fmt: skip
                found |= {word for word in words if re.fullmatch("[a-z][a-z_]+", word)}
    return found - NO_FLAGS


def test_every_flag_that_is_set_is_explained_and_no_other():
    of_fits = {str(flag.name).lower() for flag in FitFlag if flag.name and flag}
    assert set(FLAGS) == of_fits | constants_named_as_flags() | flags_spelt_out()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return the folder of a measured mock."""
    folder = tmp_path_factory.mktemp("tables")
    galaxy = Galaxy(inclination_deg=30.0)
    write_results(Pipeline().run(observe(galaxy, bands=["YJ", "H"], seed=1)), folder)
    return folder


@pytest.mark.parametrize("name", TABLES)
def test_columns_of_a_measurement_say_what_they_hold(written, name):
    table = QTable.read(written / f"{name}.ecsv")
    for column in table.colnames:
        entry = meaning_of(column, name)
        assert entry is not None, column
        assert table[column].info.description == entry.meaning
        unit = table[column].unit
        assert str(unit or "") == entry.unit, column


@pytest.mark.parametrize("path", ["binning.ecsv", "ablation.ecsv"])
def test_columns_of_experiments_are_known(path):
    table = read_table(ROOT / "docs" / path)
    assert [c for c in table.colnames if meaning_of(c, path, EVERY_COLUMN) is None] == []


def test_the_page_is_what_the_code_says():
    page = ROOT / "docs" / "tables.md"
    assert page.read_text(encoding="utf-8") == reference_page(), (
        "write it anew: python -m experiments.runs.explanation > docs/tables.md"
    )


def test_a_flag_is_explained_with_what_to_do(capsys):
    assert execute(["explain", "two_bins+poor_fit"]) == 0
    said = capsys.readouterr().out
    assert "nothing tests that it is straight" in said
    assert "quote slope_fgrad with its interval" in said


def test_a_name_that_means_two_things_gets_both():
    assert "column of calibrations.ecsv" in explained("source")
    assert "balmer" in explained("source")


def test_an_unknown_name_gets_the_nearest(capsys):
    with pytest.raises(ConfigurationError, match="did you mean poor_fit"):
        explained("poor_fitt")
    assert execute(["explain", "zzz"]) == 2
    assert "kurvs explain alone lists them" in capsys.readouterr().err
