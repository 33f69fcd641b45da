"""``kurvs recover``: the files of a small recovery, and that it can be repeated."""

import json

import numpy as np
import pytest
import xarray as xr
from astropy import units as u
from astropy.table import QTable

from experiments.cli import execute
from experiments.recovery import RecoveryDesign, recover
from experiments.recovery_summary import summarise

N_GEOMETRIES = 6
ESTIMATORS = ("slope", "slope_fgrad")
TRUE_GRADIENT = -0.04


@pytest.fixture(scope="module")
def recovered(tmp_path_factory):
    """Return the folder of one noise draw at one true gradient."""
    out = tmp_path_factory.mktemp("recover") / "out"
    arguments = ["recover", f"--gradients={TRUE_GRADIENT}", "--seed", "3", "--workers", "1"]
    assert execute([*arguments, "--output", str(out), "--quiet"]) == 0
    return out


def two_mocks(workers):
    design = RecoveryDesign(
        gradients_dex_per_kpc=(TRUE_GRADIENT,),
        inclinations_deg=(30.0,),
        effective_radii_arcsec=(0.7,),
        realisations=2,
        seed=3,
    )
    done = []
    return recover(design, workers=workers, advance=done.append), done


def test_the_files_are_those_promised(recovered):
    assert {item.name for item in recovered.iterdir()} == {
        "recovery.ecsv", "recovery.zarr", "recovery.png", "run.json",
    }  # fmt: skip


def test_there_is_one_row_a_mock_and_estimator(recovered):
    table = QTable.read(recovered / "recovery.ecsv")
    rows = [(str(row["galaxy"]), str(row["estimator"])) for row in table]
    assert len(rows) == len(set(rows)) == N_GEOMETRIES * len(ESTIMATORS)
    assert {estimator for _, estimator in rows} == set(ESTIMATORS)


def test_gradients_have_their_unit_and_the_truth_beside_them(recovered):
    table = QTable.read(recovered / "recovery.ecsv")
    assert table["gradient"].unit == u.dex / u.kpc
    assert np.all(table["gradient_true"].value == TRUE_GRADIENT)


def test_zarr_holds_the_rows_of_the_table(recovered):
    table = QTable.read(recovered / "recovery.ecsv")
    with xr.open_zarr(recovered / "recovery.zarr", consolidated=False) as store:
        assert store["gradient"].attrs["units"] == "dex / kpc"
        np.testing.assert_array_equal(store["gradient"], table["gradient"].value)
        names = np.array(store["estimator"].attrs["values"])[store["estimator"].to_numpy()]
        np.testing.assert_array_equal(names, table["estimator"])


def test_the_record_repeats_the_run(recovered):
    record = json.loads((recovered / "run.json").read_text())
    assert record["seed"] == 3
    assert record["configuration"]["gradients"] == [TRUE_GRADIENT]
    assert record["peak_memory_mib"]["largest_child"] > 0.0


def test_the_number_of_workers_does_not_change_the_result():
    alone, together = two_mocks(1)[0], two_mocks(2)[0]
    for name in alone.colnames:
        np.testing.assert_array_equal(alone[name], together[name])


def test_progress_counts_every_mock_and_noise_differs_between_them():
    table, done = two_mocks(2)
    assert done == [1, 1]
    slopes = table["gradient"][table["estimator"] == "slope"]
    assert slopes[0] != slopes[1]


def test_gradients_that_leave_the_calibrations_are_refused_before_any_work(tmp_path, capsys):
    arguments = ["recover", "--gradients=-0.2,0", "--output", str(tmp_path / "out")]
    assert execute(arguments) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "-0.2" in message
    assert "choose between -0.1" in message


def test_every_column_of_a_summary_is_of_the_mocks_with_a_gradient():
    rows = [
        {"gradient_true": -0.04, "estimator": "slope", "gradient_annuli": annuli,
         "gradient": gradient, "gradient_err": 0.01}
        for annuli, gradient in ((-0.04, -0.03), (-0.03, np.nan))
    ]  # fmt: skip
    table = QTable(rows=rows)
    for name in ("gradient_true", "gradient_annuli", "gradient", "gradient_err"):
        table[name] = table[name] * u.dex / u.kpc
    (summary,) = summarise(table)
    assert (summary.n_measured, summary.n_total) == (1, 2)
    assert summary.gradient_annuli == -0.04
    assert summary.bias == pytest.approx(0.01)
