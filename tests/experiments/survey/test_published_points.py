"""Published points of the survey's public repository, in either layout of its tables."""

import numpy as np
import pytest

from experiments.studies.published.mass_metallicity import relation_table, sample
from experiments.survey.integrated_figures import on_calibration
from experiments.survey.points import PublishedPoints
from kurvs_pipeline.errors import ConfigurationError


@pytest.fixture
def repository(shared_data):
    return PublishedPoints(shared_data / "authors")


def test_the_public_repository_has_all_that_figures_draw(repository):
    assert repository.missing == ()
    counts = {name: np.isfinite(v).sum() for name, (v, _) in repository.abundances.items()}
    assert counts == {"n2": 36, "n2s2": 17, "o3n2": 6, "r23": 4, "n2o2": 12}


def test_both_layouts_hold_the_same_points(repository, shared_data):
    other = PublishedPoints(shared_data)
    for name, pair in other.abundances.items():
        np.testing.assert_array_equal(pair, repository.abundances[name])
    for mine, theirs in zip(repository.line_ratios, other.line_ratios, strict=True):
        np.testing.assert_allclose(mine, theirs)
    np.testing.assert_array_equal(repository.gradients("0.8"), other.gradients("0.8"))


def test_what_a_folder_lacks_is_named(tmp_path):
    (tmp_path / "output").mkdir()
    points = PublishedPoints(tmp_path)
    assert "integrated abundances" in points.missing
    assert points.abundances == {}
    assert points.line_ratios is None


def test_a_folder_with_nothing_is_refused_with_what_to_give(tmp_path):
    with pytest.raises(ConfigurationError, match=r"clone .* zidianjun/kurvs|zidianjun/kurvs"):
        PublishedPoints(tmp_path)


def test_points_on_the_scale_of_marino13_are_converted():
    """N2 = -0.5: 8.743 - 0.231 by Marino et al. (2013), 8.98 - 0.315 by the survey."""
    converted = on_calibration(np.array([8.512]), "n2_marino13", "n2")
    assert converted == pytest.approx([8.665], abs=1e-3)
    assert on_calibration(np.array([-0.5]), None, "n2") == pytest.approx([8.665])


def test_wuyts12_is_on_the_scale_of_maiolino08(repository):
    """Its figure draws the first two points at 8.228 and 8.369 on the scale of Marino et al."""
    _, value = repository.literature("WuytsMZR")
    drawn = on_calibration(value[:2], "n2_maiolino08", "n2_marino13")
    assert drawn == pytest.approx([8.228, 8.369], abs=0.003)


def test_the_published_turnover_mass_is_the_bound_of_its_fit(repository):
    table = relation_table(*sample(repository))
    rows = {row["fit"]: row for row in table}
    bounded, published = rows["bounded, draws"], rows["published"]
    for name, rounding in (("asymptote", 0.01), ("log_turnover_mass", 0.01), ("slope", 0.01)):
        assert bounded[name] == pytest.approx(published[name], abs=rounding)
    assert bounded["at_the_bound"] > 0.5
    free = rows["unbounded, points"]
    assert [free[name] for name in ("asymptote", "log_turnover_mass", "slope")] == pytest.approx(
        [8.86, 10.04, 0.54], abs=0.01
    )
