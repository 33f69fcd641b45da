"""The attenuation of the gas from that of the stars."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kurvs_pipeline.dust import gas_a_v_of_stellar
from kurvs_pipeline.errors import ConfigurationError


@pytest.mark.parametrize(
    ("stellar", "gas"), [(0.0, 0.0), (0.5, 0.9125), (1.0, 1.75), (2.0, 3.2), (4.0, 5.2)]
)
def test_it_has_its_published_values(stellar, gas):
    """A (1.9 - 0.15 A): the gas is nearly twice as dusty, less so in dustier galaxies."""
    assert float(gas_a_v_of_stellar(stellar)) == pytest.approx(gas)


@given(st.floats(0.0, 20.0), st.floats(0.0, 5.0))
def test_dustier_stars_never_have_clearer_gas(stellar, more):
    assert gas_a_v_of_stellar(stellar + more) >= gas_a_v_of_stellar(stellar)


def test_arrays_keep_what_is_unknown():
    found = gas_a_v_of_stellar([0.5, np.nan])
    assert found[0] == pytest.approx(0.9125)
    assert np.isnan(found[1])


def test_negative_attenuation_is_refused():
    with pytest.raises(ConfigurationError, match=r"found -0\.1"):
        gas_a_v_of_stellar([0.3, -0.1])


@pytest.mark.real_data
def test_it_is_a_magnitude_above_the_survey_s_stack(shared_data):
    """Li et al. (2025), Fig. 3: at the mean attenuation of the stars the stack has 0.38."""
    stars = []
    for field in ("cdfs", "cosmos"):
        with (shared_data / f"reference/output/{field}_av.csv").open() as table:
            stars.extend(float(row["Av_star"]) for row in csv.DictReader(table))
    assert len(stars) > 40
    above = float(gas_a_v_of_stellar(np.mean(stars))) - 0.38
    assert above == pytest.approx(1.2, abs=0.3)
