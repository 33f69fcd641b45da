"""``kurvs calibrations``: the sourced table, shown or written."""

import json

from astropy.table import Table

from experiments.cli import BAD_INPUT, execute
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS


def test_every_calibration_is_shown_with_its_source(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert execute(["calibrations"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in DIAGNOSTICS)
    # Marino et al. (2013), equation 4.
    assert "8.743 + 0.462" in shown
    assert "Marino et al. 2013, eq. 4" in shown
    assert list(tmp_path.iterdir()) == []


def test_the_table_is_written_where_asked(tmp_path, capsys):
    out = tmp_path / "out"
    assert execute(["calibrations", "--output", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    table = Table.read(out / "calibrations.ecsv")
    assert list(table["diagnostic"]) == list(DIAGNOSTICS)
    assert {"relation", "lowest", "highest", "source", "note"} <= set(table.colnames)
    assert json.loads((out / "run.json").read_text())["command"] == "calibrations"


def test_results_are_not_overwritten_unasked(tmp_path, capsys):
    (tmp_path / "mine").write_text("")
    assert execute(["calibrations", "--output", str(tmp_path)]) == BAD_INPUT
    assert "--overwrite" in capsys.readouterr().err
    assert execute(["calibrations", "--output", str(tmp_path), "--overwrite", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
