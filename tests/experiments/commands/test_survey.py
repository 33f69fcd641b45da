"""``kurvs survey``: tables and figures of a twin."""

import json

import numpy as np
import pytest
from astropy.table import QTable
from matplotlib.figure import Figure

from experiments.cli import execute
from experiments.survey import making as survey_making
from experiments.survey.integrated_figures import draw_twin
from experiments.survey.observed import detected_a_v
from experiments.survey.points import PublishedPoints
from experiments.survey.tables import bracketed
from experiments.survey.twin import INTRINSIC
from experiments.survey.twin import twin as whole_twin
from kurvs_pipeline.stacking.lines import StackedLines

KURVS_IDS = (2, 23, 34)
FIGURES = {
    *(f"figure-{name}" for name in (1, 2, 3, 4, 6, 7, 8, 9, "a1", "b1", "c1", "c2")),
    "figure-5-kurvs-2", "figure-5-kurvs-34",
}  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("survey") / "out"

    def few(intrinsic, *, seed):
        return tuple(m for m in whole_twin(intrinsic, seed=seed) if m.kurvs_id in KURVS_IDS)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(survey_making, "twin", few)
        code = execute(["survey", "--seed", "3", "--workers", "1", "--output", str(folder)])
    assert code == 0
    return folder


def test_it_writes_every_figure_that_galaxies_can_make(results):
    assert {path.stem for path in results.glob("*.png")} == FIGURES
    record = json.loads((results / "run.json").read_text())
    assert record["configuration"]["intrinsic"] == "scattered"
    assert record["seed"] == 3


def test_table_1_sets_gradients_beside_truth_and_survey(results):
    table = QTable.read(results / "table-1.ecsv")
    expected = [m.gradient for m in whole_twin(INTRINSIC["scattered"], seed=3)
                if m.kurvs_id in KURVS_IDS]  # fmt: skip
    assert list(table["kurvs_id"]) == list(KURVS_IDS)
    assert table["gradient_true"].to_value("dex/kpc") == pytest.approx(expected)
    assert table["gradient_n2_survey"].to_value("dex/kpc") == pytest.approx([0.019, 0.036, -0.031])
    large = table[table["kurvs_id"] == 23]
    off = large["gradient_n2_forward"] - large["gradient_true"]
    assert np.abs(off[0]) < 4.0 * large["gradient_n2_forward_err"][0]


def test_table_1_says_what_may_not_be_taken_at_its_word(results):
    flags = QTable.read(results / "table-1.ecsv")["gradient_n2_forward_flag"]
    assert set(map(str, flags)) <= {"ok", "unconstrained", "poor_fit", "no_halpha", "approximate"}
    assert "In brackets: flagged" in (results / "tables.html").read_text()


def test_flagged_gradients_stand_in_brackets():
    cells = ["32 ± 66", "-400 ± 140", ""]
    assert bracketed(cells, ["ok", "unconstrained", "no_halpha"]) == [
        "32 ± 66", "(-400 ± 140)", "",
    ]  # fmt: skip


def test_a_v_of_the_stacks_has_its_error_beside_it(results):
    text = (results / "tables.html").read_text()
    for aperture, error in {"integrated": "0.15", "A": "0.16", "B": "0.2", "C": "0.2"}.items():
        assert f"<td>its error, {aperture} (mag)</td><td>{error}</td>" in text


def stacked_lines(hbeta_noise):
    """Return a stack with an H-beta of 1 whose flux differs much from galaxy to galaxy."""
    fluxes = QTable({"line": ["hbeta", "halpha"], "flux": [1.0, 3.5], "flux_err": [0.6, 2.0],
                     "flux_err_noise": [hbeta_noise, 0.05]})  # fmt: skip
    a_v = QTable({"a_v": [0.5], "a_v_err_low": [0.4], "a_v_err_high": [0.6]})
    return StackedLines(fits={}, fluxes=fluxes, attenuation=a_v, abundances=QTable())


def test_a_v_of_a_stack_is_left_out_where_hbeta_is_below_4_sigma_of_the_noise():
    assert detected_a_v(stacked_lines(hbeta_noise=0.2)) == pytest.approx((0.5, 0.5))
    assert np.isnan(detected_a_v(stacked_lines(hbeta_noise=0.3))).all()


def test_gradients_beyond_the_edge_of_a_panel_are_marked_and_counted():
    axes = Figure().subplots()
    axes.set(xlim=(-0.2, 0.2), ylim=(-0.2, 0.2))
    draw_twin(axes, np.array([0.0, 0.1, 0.72, np.nan]), np.array([0.0, -0.5, 0.1, 0.9]))
    marked = {line.get_marker(): line.get_xydata().tolist() for line in axes.lines
              if not line.get_clip_on()}  # fmt: skip
    assert marked == {">": [[0.2, 0.1]], "v": [[0.1, -0.2]]}
    assert "2 beyond the edge" in axes.get_legend_handles_labels()[1]


def test_where_no_limits_are_set_nothing_is_beyond_them():
    axes = Figure().subplots()
    draw_twin(axes, np.array([0.0, 0.72]), np.array([0.0, 5.0]))
    assert axes.get_legend_handles_labels()[1] == ["twin"]


def test_table_a1_has_the_redshifts_of_the_survey_measured_again(results):
    table = QTable.read(results / "table-a1.ecsv")
    assert table["redshift"] == pytest.approx(table["redshift_survey"], abs=2e-4)
    assert table["name"][0] == "J03321500-27530237"


def test_the_page_holds_both_tables(results):
    text = (results / "tables.html").read_text()
    assert text.count("<table>") == 3
    assert "J03321500-27530237" in text


@pytest.mark.parametrize(
    ("options", "told"),
    [(["--published", "nowhere"], "reference/output"), (["--intrinsic", "wild"], "wild"),
     (["--workers", "0"], "--workers"), (["--seed", "-1"], "--seed")],
)  # fmt: skip
def test_bad_options_are_told_in_one_line(tmp_path, capsys, options, told):
    assert execute(["survey", *options, "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.real_data
def test_public_tables_give_the_published_numbers_of_galaxies(shared_data):
    points = PublishedPoints(shared_data)
    number = {name: np.isfinite(value).sum() for name, (value, _) in points.abundances.items()}
    assert (number["n2"], number["r23"], number["n2o2"]) == (36, 4, 12)
    wide, gillman = points.gradients("0.8"), points.gradients("gillman")
    own = points.table_1.gradient["n2"]
    assert np.isfinite(own + wide).sum() == 20
    assert np.isfinite(own + gillman).sum() == 16
