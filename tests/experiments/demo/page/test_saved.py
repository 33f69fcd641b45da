"""What is saved from the teaching demo."""

from dataclasses import replace
from io import BytesIO
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from astropy.table import QTable
from matplotlib.image import imread

pytest.importorskip("bokeh", reason="the demo needs panel: pip install '.[demo]'")

from experiments.demo.model.parameters import DemoParameters
from experiments.demo.model.state import demo_state
from experiments.demo.page.readout import readout_html
from experiments.demo.page.saved import figure_png, state_figure, table_text


@pytest.fixture(scope="module")
def state():
    return demo_state(DemoParameters())


def test_data_are_a_table_that_astropy_reads(state):
    table = QTable.read(table_text(state), format="ascii.ecsv")
    assert list(table["annulus"]) == ["A", "B", "C"]
    np.testing.assert_allclose(table["oxygen_abundance"].value, state.profiles.abundance)
    assert table.meta["parameters"]["seeing_fwhm_arcsec"] == 0.6
    assert table.meta["gradients_dex_per_kpc"]["forward"][1] == state.gradients.forward[1]


def test_the_figure_is_an_image_with_colours(state):
    image = imread(BytesIO(figure_png(state)))
    assert image.shape[1] > 1500
    assert np.ptp(image[..., 0]) > 0.9


def test_the_maps_of_the_figure_have_both_axes_labelled(state):
    maps, _ = state_figure(state).subfigs
    assert maps.get_supylabel() == "North (arcsec)"
    lowest = [axes for axes in maps.axes if axes.get_title().endswith("observed")]
    assert [axes.get_xlabel() for axes in lowest] == ["West (arcsec)"] * 3


def test_the_readout_tells_all_estimators(state):
    page = ET.fromstring(readout_html(state).replace("&nbsp;", ""))  # noqa: S314 - our own text
    told = [tile.text for tile in page.iter("b")]
    assert told[0] == "\N{MINUS SIGN}0.050"
    assert len(told) == 5
    assert "none" not in told


def test_the_readout_says_where_there_is_nothing():
    faint = demo_state(DemoParameters(halpha_snr=10.0, noise_seed=1))
    assert "fewer than 2 points" in readout_html(faint)
    assert "unconstrained" in readout_html(faint)


@pytest.mark.parametrize(
    ("error", "shown"), [(0.012, "± 0.012"), (0.0004, "± 0.0004"), (1e-7, "± <0.0001")]
)
def test_an_error_is_never_shown_as_nothing(state, error, shown):
    exact = replace(state.gradients, slope=(0.008 - error, 0.008, 0.008 + error))
    assert shown in readout_html(replace(state, gradients=exact))
