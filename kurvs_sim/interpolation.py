"""Interpolation between cubes of a few constant line widths."""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def chebyshev_nodes(low: float, high: float, number: int) -> Array:
    """Return the Chebyshev points of an interval, or its one point.

    Parameters
    ----------
    low, high : float
        Ends of the interval.
    number : int
        Of points, unless the interval is one.

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
        Of the largest value.
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
        Where values are known.
    at : array, shape (n,)
        Where they are wanted.

    Returns
    -------
    array, shape (n_nodes, n)
    """
    rows = []
    for i, node in enumerate(nodes):
        others = np.delete(nodes, i)
        rows.append(np.prod((at[:, None] - others) / (node - others), axis=1))
    return np.stack(rows)
