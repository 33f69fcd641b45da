"""Campaigns of rows: tasks of tables that can be resumed."""

import json
from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable
from matplotlib.figure import Figure
from rich.table import Table

from experiments.ablation.ablation import EVERYTHING, AblationDesign, experiment, set_name
from experiments.campaign.campaign import run_campaign
from experiments.campaign.command import Conclusion, run_command
from experiments.campaign.rows import TEXT, RowsExperiment
from experiments.cli import INTERRUPTED, execute
from experiments.runs.terminal import Terminal
from kurvs_pipeline.errors import ConfigurationError, FitError, KurvsError

COLUMNS = {"name": str, "value": float, "count": int}
UNITS = {"value": u.dex}


def make_rows(number):
    """Return as many rows as the number says; none of the fifth."""
    if number == 5:
        raise ValueError("five was told to raise")
    return [{"name": f"row {n}", "value": number + 0.1, "count": n} for n in range(number)]


def never(number):
    pytest.fail(f"task {number} was done before")


def toy(*numbers):
    return RowsExperiment(make_rows, numbers, COLUMNS, 4, UNITS, {"numbers": list(numbers)})


def run_in(folder, made, *, resume=False, overwrite=False):
    """Run the command ``toy``, and return the rows that it drew its conclusions from."""
    seen = []

    def conclude(outcome):
        seen.append(made.table(outcome))
        table = QTable(rows=[{"n_rows": len(seen[0])}], meta={"option": 3})
        return Conclusion({"toy": table}, Figure(), Table())

    run_command(
        "toy", made, conclude, store="toy.zarr", configuration={"option": 3}, seed=7, workers=1,
        scheduler=None, resume=resume, overwrite=overwrite, output=folder,
        terminal=Terminal(quiet=True),
    )  # fmt: skip
    return seen[0]


def test_rows_come_back_as_they_were_in_the_order_of_tasks(tmp_path):
    table = run_in(tmp_path / "out", toy(3, 0, 2))
    assert table["value"].unit == u.dex
    table["value"] = table["value"].value
    assert [dict(row) for row in table] == make_rows(3) + make_rows(2)
    assert (tmp_path / "out" / "toy.zarr").is_dir()


def test_tables_say_what_they_were_made_with(tmp_path):
    run_in(tmp_path / "out", toy(1))
    meta = QTable.read(tmp_path / "out" / "toy.ecsv").meta
    assert (meta["provenance"]["seed"], meta["option"]) == (7, 3)
    assert (tmp_path / "out" / "toy.png").is_file()


def test_the_figure_has_the_name_of_the_last_table(tmp_path):
    table = QTable(rows=[{"n_rows": 1}])
    Conclusion({"rows": table, "summary": table}, Figure(), Table()).write(tmp_path)
    names = sorted(item.name for item in tmp_path.iterdir())
    assert names == ["rows.ecsv", "summary.ecsv", "summary.png"]


def test_a_run_that_is_resumed_does_no_task_twice(tmp_path):
    first = run_in(tmp_path / "out", toy(1, 2))
    called = replace(toy(1, 2), function=never)
    assert (run_in(tmp_path / "out", called, resume=True) == first).all()


def test_a_run_is_not_resumed_without_its_place():
    with pytest.raises(ConfigurationError, match="--output"):
        run_in(None, toy(1), resume=True)


def test_a_task_that_fails_is_told_and_the_others_are_kept(tmp_path):
    with pytest.raises(FitError, match=r"1 of 2 mocks failed.*five was told to raise"):
        run_in(tmp_path / "out", toy(1, 5))
    kept = run_campaign(toy(1, 5), tmp_path / "out" / "toy.zarr", resume=True)
    np.testing.assert_array_equal(kept.results["done"], [True, False])


@pytest.mark.parametrize("command", ["recover", "ablate", "binning"])
def test_every_campaign_goes_to_a_cluster_where_one_is_stated(command, monkeypatch):
    asked = []

    def run_campaign(*_arguments, scheduler, **_options):
        asked.append(scheduler)
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.campaign.command.run_campaign", run_campaign)
    assert execute([command, "--quiet", "--scheduler", "tcp://host:8786"]) == INTERRUPTED
    assert asked == ["tcp://host:8786"]


def test_what_is_no_store_is_not_taken_away(tmp_path):
    own = tmp_path / "out" / "toy.zarr" / "notes.txt"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    with pytest.raises(KurvsError, match=r"toy\.zarr"):
        run_in(tmp_path / "out", toy(1), overwrite=True)
    assert own.read_text() == "mine"


def test_designs_can_be_described_and_their_texts_fit():
    made = experiment(AblationDesign())
    assert json.loads(json.dumps(made.description))["gradient"] == -0.04
    assert len(set_name(EVERYTHING)) <= int(TEXT[2:])
