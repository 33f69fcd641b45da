"""What the data say of a gradient: its likelihood on a grid, and weighted draws."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from kurvs_pipeline.nested_laplace import Conditional, NestedLaplace

Array = NDArray[np.float64]
IntArray = NDArray[np.intp]

LARGEST_GRADIENT = 0.4
"""dex/kpc: the flat prior of the gradient ends here, far beyond any that is known."""

GRID_SIZE = 25
GRID_ROUNDS = 3
KEPT_BELOW_BEST = 12.0
"""The grid closes in on log likelihoods less than this below the best."""

DEGREES_OF_FREEDOM = 6.0
"""Of the Student proposals: wider than the posterior, so that no weight is large."""


class LikelihoodGrid(NamedTuple):
    """The likelihood of the gradient by realisation of the noise.

    Parameters
    ----------
    gradient : array, shape (n_realisations, n_gradients)
        dex/kpc, increasing, evenly spaced.
    log_likelihood : array, same shape
        All else integrated over; the best of each realisation is 0.
    fits : Conditional
        Of realisations times gradients, the gradients of one after the other.
    """

    gradient: Array
    log_likelihood: Array
    fits: Conditional


def likelihood_grid(fit: NestedLaplace) -> LikelihoodGrid:
    """Fit at gradients on a grid that closes in on where the likelihood is.

    Parameters
    ----------
    fit : NestedLaplace
        One galaxy, one or more realisations of the noise.
    """
    n = len(fit.data.flux)
    realisation = np.repeat(np.arange(n), GRID_SIZE)
    low, high = np.full(n, -LARGEST_GRADIENT), np.full(n, LARGEST_GRADIENT)
    start = fit.prior_mean[realisation]
    for _ in range(GRID_ROUNDS):
        gradient = np.linspace(low, high, GRID_SIZE, axis=1)
        fits = fit.maximise(gradient.ravel(), start, realisation)
        log_likelihood = fits.log_likelihood.reshape(n, GRID_SIZE)
        log_likelihood -= log_likelihood.max(axis=1, keepdims=True)
        grid = LikelihoodGrid(gradient, log_likelihood, fits)
        low, high, first, last = _closer(grid)
        nearest = np.rint(np.linspace(first, last, GRID_SIZE, axis=1)).astype(np.intp)
        start = fits.parameters[(np.arange(n)[:, None] * GRID_SIZE + nearest).ravel()]
    return grid


def _closer(grid: LikelihoodGrid) -> tuple[Array, Array, IntArray, IntArray]:
    """Return the ends of the part of the grid that matters, one step added, and their places."""
    kept = grid.log_likelihood > -KEPT_BELOW_BEST
    first = np.maximum(kept.argmax(axis=1) - 1, 0)
    last = np.minimum(GRID_SIZE - kept[:, ::-1].argmax(axis=1), GRID_SIZE - 1)
    rows = np.arange(len(kept))
    return grid.gradient[rows, first], grid.gradient[rows, last], first, last
