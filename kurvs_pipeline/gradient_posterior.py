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


def importance_weights(
    fit: NestedLaplace, grid: LikelihoodGrid, random: np.random.Generator, number: int
) -> tuple[Array, Array]:
    """Draw from the approximate posterior, and weigh the draws by the true one.

    Gradients are drawn from the likelihood on the grid, the other parameters from Student
    distributions about their best.

    Parameters
    ----------
    fit : NestedLaplace
        As it was gridded.
    grid : LikelihoodGrid
        Of the fit.
    random : Generator
        Of the draws.
    number : int
        Of draws for each realisation.

    Returns
    -------
    gradient, weight : array, shape (n_realisations, number)
        dex/kpc; weights add up to 1.
    """
    n, size = grid.gradient.shape
    rows = np.arange(n)
    probability = np.exp(grid.log_likelihood)
    cumulative = np.cumsum(probability / probability.sum(axis=1, keepdims=True), axis=1)
    node = (random.random((n, number, 1)) > cumulative[:, None, :-1]).sum(axis=2)
    spacing = (grid.gradient[:, 1] - grid.gradient[:, 0])[:, None]
    offset = random.random((n, number)) - 0.5
    gradient = grid.gradient[rows[:, None], node] + offset * spacing
    at = (rows[:, None] * size + node).ravel()
    neighbour = np.clip(node + np.where(offset > 0.0, 1, -1), 0, size - 1)
    beside = (rows[:, None] * size + neighbour).ravel()
    share = np.abs(offset).ravel()[:, None]
    middle = (1.0 - share) * grid.fits.parameters[at] + share * grid.fits.parameters[beside]
    precision = grid.fits.precision[at]
    root = np.linalg.cholesky(precision)
    dimension = middle.shape[1]
    white = random.standard_normal(middle.shape)
    stretch = DEGREES_OF_FREEDOM / random.chisquare(DEGREES_OF_FREEDOM, len(middle))
    white *= np.sqrt(stretch)[:, None]
    drawn = middle + np.linalg.solve(root.swapaxes(1, 2), white[:, :, None])[:, :, 0]
    square = (white**2).sum(axis=1)
    log_student = (
        -0.5 * (DEGREES_OF_FREEDOM + dimension) * np.log1p(square / DEGREES_OF_FREEDOM)
        + np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    )
    realisation = np.repeat(rows, number)
    log_true = -0.5 * fit.chi2(gradient.ravel(), drawn, realisation)
    log_weight = (log_true - log_student).reshape(n, number)
    log_weight -= grid.log_likelihood[rows[:, None], node]
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    return gradient, weight / weight.sum(axis=1, keepdims=True)
