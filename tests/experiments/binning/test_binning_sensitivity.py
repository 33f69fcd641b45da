"""``kurvs binning``: the same mocks in several binnings, and what undoes their agreement."""

import json

import numpy as np
import pytest
from astropy.table import QTable

from experiments.binning.agreement import (
    FIGURE_C1,
    PairedGradients,
    agreements,
    comparisons,
    paired,
)
from experiments.binning.sensitivity import BinningDesign, BinningTask, inside_field
from experiments.cli import execute
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.pipeline import Pipeline
from kurvs_sim import Galaxy, observe

N_MOCKS = 400


@pytest.fixture(scope="module")
def cube():
    """Return a galaxy that fills the field, seen in the band of H-alpha."""
    galaxy = Galaxy(effective_radius_arcsec=0.9, inclination_deg=30.0)
    return observe(galaxy, bands=("H",), within_kms_of_lines=3000.0)


def made_up(scatter, error, *, shared):
    """Return gradients by two binnings, of stated scatter and error in dex/kpc."""
    random = np.random.default_rng(5)
    truth = scatter * random.standard_normal(N_MOCKS)
    common = error * random.standard_normal(N_MOCKS)
    rows = []
    for scheme in ("3x0.5", "2x0.8"):
        own = common if shared else error * random.standard_normal(N_MOCKS)
        for diagnostic in ("n2", "n2o2"):
            rows += [
                {"scheme": scheme, "diagnostic": diagnostic, "estimator": "slope",
                 "gradient_true": t, "gradient": t + e, "gradient_err": error,
                 "gradient_per_dex": 0.2, "flag": "ok"}
                for t, e in zip(truth, own, strict=True)
            ]  # fmt: skip
    table = QTable(rows=rows)
    for name in ("gradient_true", "gradient", "gradient_err", "gradient_per_dex"):
        table[name] = table[name] * 1.0
        table[name].unit = "dex / kpc" if name != "gradient_per_dex" else "1 / kpc"
    return QTable(table)


def row(agreement, scheme="2x0.8"):
    return agreement[agreement["scheme"] == scheme][0]


def test_samples_are_as_large_as_those_published():
    found = agreements(made_up(0.04, 0.04, shared=False))
    assert found["sample_size"].tolist() == [21, 8]


def test_pairs_by_both_diagnostics_are_pooled_as_in_figure_c1():
    gradients = made_up(0.04, 0.04, shared=False)
    pooled = paired(gradients, "3x0.5", FIGURE_C1, "slope")
    for half, diagnostic in enumerate(("n2", "n2o2")):
        own = gradients[gradients["diagnostic"] == diagnostic]
        for side, scheme in enumerate(("3x0.5", "2x0.8")):
            np.testing.assert_array_equal(
                pooled.gradient[side, half * N_MOCKS : (half + 1) * N_MOCKS],
                own["gradient"][own["scheme"] == scheme].value,
            )


def test_nothing_is_published_against_other_annuli():
    assert [c.r for c in comparisons(("3x0.5", "3x0.6"))] == [0.10, 0.20]
    assert np.isnan([c.r for c in comparisons(("6x0.25", "3x0.6", "2x0.8"))]).all()


def test_unshared_error_dilutes_r_as_the_ratio_of_variances():
    found = row(agreements(made_up(0.04, 0.04, shared=False)))
    assert found["r_median"] == pytest.approx(0.5, abs=0.06)


def test_samples_without_correlation_scatter_as_they_should():
    pair = PairedGradients(
        *np.random.default_rng(2).standard_normal((3, 2, N_MOCKS)), np.zeros(N_MOCKS)
    )
    found = pair.correlation(pair.samples(np.random.default_rng(0), 34))
    assert found.std() == pytest.approx(1.0 / np.sqrt(33.0), rel=0.1)


def test_the_error_needed_is_that_of_theory():
    found = row(agreements(made_up(0.04, 0.0, shared=True)))
    # r of 0.21, a standard error of 21 pairs above 0, takes a variance of 0.04^2 (1 / 0.21 - 1).
    theory = 0.04 / 0.2 * np.sqrt(1.0 / 0.21 - 1.0)
    assert found["annulus_error_68"].value == pytest.approx(theory, rel=0.15)
    assert found["annulus_error_95"] < found["annulus_error_68"]


def test_gradients_that_do_not_correlate_need_no_error():
    assert row(agreements(made_up(0.0, 0.04, shared=False)))["annulus_error_95"] == 0.0


def test_a_binning_of_a_shared_measurement_is_that_of_the_pipeline(cube):
    pipeline = Pipeline()
    placed = inside_field(pipeline.locate(cube), BinningScheme())
    gradients = pipeline.gradients(pipeline.gas(pipeline.fit(placed)))
    np.testing.assert_array_equal(gradients["gradient"], pipeline.run(cube).gradients["gradient"])


def test_outer_annuli_that_leave_the_field_are_left_out(cube):
    placed = inside_field(Pipeline().locate(cube), BinningScheme.parse("3x1.2re"))
    assert placed.apertures.annuli.names == ("A", "B")


def test_a_mock_repeats_whatever_else_is_in_the_design():
    alone = BinningTask(BinningDesign(galaxies=(4,)), 4, 1)
    among = BinningDesign(realisations=7).tasks()
    same = next(task for task in among if (task.kurvs_id, task.realisation) == (4, 1))
    assert alone.seed_for(0) == same.seed_for(0) != same.seed_for(1)


@pytest.mark.parametrize("schemes", [("3x0.5",), ("3x0.5", "3x0.5"), ("3x0.5", "wide")])
def test_schemes_that_cannot_be_compared_are_refused(schemes):
    with pytest.raises(ConfigurationError, match="scheme"):
        BinningDesign(schemes=schemes)


def test_the_command_writes_tables_figure_and_record(tmp_path, monkeypatch):
    monkeypatch.setattr(BinningDesign, "tasks", lambda self: (BinningTask(self, 4, 0),))
    out = tmp_path / "out"
    arguments = ["binning", "--schemes", "3x0.5,2x0.8", "--workers", "1", "--quiet"]
    assert execute([*arguments, "--output", str(out)]) == 0
    gradients = QTable.read(out / "gradients.ecsv")
    assert set(gradients["scheme"]) == {"3x0.5", "2x0.8"}
    assert np.isfinite(gradients["gradient"][gradients["diagnostic"] == "n2"]).all()
    agreement = QTable.read(out / "binning.ecsv")
    assert agreement["r_published"].tolist()[:2] == [0.01, 0.01]
    assert (out / "binning.png").stat().st_size > 10_000
    assert json.loads((out / "run.json").read_text())["command"] == "binning"
