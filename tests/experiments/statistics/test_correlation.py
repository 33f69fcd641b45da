"""Pearson's r, of many samples at once."""

import numpy as np
import pytest
from scipy import stats

from experiments.statistics.correlation import pearson


def test_r_is_that_of_scipy_along_the_last_axis():
    first, second = np.random.default_rng(1).standard_normal((2, 3, 34))
    expected = [stats.pearsonr(a, b).statistic for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(pearson(first, second), expected)


def test_pairs_with_a_gap_do_not_count():
    first, second = np.random.default_rng(1).standard_normal((2, 9))
    first[2], second[5] = np.nan, np.inf
    kept = np.delete(first, [2, 5]), np.delete(second, [2, 5])
    assert pearson(first, second) == pytest.approx(stats.pearsonr(*kept).statistic)


def test_two_pairs_have_no_correlation():
    assert np.isnan(pearson(np.array([1.0, 2.0, np.nan]), np.array([1.0, 3.0, 4.0])))


@pytest.mark.parametrize(("value", "size"), [(1.0, 5), (0.1, 7), (-0.05, 21)])
def test_what_does_not_vary_has_no_correlation(value, size):
    """The mean of 7 times 0.1 is not 0.1."""
    constant, other = np.full(size, value), np.random.default_rng(1).standard_normal(size)
    assert np.isnan(pearson(constant, other))
    assert np.isnan(pearson(other, constant))


def test_gaps_do_not_make_a_constant_vary():
    constant = np.array([[0.1, 0.1, np.nan, 0.1, 7.0], [0.1, 0.2, 0.3, 0.4, np.nan]])
    other = np.array([1.0, 2.0, 3.0, 5.0, np.nan])
    r = pearson(constant, np.broadcast_to(other, constant.shape))
    assert np.isnan(r[0])
    assert r[1] > 0.9
