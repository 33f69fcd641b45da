"""Annuli are where the name of their scheme says."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import ConfigurationError, MetadataError
from kurvs_pipeline.pipeline import Pipeline
from kurvs_sim import Galaxy, observe


def edges_of(text, effective_radius_arcsec=0.4):
    annuli = BinningScheme.parse(text).annuli(effective_radius_arcsec)
    return [annuli[0].inner_arcsec, *(annulus.outer_arcsec for annulus in annuli)]


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        ("3x0.5", [0.0, 0.5, 1.0, 1.5]),
        ("2x0.8", [0.0, 0.8, 1.6]),
        ("6x0.25", [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5]),
        ("0-0.4-1.2", [0.0, 0.4, 1.2]),
        ("0.2-0.6", [0.2, 0.6]),
        ("3x1re", [0.0, 0.4, 0.8, 1.2]),
        ("0-0.5-2Re", [0.0, 0.2, 0.8]),
    ],
)
def test_a_scheme_is_read_as_it_is_written(text, edges):
    assert edges_of(text) == pytest.approx(edges)


def test_the_default_is_that_of_the_survey():
    assert BinningScheme() == BinningScheme.parse("3x0.5")


@given(number=st.integers(1, 26), width=st.floats(0.01, 5.0))
def test_annuli_are_adjacent_and_named_by_letters(number, width):
    annuli = BinningScheme.uniform(number, width).annuli(float("nan"))
    assert "".join(annulus.name for annulus in annuli) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:number]
    for inner, outer in itertools.pairwise(annuli):
        assert inner.outer_arcsec == outer.inner_arcsec


@pytest.mark.parametrize(
    "text", ["", "3", "0x0.5", "3x0", "x0.5", "3x-1", "99x0.1", "3 by 0.5", "3x0.5kpc", "0--1"]
)
def test_a_scheme_that_is_not_number_x_width_is_refused(text):
    with pytest.raises(ConfigurationError, match="expected NUMBERxWIDTH"):
        BinningScheme.parse(text)


@pytest.mark.parametrize("text", ["0-1-0.5", "0.5-0.5", "1-0"])
def test_edges_that_do_not_increase_are_refused(text):
    with pytest.raises(ConfigurationError, match="increasing numbers"):
        BinningScheme.parse(text)


def test_annuli_in_effective_radii_need_the_effective_radius():
    with pytest.raises(MetadataError, match="--effective-radius"):
        BinningScheme.parse("3x0.5re").annuli(float("nan"))


def test_a_galaxy_is_measured_in_annuli_of_its_own_size():
    mock = observe(Galaxy(effective_radius_arcsec=0.6), bands=("H",), seed=1)
    measured = Pipeline(BinningScheme.parse("0-0.5-1-2re")).run(mock)
    edges = [annulus.outer_arcsec for annulus in measured.annuli]
    assert edges == pytest.approx([0.3, 0.6, 1.2])
