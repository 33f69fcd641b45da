"""``kurvs recover``: the files of a small recovery, and that it can be repeated."""

import json

import numpy as np
import pytest
import xarray as xr
from astropy import units as u
from astropy.table import QTable

from experiments.campaign.campaign import open_campaign, run_campaign
from experiments.cli import execute
from experiments.recovery.design import Grid
from experiments.recovery.experiment import RecoveryExperiment
from experiments.recovery.figure import recovery_figure
from experiments.recovery.summary import summarise

N_GEOMETRIES = 6
ESTIMATORS = ("slope", "slope_fgrad", "forward", "forward_prior")
TRUE_GRADIENT = -0.04


@pytest.fixture(scope="module")
def recovered(tmp_path_factory):
    """Return the folder of one noise draw at one true gradient."""
    out = tmp_path_factory.mktemp("recover") / "out"
    arguments = ["recover", f"--gradients={TRUE_GRADIENT}", "--seed", "3", "--workers", "1"]
    assert execute([*arguments, "--output", str(out), "--quiet"]) == 0
    return out


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


def test_zarr_holds_the_same_gradients(recovered):
    table = QTable.read(recovered / "recovery.ecsv")
    results = open_campaign(recovered / "recovery.zarr")
    assert results["gradient"].attrs["units"] == "dex / kpc"
    assert results["gradient"].dims == ("task", "diagnostic", "estimator")
    np.testing.assert_array_equal(results["gradient"].to_numpy().ravel(), table["gradient"].value)


def test_zarr_holds_fluxes_dust_and_velocities_beside_their_truth(recovered):
    results = open_campaign(recovered / "recovery.zarr")
    halpha = results.sel(aperture="integrated", line="halpha")
    pulls = (halpha["flux"] - halpha["flux_true"]) / halpha["flux_err"]
    assert np.abs(pulls).max() < 4.0
    # Dust is 0.38 mag everywhere, and so it is in every aperture.
    np.testing.assert_allclose(results["a_v_true"], 0.38, atol=1e-6)
    assert (results["velocity_rms"] < 40.0).all()


def test_the_record_repeats_the_run(recovered):
    record = json.loads((recovered / "run.json").read_text())
    assert record["seed"] == 3
    assert record["configuration"]["grid"]["gradient_dex_per_kpc"] == [TRUE_GRADIENT]
    assert record["outputs"] == ["recovery.ecsv", "recovery.png", "recovery.zarr"]


def test_a_finished_run_can_be_resumed_and_changes_nothing(recovered):
    before = (recovered / "recovery.ecsv").read_bytes()
    arguments = ["recover", f"--gradients={TRUE_GRADIENT}", "--seed", "3", "--workers", "1"]
    assert execute([*arguments, "--output", str(recovered), "--quiet", "--resume"]) == 0
    assert (recovered / "recovery.ecsv").read_bytes() == before


def test_another_seed_is_not_mixed_into_a_run(recovered, capsys):
    arguments = ["recover", f"--gradients={TRUE_GRADIENT}", "--seed", "4", "--workers", "1"]
    assert execute([*arguments, "--output", str(recovered), "--quiet", "--resume"]) == 2
    assert "design.seed is 4, begun with 3" in capsys.readouterr().err


def test_mocks_that_fail_are_listed_and_the_others_written(tmp_path, monkeypatch, capsys):
    config, out = tmp_path / "two.toml", tmp_path / "out"
    config.write_text("realisations = 2\n[grid]\neffective_radius_arcsec = [0.7]")
    run = RecoveryExperiment.run

    def fail_second(self, number):
        if number == 1:
            raise ArithmeticError("no line\nat all")
        return run(self, number)

    monkeypatch.setattr(RecoveryExperiment, "run", fail_second)
    arguments = ["recover", "--config", str(config), "--workers", "1", "--output", str(out)]
    assert execute(arguments) == 0
    assert "1 mocks failed and are in failures.ecsv; the first: at all" in capsys.readouterr().out
    (failure,) = QTable.read(out / "failures.ecsv")
    assert (failure["task"], failure["seed"]) == (1, 2025)
    assert "ArithmeticError: no line" in failure["traceback"]
    assert set(QTable.read(out / "recovery.ecsv")["realisation"]) == {0}


def test_two_processes_measure_the_same_bits_as_one(tmp_path):
    experiment = RecoveryExperiment(
        Grid({"gradient_dex_per_kpc": (TRUE_GRADIENT,), "effective_radius_arcsec": (0.7,)}),
        realisations=2,
        seed=3,
    )
    alone, together = (
        run_campaign(experiment, tmp_path / f"{workers}.zarr", workers=workers).results.load()
        for workers in (1, 2)
    )
    xr.testing.assert_identical(alone, together)
    slopes = alone["gradient"].sel(diagnostic="n2", estimator="slope")
    assert slopes[0] != slopes[1]


def test_gradients_that_leave_the_calibrations_are_refused_before_any_work(tmp_path, capsys):
    arguments = ["recover", "--gradients=-0.2,0", "--output", str(tmp_path / "out")]
    assert execute(arguments) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "-0.2" in message
    assert "choose between -0.1" in message


def made_up_table(gradients):
    """Return made-up results of two inclinations and three radii at each gradient."""
    rows = [
        {"gradient_true": true, "inclination_deg": inclination, "effective_radius_arcsec": radius,
         "gradient": true, "gradient_err": 0.01, "seeing_fwhm_arcsec": 0.6, "snr_halpha": 54.0,
         "estimator": estimator, "diagnostic": "n2", "galaxy": f"{true} {inclination} {radius}",
         "realisation": 0}
        for true in gradients for inclination in (30.0, 60.0) for radius in (0.3, 0.5, 0.7)
        for estimator in ESTIMATORS
    ]  # fmt: skip
    table = QTable(rows=rows)
    for name, unit in {
        "gradient_true": u.dex / u.kpc, "gradient": u.dex / u.kpc, "gradient_err": u.dex / u.kpc,
        "inclination_deg": u.deg, "effective_radius_arcsec": u.arcsec,
        "seeing_fwhm_arcsec": u.arcsec,
    }.items():  # fmt: skip
        table[name] = table[name] * unit
    return table


def test_many_different_gradients_are_drawn_one_by_one_and_summarised_in_quarters():
    table = made_up_table(np.linspace(-0.08, 0.04, 40))
    figure = recovery_figure(table)
    *panels, bar = figure.axes
    assert bar.get_ylabel() == "R$_e$ (arcsec)"
    assert [len(axes.collections[-1].get_offsets()) for axes in panels] == [240, 240, 240]
    table["gradient_annuli"] = table["gradient_true"]
    rows = [row for row in summarise(table) if row.estimator == "slope"]
    assert [row.n_total for row in rows] == [60, 60, 60, 60]
    assert all(row.bias == 0.0 for row in rows)


@pytest.mark.parametrize("gradients", [(-0.04,), (-0.08, -0.04, 0.0, 0.04), (-0.1, -0.099, 0.2)])
def test_no_symbol_of_the_figure_covers_another(gradients):
    figure = recovery_figure(made_up_table(gradients))
    figure.draw_without_rendering()
    for axes in figure.axes:
        points = np.concatenate([bar[0].get_xydata() for bar in axes.containers])
        across = np.sort(axes.transData.transform(points)[:, 0])
        assert len(across) == 6 * len(gradients)
        assert np.diff(across).min() > 7.0 * figure.dpi / 72.0


def test_the_figure_puts_its_legend_beside_the_data_and_shows_every_error_bar():
    figure = recovery_figure(made_up_table((-0.04,)))
    figure.draw_without_rendering()
    (legend,) = figure.legends
    for axes in figure.axes:
        assert not legend.get_window_extent().overlaps(axes.get_window_extent())
        low, high = axes.get_ylim()
        assert low < -0.05
        assert high > -0.03


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
