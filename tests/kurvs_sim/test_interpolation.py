"""Straight lines between samples."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kurvs_sim.interpolation import StraightLines

SAMPLES = 7.0 * np.linspace(0.0, 1.0, 50) ** 2

functions = arrays(float, SAMPLES.size, elements=st.floats(-1e3, 1e3))
places = arrays(float, (4, 3), elements=st.floats(0.0, 7.0))


@given(functions, places)
def test_they_are_those_of_numpy(values, places):
    found = StraightLines(SAMPLES, places)(values)
    np.testing.assert_allclose(found, np.interp(places, SAMPLES, values), rtol=1e-12, atol=1e-11)


@given(functions)
def test_they_pass_through_the_samples(values):
    np.testing.assert_allclose(
        StraightLines(SAMPLES, SAMPLES)(values), values, rtol=1e-12, atol=1e-10
    )
