"""Curves of diagnostic diagrams at points worked out by hand, and against each other."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kurvs_pipeline.gas.classes import (
    JUNEAU14_LOWER,
    JUNEAU14_UPPER,
    KAUFFMANN03,
    KEWLEY01,
    kewley13,
)

CURVES = {"Kauffmann": KAUFFMANN03, "Kewley": KEWLEY01, "Kewley at 1.5": kewley13(1.5),
          "Juneau lower": JUNEAU14_LOWER, "Juneau upper": JUNEAU14_UPPER}  # fmt: skip


@pytest.mark.parametrize(
    ("curve", "abscissa", "ordinate"),
    [(KAUFFMANN03, -0.56, 0.3), (KAUFFMANN03, -0.255, -0.7), (KEWLEY01, -0.14, 0.19),
     (KEWLEY01, -0.75, 0.69), (kewley13(0.0), -0.59, 0.2), (kewley13(2.0), -0.2234, 0.26),
     (JUNEAU14_LOWER, 9.5, 0.765), (JUNEAU14_UPPER, 9.75, 0.64), (JUNEAU14_UPPER, 11.0, -0.281),
     (JUNEAU14_LOWER, 11.0, -0.480)],
)  # fmt: skip
def test_points_on_each_side_of_the_published_curves(curve, abscissa, ordinate):
    assert curve.beyond(abscissa, ordinate + 0.005)
    assert not curve.beyond(abscissa, ordinate - 0.005)


@pytest.mark.parametrize(("curve", "asymptote"), [(KAUFFMANN03, 0.05), (KEWLEY01, 0.47),
                                                  (kewley13(1.5), 0.29495)])  # fmt: skip
def test_beyond_the_asymptote_everything_is_active(curve, asymptote):
    """However faint [O III] is; left of it, not without [O III]."""
    assert curve.beyond(asymptote + 1e-6, -np.inf)
    assert not curve.beyond(asymptote - 1e-6, -np.inf)


@pytest.mark.parametrize("name", CURVES)
@given(x=st.floats(-2.0, 0.6), y=st.floats(-1.5, 1.5), dx=st.floats(0.0, 1.0),
       dy=st.floats(0.0, 1.0))  # fmt: skip
def test_what_is_beyond_stays_so_above_and_to_the_right(name, x, y, dx, dy):
    """On which the treatment of limits rests."""
    at = x + 10.0 if name.startswith("Juneau") else x
    if CURVES[name].beyond(at, y):
        assert CURVES[name].beyond(at + dx, y + dy)


def test_what_is_not_known_is_beyond_nothing():
    for curve in CURVES.values():
        assert not curve.beyond(np.nan, 1.0)
        assert not curve.beyond(10.0, np.nan)


def test_curves_of_redshift_run_from_the_local_one_to_the_extreme_one():
    """Kewley et al. (2013): near Kauffmann's at z = 0, Kewley's of 2001 at 2.5."""
    x = np.linspace(-1.2, -0.4, 9)
    early, late = kewley13(0.0).curve(x), kewley13(2.44).curve(x)
    assert early == pytest.approx(KAUFFMANN03.curve(x), abs=0.25)
    assert late == pytest.approx(KEWLEY01.curve(x), abs=0.1)
    assert (late > early).all()


def test_curves_take_a_redshift_for_each_galaxy():
    assert list(kewley13([0.0, 3.0]).beyond([-0.5, -0.5], [0.3, 0.3])) == [True, False]


@pytest.mark.parametrize(("curve", "joint"), [(JUNEAU14_LOWER, 9.6), (JUNEAU14_UPPER, 10.0)])
def test_the_parts_of_the_curves_of_mass_meet(curve, joint):
    either = curve.curve(np.array([joint, joint + 1e-9]))
    assert either[0] == pytest.approx(either[1], abs=0.02)


@pytest.mark.real_data
def test_star_forming_galaxies_at_high_redshift_are_star_forming(shared_data):
    """35 galaxies of Shapley et al. (2024): below the curve of z = 1.5, many beyond the local."""
    with (shared_data / "reference/literature/ShapleyBPT.csv").open() as table:
        x, y = np.array([(float(r["x"]), float(r["y"])) for r in csv.DictReader(table)]).T
    assert not kewley13(1.5).beyond(x, y).any()
    assert not KEWLEY01.beyond(x, y).any()
    assert kewley13(0.0).beyond(x, y).mean() > 0.3
