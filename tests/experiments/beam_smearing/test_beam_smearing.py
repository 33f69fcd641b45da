"""The published correction beside ours."""

import numpy as np
import pytest

from experiments.beam_smearing.f_grad import (
    GillmanCurves,
    axis_ratio_of_cos,
    axis_ratio_of_cos2,
    curve_table,
    population_table,
    spaxel_gradient,
    survey_table,
)


@pytest.fixture
def curves(shared_data):
    return GillmanCurves.read(shared_data / "reference" / "gillman21")


def test_the_two_axis_ratios_agree_face_on_and_edge_on():
    for inclination, expected in ((0.0, 1.0), (90.0, 0.2)):
        assert axis_ratio_of_cos2(inclination) == pytest.approx(expected)
        assert axis_ratio_of_cos(inclination) == pytest.approx(expected)
    assert axis_ratio_of_cos(60.0) > axis_ratio_of_cos2(60.0)


def test_without_the_curves_the_table_holds_what_is_computed_here():
    table = survey_table(None)
    assert table["median"][0] == 1.9
    assert len(table) == 5
    by_name = {str(row["definition"]): row["median"] for row in table}
    assert by_name["gradient -0.10"] > by_name["gradient -0.02"] > by_name["gradient +0.10"]


@pytest.mark.real_data
def test_cos_for_cos2_gives_the_published_median_and_not_its_percentile(curves):
    table = survey_table(curves)
    row = table[table["definition"] == "curves, cos i"][0]
    assert row["median"] == pytest.approx(1.9, abs=0.1)
    assert row["percentile_84"] > 4.0


@pytest.mark.real_data
def test_the_published_gradients_have_the_mean_and_scatter_of_a_normal_population(curves):
    published = population_table(curves)[0]
    assert published["mean"] == pytest.approx(0.008, abs=0.001)
    assert published["scatter"] == pytest.approx(0.033, abs=0.002)
    assert published["mean_err"] == pytest.approx(0.0065, abs=0.0005)


@pytest.mark.real_data
def test_annuli_of_half_a_radius_come_within_a_quarter_of_the_curves(curves):
    table = curve_table(curves)
    rows = table[(table["scheme"] == "6x0.5re") & (table["axis_ratio"] > 0.25)]
    ratios = np.array([[row[name] for name in table.colnames[2:]] for row in rows])
    assert np.abs(ratios - 1.0).max() < 0.26


@pytest.mark.real_data
@pytest.mark.parametrize("axis_ratio", [0.5, 0.7, 0.9])
def test_spaxels_and_scale_lengths_reproduce_the_curves_of_round_disks(curves, axis_ratio):
    for at in (0.4, 0.8, 1.2, 1.8, 2.4):
        found = spaxel_gradient(axis_ratio, at, -0.08)
        assert found == pytest.approx(curves.observed_over_intrinsic(axis_ratio, at), rel=0.07)


def test_spaxels_of_a_sharp_disk_show_its_gradient():
    assert spaxel_gradient(0.6, 1e-6, -0.08) == pytest.approx(1.0, abs=1e-6)
