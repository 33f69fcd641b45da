"""Noise is measured as it is, and carried into sums of spaxels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import uniform_filter

from kurvs_pipeline.robust import masked_median
from kurvs_pipeline.spectra.noise import (
    OBSERVED_LINE_SIGMA_KMS,
    SpatialCorrelation,
    empirical_sigma,
    measure_correlation,
    noise_scale,
)

LINE_SIGMA_CHANNELS = 2.0


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def correlation_of(noise, *, reach):
    """Measure on a cube of which every voxel is valid."""
    return measure_correlation(noise, np.ones(noise.shape, dtype=bool), reach=reach,
                               line_sigma_channels=LINE_SIGMA_CHANNELS)  # fmt: skip


def test_independent_noise_has_no_correlation(rng):
    noise = rng.standard_normal((1000, 20, 20))
    correlation = measure_correlation(
        noise, np.ones(noise.shape, dtype=bool), reach=2, line_sigma_channels=2.0
    )
    assert abs(correlation.common) < 1e-3
    assert np.max(np.abs(correlation.values), initial=0.0) < 0.01


def test_a_box_of_two_spaxels_correlates_neighbours_by_half(rng):
    noise = rng.standard_normal((1000, 20, 21))
    paired = (noise[..., 1:] + noise[..., :-1]) / np.sqrt(2.0)
    correlation = measure_correlation(
        paired, np.ones(paired.shape, dtype=bool), reach=2, line_sigma_channels=2.0
    )
    found = dict(zip(correlation.lags, correlation.values, strict=True))
    assert found[0, 1] == pytest.approx(0.5, abs=0.01)
    assert found.get((1, 0), 0.0) == pytest.approx(0.0, abs=0.01)


def test_a_sky_residual_is_common_to_the_field(rng):
    noise = rng.standard_normal((4000, 12, 12)) + 0.5 * rng.standard_normal((4000, 1, 1))
    correlation = measure_correlation(
        noise, np.ones(noise.shape, dtype=bool), reach=1, line_sigma_channels=2.0
    )
    assert correlation.common == pytest.approx(0.25 / 1.25, abs=0.02)


def test_the_variance_of_a_sum_of_correlated_spaxels_is_that_of_many_draws(rng):
    noise = uniform_filter(rng.standard_normal((6000, 24, 24)), (0, 3, 3), mode="wrap")
    noise += 0.1 * rng.standard_normal((6000, 1, 1))
    noise /= noise.std()
    correlation = measure_correlation(
        noise, np.ones(noise.shape, dtype=bool), reach=2, line_sigma_channels=2.0
    )
    weights = np.zeros((24, 24))
    weights[4:15, 6:18] = rng.uniform(0.2, 1.0, (11, 12))
    drawn = np.einsum("yx,kyx->k", weights, noise).std()
    assert np.sqrt(correlation.coadded_variance(weights)) == pytest.approx(drawn, rel=0.04)


def test_several_sums_at_once_have_the_variances_of_all_their_pairs(rng):
    correlation = SpatialCorrelation(0.9, 0.1, ((0, 1), (1, 0)), (0.3, 0.2))
    weights, sigma = rng.uniform(size=(2, 5, 6)), rng.uniform(0.5, 2.0, (3, 5, 6))
    y, x = np.divmod(np.arange(30), 6)
    dy, dx = np.abs(y[:, None] - y), np.abs(x[:, None] - x)
    # Of the variance, "own" is on the diagonal, "common" between all that differ.
    shared = np.where((dy == 0) & (dx == 0), 0.9 + 0.1, 0.1)
    shared += 0.3 * ((dy == 0) & (dx == 1)) + 0.2 * ((dy == 1) & (dx == 0))
    expected = [
        [(w * s).ravel() @ shared @ (w * s).ravel() for s in sigma] for w in weights
    ]  # fmt: skip
    assert correlation.coadded_variances(weights, sigma) == pytest.approx(np.array(expected))


def test_uncorrelated_variances_add():
    sigma = np.full((5, 5), 2.0)
    assert SpatialCorrelation().coadded_variance(sigma) == pytest.approx(25 * 4.0)


def test_noise_that_is_understated_is_scaled_up(rng):
    residual = 1.13 * rng.standard_normal((200, 10, 10))
    everywhere = np.ones(residual.shape, dtype=bool)
    assert noise_scale(residual, np.ones(residual.shape), everywhere) == pytest.approx(
        1.13, abs=0.02
    )


def test_noise_is_found_where_none_is_stated(rng):
    channel = np.linspace(1.0, 3.0, 300)[:, None, None]
    spaxel = np.linspace(1.0, 2.0, 20)[None, None, :] * np.ones((1, 20, 1))
    true = channel * spaxel
    residual = true * rng.standard_normal(true.shape)
    off_source = np.ones((20, 20), dtype=bool)
    found = empirical_sigma(residual, np.ones(true.shape, dtype=bool), off_source)
    assert np.median(found / true) == pytest.approx(1.0, abs=0.03)
    assert np.std(found / true) < 0.12


@given(arrays(float, (7, 4), elements=st.floats(-1e3, 1e3)), arrays(bool, (7, 4)))
def test_the_masked_median_is_numpys_where_there_is_data(values, valid):
    found = masked_median(values, valid, axis=0)
    for column in range(4):
        inside = values[valid[:, column], column]
        expected = np.median(inside) if inside.size else np.nan
        np.testing.assert_allclose(found[column], expected)


def matched_filter_sums(noise, shift, sigma_channels):
    """Align spaxels by whole channels, add them up, and weigh them as a line's fit does."""
    aligned = sum(np.roll(noise[:, y, x], -shift[y, x]) for y, x in np.ndindex(noise.shape[1:]))
    channel = np.arange(-30, 31)
    profile = np.exp(-0.5 * (channel / sigma_channels) ** 2)
    return np.convolve(aligned, profile, mode="valid") / np.sqrt(profile @ profile)


@pytest.mark.parametrize("kind", ["neighbours", "common"])
def test_rotation_loosens_what_spaxels_share(rng, kind):
    channel_kms = 35.0
    noise = rng.standard_normal((20000, 12, 12))
    if kind == "neighbours":
        noise = uniform_filter(noise, (0, 3, 3), mode="wrap")
    else:
        noise += 0.3 * rng.standard_normal((20000, 1, 1))
    noise /= noise.std()
    everywhere = np.ones(noise.shape, dtype=bool)
    correlation = measure_correlation(
        noise[:4000], everywhere[:4000], reach=2, line_sigma_channels=2.0
    )
    shift = np.rint(np.linspace(-4.0, 4.0, 12))[None, :].astype(int) * np.ones((12, 1), dtype=int)
    drawn = matched_filter_sums(noise, shift, OBSERVED_LINE_SIGMA_KMS / channel_kms).std()
    quoted = correlation.coadded_variance(np.ones((12, 12)), velocity_kms=shift * channel_kms)
    at_rest = correlation.coadded_variance(np.ones((12, 12)))
    assert np.sqrt(quoted) == pytest.approx(drawn, rel=0.05)
    assert np.sqrt(at_rest) > 1.05 * drawn


def test_an_aperture_smaller_than_the_reach_of_the_correlation_is_no_obstacle():
    correlation = SpatialCorrelation(
        1.0, 0.0, ((0, 1), (1, -4), (0, 4), (4, 0)), (0.5, 0.2, 0.2, 0.2)
    )
    # Two rows of two: each has one neighbour at (0, 1).
    assert correlation.coadded_variance(np.ones((2, 2))) == pytest.approx(4.0 + 2 * 2 * 0.5)


def test_channels_that_share_noise_widen_the_error_of_a_line(rng):
    noise = rng.standard_normal((20003, 8, 8))
    noise = 0.9 * noise[1:-2] + 0.3 * noise[2:-1] + 0.1 * noise[3:]
    noise += 0.3 * uniform_filter(rng.standard_normal((20000, 1, 1)), (3, 0, 0)) * np.sqrt(3.0)
    noise /= noise.std()
    correlation = correlation_of(noise, reach=1)
    for weights in (np.eye(8)[:1].T @ np.eye(8)[:1], np.ones((8, 8))):
        spectrum = np.einsum("yx,kyx->k", weights, noise)[:, None, None]
        drawn = matched_filter_sums(spectrum, np.zeros((1, 1), dtype=int), 2.0).std()
        assert np.sqrt(correlation.coadded_variance(weights)) == pytest.approx(drawn, rel=0.05)


def test_a_cube_of_few_channels_has_a_correlation(rng):
    correlation = correlation_of(rng.standard_normal((2, 20, 20)), reach=1)
    assert np.isfinite(correlation.coadded_variance(np.ones((20, 20))))
