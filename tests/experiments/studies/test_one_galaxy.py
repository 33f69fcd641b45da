"""The figure of one galaxy that opens the documentation."""

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.testing import assert_allclose

pytest.importorskip("bokeh", reason="the demo needs panel: pip install '.[demo]'")

from experiments.runs.style import figure_style
from experiments.studies.one_galaxy import GALAXY, main, one_galaxy_figure


@pytest.fixture(scope="module")
def panels():
    """Return the axes of the maps, without their colour bar, and those of the profile."""
    with figure_style():
        left, right = one_galaxy_figure().subfigs
    return left.axes[:3], right.axes[0]


def truth_line(profile):
    (line,) = [line for line in profile.lines if str(line.get_label()).startswith("truth")]
    return line


def test_the_command_writes_an_image(tmp_path):
    main([str(tmp_path)])
    assert [item.name for item in tmp_path.iterdir()] == ["one-galaxy.png"]
    assert np.ptp(imread(tmp_path / "one-galaxy.png")[..., 0]) > 0.9


def test_the_line_of_the_truth_has_the_gradient_that_its_label_says(panels):
    _, profile = panels
    truth = truth_line(profile)
    assert truth.get_label() == "truth: \N{MINUS SIGN}0.050 dex/kpc"
    assert np.polyfit(*truth.get_data(), 1)[0] == pytest.approx(GALAXY.gradient) == -0.05


def test_the_map_before_the_seeing_has_the_true_abundance(panels):
    """By the survey's N2, in the spaxels 0.05 arcsec off the major axis; 8.70 kpc/arcsec."""
    maps, profile = panels
    west_arcsec = 0.1 * np.arange(0.5, 14.0)
    minor_arcsec = 0.05 / np.cos(np.radians(GALAXY.inclination_deg))
    radius_kpc = 8.70 * np.hypot(west_arcsec, minor_arcsec)
    found = 8.98 + 0.63 * maps[0].images[0].get_array()[14, 14:]
    inside = radius_kpc < profile.get_xlim()[1]
    expected = np.interp(radius_kpc, *truth_line(profile).get_data())
    assert_allclose(found[inside], expected[inside], atol=0.004)


def test_seeing_takes_contrast_from_the_ratio(panels):
    maps, _ = panels
    before, behind = (axes.images[0].get_array() for axes in maps[:2])
    assert before.min() < behind.min()
    assert behind.max() < before.max()
