"""The intrinsic mean and scatter of the gradients of a sample, from every galaxy's likelihood.

A galaxy with poor data has a wide likelihood and little weight, so that none has to be left out
and errors do not pass for scatter (the hierarchical method of, for example, Hogg, Myers and Bovy
2010). Priors that all galaxies share belong into their likelihoods: with a prior of abundances
much wider than the sample's own, steep falling gradients of compact galaxies stay possible that
such abundances exclude, and the mean is biased.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from kurvs_pipeline.arguments import plain_array
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import FitError
from kurvs_pipeline.gradients.forward.posterior import GradientPosterior
from kurvs_pipeline.representation import short_repr
from kurvs_pipeline.smearing.correction import LARGEST_GRADIENT

GRADIENTS = np.linspace(-LARGEST_GRADIENT, LARGEST_GRADIENT, 801)
"""dex/kpc, on which the likelihoods of all galaxies are laid: finer than any error."""

MEANS = np.linspace(-0.15, 0.15, 121)
SCATTERS = np.linspace(0.0, 0.15, 101)
"""dex/kpc: flat priors."""

NEGLIGIBLE = -700.0
"""Logarithm of what underflows."""


@dataclass(frozen=True, eq=False)
class PopulationPosterior:
    """Posterior of the mean and scatter of a sample.

    Parameters
    ----------
    density : array, shape (n_means, n_scatters)
        Probability of each pair of :data:`MEANS` and :data:`SCATTERS`; adds up to 1.
    """

    density: Array

    @cached_property
    def mean(self) -> tuple[float, float]:
        """Intrinsic mean and its standard error, dex/kpc."""
        return _moments(MEANS, self.density.sum(axis=1))

    @cached_property
    def scatter(self) -> tuple[float, float]:
        """Intrinsic scatter and its standard error, dex/kpc."""
        return _moments(SCATTERS, self.density.sum(axis=0))

    def interval(self, quantity: str, fraction: float = 0.683) -> tuple[float, float]:
        """Return the central interval of the mean or the scatter, dex/kpc.

        Parameters
        ----------
        quantity : str
            ``mean`` or ``scatter`` of the intrinsic gradients.
        fraction : float
            Probability inside the interval.
        """
        axis, values = (1, MEANS) if quantity == "mean" else (0, SCATTERS)
        below = np.cumsum(self.density.sum(axis=axis))
        tails = 0.5 * (1.0 - fraction), 0.5 * (1.0 + fraction)
        low, high = np.interp(tails, below - 0.5 * np.diff(below, prepend=0.0), values)
        return float(low), float(high)


@dataclass(frozen=True, eq=False)
class Population:
    """Likelihoods of the gradients of a sample of galaxies.

    Parameters
    ----------
    likelihood : array, shape (n_galaxies, n_gradients)
        Likelihood of each galaxy at :data:`GRADIENTS`; the highest is 1.
    selection : array, shape (n_galaxies, n_gradients), optional
        Probability that a galaxy with each gradient would have been selected, for data whose
        selection depends on the gradient, such as a detection of [N II] in outer annuli
        (:func:`~kurvs_pipeline.gradients.forward.selection.chance_of_bins`).
    """

    __repr__ = short_repr

    likelihood: Array
    selection: Array | None = None

    @classmethod
    def of_posteriors(
        cls, galaxies: Sequence[GradientPosterior], selection: Array | None = None
    ) -> Self:
        """Take the likelihoods of galaxies from their forward fits.

        Parameters
        ----------
        galaxies : sequence of GradientPosterior
            Posteriors with flat priors, one realisation each.
        selection : array, shape (n_galaxies, n_gradients), optional
            Selection probabilities, see the class.
        """
        logs = [
            np.interp(GRADIENTS, one.gradient[0], one.log_density[0] - one.log_density.max(),
                      left=NEGLIGIBLE, right=NEGLIGIBLE)
            for one in galaxies
        ]  # fmt: skip
        return cls(np.exp(logs), selection)

    @classmethod
    def of_measurements(cls, gradient: ArrayLike, error: ArrayLike) -> Self:
        """Take gradients with normal errors, such as published ones.

        Parameters
        ----------
        gradient, error : array_like or Quantity, shape (n_galaxies,)
            Gradients and their standard errors, dex/kpc.

        Raises
        ------
        FitError
            If a value is not finite, an error not positive, or a gradient beyond 0.4 dex/kpc.
        """
        value, sigma = (
            np.asarray(plain_array(name, given, "dex / kpc")[0], dtype=float)[:, None]
            for name, given in (("gradient", gradient), ("error", error))
        )
        if not (np.isfinite(value).all() and (sigma > 0.0).all() and np.isfinite(sigma).all()):
            raise FitError(
                "gradients of a population are not all finite with errors > 0; leave out the "
                "galaxies without a gradient"
            )
        if (np.abs(value) > LARGEST_GRADIENT).any():
            raise FitError(
                f"a gradient is {value[np.abs(value).argmax(), 0]:g} dex/kpc; expected none beyond "
                f"{LARGEST_GRADIENT:g}: are these dex/kpc?"
            )
        return cls(np.exp(-0.5 * ((GRADIENTS - value) / sigma) ** 2))

    def posterior(self) -> PopulationPosterior:
        """Return the posterior of mean and scatter with flat priors.

        Raises
        ------
        FitError
            If there are fewer than two galaxies.
        """
        if len(self.likelihood) < 2:
            raise FitError(f"{len(self.likelihood)} galaxies have no scatter; expected at least 2")
        log_density = np.stack([self._log_likelihood(scatter) for scatter in SCATTERS], axis=1)
        density = np.exp(log_density - log_density.max())
        return PopulationPosterior(density / density.sum())

    def _log_likelihood(self, scatter: float) -> Array:
        """Return the log likelihood of all means with a scatter, shape (n_means,)."""
        weight = _normal_cells(MEANS, scatter)
        with np.errstate(divide="ignore"):
            log_seen = np.log(self.likelihood @ weight)
            # A sample lacks the galaxies that it would not have selected.
            if self.selection is not None:
                log_seen -= np.log(self.selection @ weight)
        return np.asarray(np.maximum(log_seen, NEGLIGIBLE).sum(axis=0))


def _normal_cells(means: Array, scatter: float) -> Array:
    """Return normal distributions on the grid of gradients, shape (n_gradients, n_means)."""
    step = GRADIENTS[1] - GRADIENTS[0]
    weight = np.exp(-0.5 * ((GRADIENTS[:, None] - means) / max(scatter, step)) ** 2)
    return np.asarray(weight / weight.sum(axis=0))


def _moments(values: Array, probability: Array) -> tuple[float, float]:
    mean = float(probability @ values)
    return mean, float(np.sqrt(probability @ (values - mean) ** 2))
