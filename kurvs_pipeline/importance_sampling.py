"""How good the approximate posterior is: draws from it, weighed by the true one."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.gradient_posterior import GriddedFit
from kurvs_pipeline.nested_laplace import NestedLaplace

Array = NDArray[np.float64]
IntArray = NDArray[np.intp]

DEGREES_OF_FREEDOM = 6.0
"""Of the Student proposals: wider than the posterior, so that no weight is large."""


class WeighedDraws(NamedTuple):
    """Draws of the gradient with the weights that make them of the true posterior.

    Parameters
    ----------
    gradient, weight : array, shape (n_realisations, n_draws)
        dex/kpc; weights add up to 1.
    """

    gradient: Array
    weight: Array

    @property
    def efficiency(self) -> Array:
        """Effective number of draws over their number, shape (n_realisations,).

        1 where the approximation is exact.
        """
        return np.asarray(1.0 / (self.weight**2).sum(axis=1) / self.weight.shape[1])


def weighed_draws(
    fit: NestedLaplace, gridded: GriddedFit, random: np.random.Generator, number: int
) -> WeighedDraws:
    """Draw from the approximate posterior, and weigh the draws by the true one.

    Gradients are drawn from the posterior on the grid, the other parameters from Student
    distributions about their best.

    Parameters
    ----------
    fit : NestedLaplace
        What was fitted.
    gridded : GriddedFit
        The outcome.
    random : Generator
        Of the draws.
    number : int
        Of draws for each realisation.
    """
    log_density = gridded.posterior.log_density
    n, size = log_density.shape
    rows = np.arange(n)[:, None]
    node = _drawn_nodes(log_density, random, number)
    offset = random.random((n, number)) - 0.5
    gradient = gridded.posterior.gradient
    drawn = gradient[rows, node] + offset * (gradient[:, 1:2] - gradient[:, :1])
    middle = _between(gridded.fits.parameters.reshape(n, size, -1), rows, node, offset)
    precision = gridded.fits.precision[(rows * size + node).ravel()]
    parameters, log_proposal = _student_draws(middle.reshape(n * number, -1), precision, random)
    chi2 = fit.chi2(drawn.ravel(), parameters, np.repeat(np.arange(n), number))
    log_weight = (-0.5 * chi2 - log_proposal).reshape(n, number) - log_density[rows, node]
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    return WeighedDraws(drawn, weight / weight.sum(axis=1, keepdims=True))


def _drawn_nodes(log_density: Array, random: np.random.Generator, number: int) -> IntArray:
    """Draw places on the grid, shape (n_realisations, number)."""
    density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    below = np.cumsum(density / density.sum(axis=1, keepdims=True), axis=1)
    uniform = random.random((len(density), number, 1))
    return np.asarray((uniform > below[:, None, :-1]).sum(axis=2))


def _between(parameters: Array, rows: IntArray, node: IntArray, offset: Array) -> Array:
    """Interpolate parameters from a node of the grid towards its neighbour."""
    beside = np.clip(node + np.where(offset > 0.0, 1, -1), 0, parameters.shape[1] - 1)
    share = np.abs(offset)[:, :, None]
    return np.asarray((1.0 - share) * parameters[rows, node] + share * parameters[rows, beside])


def _student_draws(
    middle: Array, precision: Array, random: np.random.Generator
) -> tuple[Array, Array]:
    """Draw from Student distributions; return the draws and their log density."""
    root = np.linalg.cholesky(precision)
    stretch = DEGREES_OF_FREEDOM / random.chisquare(DEGREES_OF_FREEDOM, len(middle))
    white = random.standard_normal(middle.shape) * np.sqrt(stretch)[:, None]
    drawn = middle + np.linalg.solve(root.swapaxes(1, 2), white[:, :, None])[:, :, 0]
    square = (white**2).sum(axis=1) / DEGREES_OF_FREEDOM
    log_volume = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    power = -0.5 * (DEGREES_OF_FREEDOM + middle.shape[1])
    return drawn, power * np.log1p(square) + log_volume
