"""Tables of results come back as they were written."""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable
from paths import DOCS

from kurvs_pipeline.io.tables import write_table


def test_a_table_comes_back_with_units_and_what_it_states(tmp_path):
    table = QTable({"line": ["halpha", "hbeta"], "flux": [1.0, np.nan] * u.um})
    table.meta["seed"] = 3
    path = tmp_path / "table.ecsv"
    path.write_text("an older file", encoding="utf-8")
    write_table(table, path, version="1.0")
    read = QTable.read(path)
    assert list(read["line"]) == ["halpha", "hbeta"]
    assert read["flux"].unit == u.um
    assert read.meta["seed"] == 3
    assert read.meta["version"] == "1.0"
    assert "version" not in table.meta


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.ecsv")), ids=lambda path: path.stem)
def test_tables_of_the_documentation_convert_to_pandas(path):
    table = QTable.read(path)
    assert list(table.to_pandas().columns) == table.colnames
