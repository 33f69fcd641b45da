"""Interpolation: of many functions at the same places, and between a few line widths."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kurvs_pipeline.arrays import Array, IntArray


@dataclass(frozen=True, eq=False)
class StraightLines:
    """Straight lines between samples, as ``numpy.interp`` draws them, for function after function.

    The places are looked up once: six times as fast from the second function on.

    Parameters
    ----------
    samples : array, shape (n_samples,)
        Places where functions are known, increasing.
    places : array, any shape
        Places where functions are wanted, within the range of the samples.
    """

    samples: Array
    places: Array

    @cached_property
    def _interval(self) -> IntArray:
        """The sample before each place."""
        before = np.searchsorted(self.samples, self.places, side="right") - 1
        return np.asarray(np.clip(before, 0, self.samples.size - 2))

    @cached_property
    def _beyond(self) -> Array:
        """Distance of each place from the sample before it."""
        return np.asarray(self.places - self.samples[self._interval])

    def __call__(self, values: Array) -> Array:
        """Return a function at the places.

        Parameters
        ----------
        values : array, shape (n_samples,)
            Values at the samples.
        """
        slope = np.diff(values) / np.diff(self.samples)
        result = slope[self._interval]
        result *= self._beyond
        result += values[self._interval]
        return np.asarray(result)


def chebyshev_nodes(low: float, high: float, number: int) -> Array:
    """Return the Chebyshev points of an interval, or its one point.

    Parameters
    ----------
    low, high : float
        Ends of the interval.
    number : int
        Number of points, unless the interval is one point itself.

    Returns
    -------
    array, shape (number,) or (1,)
    """
    if high - low <= 1e-9 * high:
        return np.array([low])
    points = np.cos(np.pi * (np.arange(number) + 0.5) / number)
    return np.asarray(0.5 * (low + high) + 0.5 * (high - low) * points)


def nodes_needed(low: float, high: float, *, error: float) -> int:
    """Return how many points interpolate a Gaussian in its variance to a given error.

    A Gaussian is analytic in its variance down to zero, so the error falls with every point
    by the parameter of the Bernstein ellipse through zero (Trefethen 2013, Theorem 8.2).

    Parameters
    ----------
    low, high : float
        Smallest and largest variance, > 0.
    error : float
        Largest error that is tolerated, relative to the largest value.
    """
    if high - low <= 1e-9 * high:
        return 1
    centre = (high + low) / (high - low)
    return math.ceil(-math.log(error) / math.log(centre + math.sqrt(centre**2 - 1.0)))


def lagrange_weights(nodes: Array, at: Array) -> Array:
    """Return the weight of each node in the polynomial through all of them.

    Parameters
    ----------
    nodes : array, shape (n_nodes,)
        Places where values are known.
    at : array, shape (n,)
        Places where values are wanted.

    Returns
    -------
    array, shape (n_nodes, n)
    """
    rows = []
    for i, node in enumerate(nodes):
        others = np.delete(nodes, i)
        rows.append(np.prod((at[:, None] - others) / (node - others), axis=1))
    return np.stack(rows)
