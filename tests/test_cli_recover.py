"""``kurvs recover``: the files of a small recovery, and that it can be repeated."""

import json
import re

import numpy as np
import pytest
import xarray as xr
from astropy import units as u
from astropy.table import QTable

from experiments.cli import execute
from experiments.recovery import RecoveryDesign, recover
from experiments.recovery_figure import recovery_figure
from experiments.recovery_summary import summarise
from kurvs_pipeline.errors import ConfigurationError

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


def test_the_gradients_that_a_refusal_offers_are_accepted():
    with pytest.raises(ConfigurationError) as caught:
        RecoveryDesign(gradients_dex_per_kpc=(-0.2,))
    offered = re.search(r"choose between (\S+) and (\S+)", str(caught.value))
    RecoveryDesign(gradients_dex_per_kpc=tuple(map(float, offered.groups())))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gradients_dex_per_kpc": ()}, "gradients_dex_per_kpc is ()"),
        ({"inclinations_deg": (30.0, 30.0)}, "inclinations_deg is (30.0, 30.0)"),
        ({"inclinations_deg": (30.0, 90.0)}, "inclinations_deg is (30.0, 90.0)"),
        ({"effective_radii_arcsec": (0.5, 0.0)}, "effective_radii_arcsec is (0.5, 0.0)"),
        ({"realisations": 0}, "realisations is 0"),
        ({"redshift": 0.9}, "redshift is 0.9"),
    ],
)
def test_a_design_that_cannot_be_simulated_is_refused(options, message):
    with pytest.raises(ConfigurationError, match=re.escape(message)) as caught:
        RecoveryDesign(**options)
    assert "expected" in str(caught.value)


def recovery_table(gradients):
    """Return made-up results of two inclinations and three radii at each gradient."""
    rows = [
        {"gradient_true": true, "inclination_deg": inclination, "effective_radius_arcsec": radius,
         "gradient": true, "gradient_err": 0.01, "seeing_fwhm_arcsec": 0.6, "snr_halpha": 54.0,
         "estimator": estimator}
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


@pytest.mark.parametrize("gradients", [(-0.04,), (-0.08, -0.04, 0.0, 0.04), (-0.1, -0.099, 0.2)])
def test_no_symbol_of_the_figure_covers_another(gradients):
    figure = recovery_figure(recovery_table(gradients))
    figure.draw_without_rendering()
    for axes in figure.axes:
        points = np.concatenate([bar[0].get_xydata() for bar in axes.containers])
        across = np.sort(axes.transData.transform(points)[:, 0])
        assert len(across) == 6 * len(gradients)
        assert np.diff(across).min() > 7.0 * figure.dpi / 72.0


def test_the_figure_puts_its_legend_beside_the_data_and_shows_every_error_bar():
    figure = recovery_figure(recovery_table((-0.04,)))
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
