"""Tables as spreadsheets and people write them."""

import pytest

from kurvs_pipeline.io.tables import read_table

ROWS = "name,redshift\na,1.5\nb,1.6\n"
ECSV = """# %ECSV 1.0
# ---
# datatype:
# - {name: name, datatype: string}
# - {name: redshift, datatype: float64}
name redshift
a 1.5
b 1.6
"""


@pytest.mark.parametrize(
    "text",
    [
        ROWS, "#" + ROWS, "# " + ROWS, "# from a paper\n" + ROWS, "# from, two papers\n#" + ROWS,
        "\n\n" + ROWS, ROWS.replace(",", ";"), ROWS.replace(",", "\t"), ROWS.replace("\n", "\r\n"),
        ECSV,
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_table_is_the_same_however_its_header_is_written(tmp_path, text, encoding):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    table = read_table(path)
    assert table.colnames == ["name", "redshift"]
    assert list(table["name"]) == ["a", "b"]
    assert list(table["redshift"]) == [1.5, 1.6]


def test_quoted_entries_keep_their_commas(tmp_path):
    (tmp_path / "t.csv").write_text('name,cubes\na,"x.fits, y.fits"\n')
    assert read_table(tmp_path / "t.csv")["cubes"][0] == "x.fits, y.fits"
