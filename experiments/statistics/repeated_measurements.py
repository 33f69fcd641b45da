"""Bias, scatter, coverage and ranks of repeated measurements of known truths.

Ranks of the truth among draws of the posterior are uniform if truths are drawn from the prior:
simulation-based calibration (Talts et al. 2018, arXiv:1804.06788).
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import kstest

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.robust import MAD_TO_SIGMA


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error.

    Parameters
    ----------
    value, error : float
        NaN where there was nothing to count.
    """

    value: float
    error: float


def coverage(truth: ArrayLike, low: ArrayLike, high: ArrayLike) -> Estimate:
    """Return how often intervals hold the truth, with the binomial error.

    Parameters
    ----------
    truth, low, high : array_like, shape (n,)
        Measurements without an interval (NaN) are left out.
    """
    true, below, above = (np.asarray(values, dtype=float) for values in (truth, low, high))
    known = np.isfinite(below) & np.isfinite(above)
    number = int(known.sum())
    if number == 0:
        return Estimate(float("nan"), float("nan"))
    inside = ((below <= true) & (true <= above))[known].mean()
    return Estimate(float(inside), float(np.sqrt(inside * (1.0 - inside) / number)))


def median_bias(truth: ArrayLike, found: ArrayLike) -> Estimate:
    """Return the median of found less true, with its error for normal errors.

    Parameters
    ----------
    truth, found : array_like, shape (n,)
        Measurements that are NaN are left out.
    """
    error = _errors(truth, found)
    if error.size == 0:
        return Estimate(float("nan"), float("nan"))
    spread = MAD_TO_SIGMA * float(np.median(np.abs(error - np.median(error))))
    # The median of normal numbers is known to sqrt(pi / 2) of what their mean is.
    return Estimate(float(np.median(error)), float(spread * np.sqrt(0.5 * np.pi / error.size)))


def robust_error(truth: ArrayLike, found: ArrayLike) -> float:
    """Return 1.48 times the median absolute error; NaN without measurements.

    Parameters
    ----------
    truth, found : array_like, shape (n,)
        Measurements that are NaN are left out.
    """
    error = _errors(truth, found)
    return MAD_TO_SIGMA * float(np.median(np.abs(error))) if error.size else float("nan")


def rms_error(truth: ArrayLike, found: ArrayLike) -> float:
    """Return the root mean square error; NaN without measurements.

    Parameters
    ----------
    truth, found : array_like, shape (n,)
        Measurements that are NaN are left out.
    """
    error = _errors(truth, found)
    return float(np.sqrt(np.mean(error**2))) if error.size else float("nan")


def rank_histogram(ranks: ArrayLike, bins: int = 20) -> tuple[Array, float]:
    """Count ranks, and say how likely uniform ones would be as uneven.

    Parameters
    ----------
    ranks : array_like, shape (n,)
        Posterior probability below the truth, 0 to 1.
    bins : int
        Of the histogram.

    Returns
    -------
    counts : array, shape (bins,)
        Over their mean: 1 everywhere where the posterior is right; a hump means errors that are
        too large, a trough errors that are too small, a slope a bias.
    p_value : float
        Of the Kolmogorov-Smirnov test against uniform ranks.
    """
    values = np.asarray(ranks, dtype=float)
    counts, _ = np.histogram(values, bins=bins, range=(0.0, 1.0))
    return counts / counts.mean(), float(kstest(values, "uniform").pvalue)


def bias_by_truth(truth: ArrayLike, found: ArrayLike, edges: ArrayLike) -> list[Estimate]:
    """Return the median bias in bins of the truth.

    Parameters
    ----------
    truth, found : array_like, shape (n,)
        Measurements that are NaN are left out.
    edges : array_like, shape (n_bins + 1,)
        Increasing.
    """
    true, value = np.asarray(truth, dtype=float), np.asarray(found, dtype=float)
    border = np.asarray(edges, dtype=float)
    inside = [(true >= low) & (true < high) for low, high in itertools.pairwise(border)]
    return [median_bias(true[here], value[here]) for here in inside]


def _errors(truth: ArrayLike, found: ArrayLike) -> Array:
    error = np.asarray(found, dtype=float) - np.asarray(truth, dtype=float)
    return np.asarray(error[np.isfinite(error)])
