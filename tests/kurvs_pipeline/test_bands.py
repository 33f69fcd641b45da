"""Bands, and parts of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kurvs_pipeline.bands import KMOS_BANDS, band_of
from kurvs_pipeline.errors import CoverageError
from kurvs_sim.atmosphere.airglow import sky_photon_rate, transmission

H = KMOS_BANDS["H"]

bands = st.sampled_from(list(KMOS_BANDS.values()))
ends = st.tuples(st.integers(0, 2047), st.integers(0, 2047)).map(sorted)


def part_of(band, ends):
    return band.between(*band.wavelength_um[ends])


@given(bands, ends)
def test_a_part_has_the_very_wavelengths_of_the_whole(band, ends):
    part = part_of(band, ends)
    expected = band.wavelength_um[ends[0] : ends[1] + 1]
    np.testing.assert_array_equal(part.wavelength_um, expected)
    np.testing.assert_array_equal(part.whole.wavelength_um[part.channels], expected)
    assert part.whole == band


@given(bands, ends, st.data())
def test_a_part_of_a_part_is_a_part_of_the_whole(band, ends, data):
    inner = sorted(data.draw(st.tuples(*[st.integers(*ends)] * 2)))
    first, last = band.wavelength_um[inner]
    assert part_of(band, ends).between(first, last) == part_of(band, inner)


@given(bands, ends)
def test_the_sky_of_a_part_is_that_of_the_whole(band, ends):
    part = part_of(band, ends)
    for spectrum in (sky_photon_rate, transmission):
        np.testing.assert_array_equal(spectrum(part), spectrum(band)[part.channels])


@given(bands, ends.filter(lambda ends: ends[1] > ends[0]))
def test_a_part_is_recognised_by_its_channels(band, ends):
    assert band_of(part_of(band, ends).wavelength_um) == band


@pytest.mark.parametrize("range_um", [(1.0, 1.2), (2.0, 2.1), (1.60001, 1.60002), (1.7, 1.6)])
def test_a_part_without_channels_is_refused(range_um):
    with pytest.raises(
        CoverageError, match=r"H has no channel between .* within 1\.425 to 1\.8667"
    ):
        H.between(*range_um)
