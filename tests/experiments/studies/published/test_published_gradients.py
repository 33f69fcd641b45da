"""The annuli of Fig. 6: read from its vectors, turned back into Table 1, and measured anew."""

from collections import Counter

import numpy as np
import pytest
from paths import DOCS, SHARED

from experiments.beam_smearing.f_grad import GillmanCurves
from experiments.studies.published.annular_dust import (
    of_dust_alone,
    published_with_a_v,
)
from experiments.studies.published.figure_6 import FIGURE, main, read_figure
from experiments.studies.published.gradients import (
    Normal,
    factor_table,
    published_galaxies,
    sample_abundance,
)
from experiments.studies.published.gradients_check import mock
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.tables import read_table
from kurvs_sim.survey.annuli import annular_abundances
from kurvs_sim.survey.catalogue import kurvs_catalogue


class NoNoise:
    """Stands for a random generator whose draws are all 0."""

    def standard_normal(self, size):
        return np.zeros(size)


@pytest.fixture(scope="module")
def galaxies():
    return {galaxy.entry.kurvs_id: galaxy for galaxy in published_galaxies()}


def test_the_figure_shows_as_many_gradients_as_table_1():
    measured = Counter(
        (one.kurvs_id, one.diagnostic) for one in annular_abundances() if one.limit == ""
    )
    drawn = Counter(diagnostic for (_, diagnostic), number in measured.items() if number > 1)
    listed = Counter(name for entry in kurvs_catalogue().values() for name, _, _ in entry.gradients)
    assert drawn == listed == {"n2": 34, "n2o2": 8, "r23": 1}


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the survey's figures in ../shared/authors")
def test_the_table_holds_the_points_of_the_figure(tmp_path):
    pytest.importorskip("pypdf")
    assert repr(read_figure(SHARED / FIGURE)) == repr(annular_abundances())
    main(tmp_path / "annuli.csv", shared=SHARED)
    assert (tmp_path / "annuli.csv").read_text(encoding="utf-8").count("\n") == 200


def test_a_figure_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CubeFormatError, match=r"gone\.pdf: no such file"):
        read_figure(tmp_path / "gone.pdf")


def test_the_integrated_abundances_of_the_figure_are_on_the_scale_of_marino13(galaxies):
    """KURVS 1 has 8.42 by Marino et al. and 8.54 by Bian et al. in the survey's tables."""
    assert galaxies[1].annuli[0].abundance == pytest.approx(8.42, abs=0.01)
    assert galaxies[1].abundance[0] == pytest.approx(8.54, abs=0.01)


def test_error_bars_without_the_calibrations_are_the_errors_of_table_1(galaxies):
    """Of all galaxies whose factor is known to better than rounding."""
    ratios = []
    for galaxy in galaxies.values():
        gradient, error = galaxy.published
        if abs(gradient) > 0.005:
            factor = gradient / galaxy.unweighted.gradient
            ratios.append(factor * galaxy.error_of(galaxy.unweighted) / error)
    assert len(ratios) == 31
    assert np.median(ratios) == pytest.approx(1.0, abs=0.03)
    assert np.std(ratios) < 0.08


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the curves in ../shared/reference")
def test_table_1_was_corrected_by_the_curves_with_cos_i_for_cos2_i():
    curves = GillmanCurves.read(SHARED / "reference" / "gillman21")
    table = factor_table(published_galaxies(), curves)
    known = table[(table["factor_high"] - table["factor_low"]) < 0.2 * table["factor"]]
    off = {name: np.log(known["factor"] / known[name]) for name in ("curves_cos", "curves_cos2")}
    assert len(known) == 31
    assert np.median(off["curves_cos"]) == pytest.approx(0.0, abs=0.04)
    assert np.std(off["curves_cos"]) < 0.07
    assert np.std(off["curves_cos2"]) > 0.1


def test_a_flat_galaxy_is_tabulated_flat_whatever_the_seeing(galaxies):
    flat = mock(galaxies[44], 0.0, 8.6, 1.0, NoNoise())
    assert flat.abundance == pytest.approx(8.6, abs=1e-3)
    assert flat.weighted.gradient == pytest.approx(0.0, abs=1e-4)


def test_seeing_flattens_a_gradient_and_the_forward_fit_finds_it(galaxies):
    steep = mock(galaxies[36], -0.04, 8.6, 1.0, NoNoise())
    assert -0.04 < steep.weighted.gradient < -0.02
    found = steep.forward(Normal(8.6, 0.1), np.random.default_rng(1)).flat
    assert found.gradient[0] == pytest.approx(-0.04, abs=0.5 * found.error[0])


def test_what_falls_below_4_sigma_becomes_a_limit(galaxies):
    faint = mock(galaxies[2], 0.0, 7.5, 1.0, NoNoise())
    assert [one.limit for one in faint.annuli] == ["upper", "upper", "upper"]
    assert np.isnan(faint.weighted.gradient)


def test_the_sample_has_the_abundances_of_its_integrated_spectra(galaxies):
    """The survey's median by N2 is 8.59 (its tables), its scatter 0.15."""
    mean, scatter = sample_abundance(tuple(galaxies.values()))
    assert mean == pytest.approx(8.6, abs=0.06)
    assert 0.08 < scatter < 0.2


def test_a_v_taken_as_e_b_v_makes_gradients_by_n2o2_of_dust_alone():
    """By hand for 12 + log(O/H) = 8.6: Battisti k, K19 with log U = -2.5."""
    table = of_dust_alone()
    assert np.all(table["three_annuli"].value > 0.01)
    assert table["three_annuli"][0].value == pytest.approx(0.061, abs=0.002)
    assert np.all(np.diff(table["three_annuli"].value) < 0.0)


def test_the_published_gradients_by_n2o2_fall_if_a_v_is_a_v():
    table = published_with_a_v()
    assert len(table) == 8
    fallen = table["slope_a_v"] < table["slope"]
    assert fallen.sum() == 7


def test_committed_tables_are_those_of_the_code(galaxies):
    table = read_table(DOCS / "published-gradients.ecsv")
    assert [int(number) for number in table["kurvs_id"]] == list(galaxies)
    for row in table:
        slope = galaxies[int(row["kurvs_id"])].weighted.gradient
        assert float(row["slope"]) == pytest.approx(slope, rel=1e-6, nan_ok=True)


def test_the_calibrations_of_both_tables_differ_by_a_third():
    ratio = DIAGNOSTICS["n2"].abundance_per_log_ratio()
    assert ratio / DIAGNOSTICS["n2_marino13"].abundance_per_log_ratio() == pytest.approx(
        0.63 / 0.462
    )
