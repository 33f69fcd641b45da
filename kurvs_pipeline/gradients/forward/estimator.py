"""Forward gradients with intervals and flags, checked by importance sampling of the posterior."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
from scipy.special import chdtrc

from kurvs_pipeline.arrays import Array, IntArray, StrArray
from kurvs_pipeline.gradients.forward.fluxes import ApertureFluxes
from kurvs_pipeline.gradients.forward.model import ForwardModel
from kurvs_pipeline.gradients.forward.posterior import (
    GradientPosterior,
    GriddedFit,
    NestedLaplace,
    grid_posterior,
)
from kurvs_pipeline.lines import DETECTION_SNR
from kurvs_pipeline.representation import short_repr
from kurvs_pipeline.smearing.correction import LARGEST_GRADIENT

DEGREES_OF_FREEDOM = 6.0
"""Tails of the Student proposals: wider than the posterior, so that no weight is large."""

ONE_SIGMA = (0.15865, 0.5, 0.84135)
CHECKING_DRAWS = 400
LEAST_EFFICIENCY = 0.01
"""Efficiency of importance samples below which they do not confirm the posterior."""

WIDEST_ERR = 0.1
"""dex/kpc: a gradient with a larger error is not constrained; no galaxy is known to be steeper."""

STEEPEST_CONSTRAINED = 0.99 * LARGEST_GRADIENT
"""dex/kpc: an interval beyond it is limited by the prior, not by the data."""

NOTHING_LEARNT = 0.9
"""Error in units of the population's scatter above which the result is the prior alone."""

FAR_FROM_POPULATION = 3.0
"""Standard errors between a galaxy and its population beyond which the prior does not fit it."""

LEAST_P_VALUE, HOPELESS_P_VALUE = 1e-3, 1e-10
"""A fit is flagged as poor below the first; below the second no gradient is given."""

FREE_PARAMETERS = 3
"""Gradient, abundance and amplitude; priors hold the others."""

POPULATION_MEAN, POPULATION_SCATTER = 0.0, 0.04
"""dex/kpc: gradients at z ~ 1.5 are flat on average and scatter by 0.03 to 0.05 (Li et al. 2025,
Section 4, and the surveys that they quote)."""


@dataclass(frozen=True, eq=False)
class ForwardGradient:
    """A gradient with its error, in each realisation of the noise.

    Parameters
    ----------
    gradient : array, shape (n_realisations,)
        Gradient, dex/kpc; NaN without H-alpha, or with a hopeless fit (a p-value below 1e-10).
    low, high : array, shape (n_realisations,)
        Ends of the 68 per cent interval, dex/kpc.
    flag : str array, shape (n_realisations,)
        ``ok``; ``no_halpha``, not detected in all apertures together; ``no_fit``, a likelihood that
        is not a number; ``unconstrained``, an error beyond 0.1 dex/kpc or an interval that ends
        where the prior does; ``poor_fit``, fluxes that no smooth disk explains, where the corrected
        slope with its interval is what to quote; ``approximate``, a posterior that samples of it do
        not confirm. With a population as prior also
        ``prior_alone``, an error as large as the population's scatter, and ``against_prior``, data
        three errors from the population.
    """

    gradient: Array
    low: Array
    high: Array
    flag: StrArray

    @property
    def error(self) -> Array:
        """Half the width of the interval, dex/kpc."""
        return 0.5 * (self.high - self.low)


@dataclass(frozen=True, eq=False)
class ForwardFit:
    """The posterior of a gradient, with measures of its quality.

    Parameters
    ----------
    fluxes : ApertureFluxes
        Fluxes that were fitted.
    posterior : GradientPosterior
        Posterior with a flat prior on the gradient.
    best_chi2 : array, shape (n_realisations,)
        Least chi squared of fluxes and priors.
    efficiency : array, shape (n_realisations,)
        Efficiency of importance samples: 1 where the approximate posterior is exact.
    """

    __repr__ = short_repr

    fluxes: ApertureFluxes
    posterior: GradientPosterior
    best_chi2: Array
    efficiency: Array

    @classmethod
    def of(cls, model: ForwardModel, fluxes: ApertureFluxes, random: np.random.Generator) -> Self:
        """Fit a model to line fluxes.

        Parameters
        ----------
        model : ForwardModel
            Model of the galaxy.
        fluxes : ApertureFluxes
            Fluxes of the lines of the model's profiles.
        random : Generator
            Random generator for the draws that check the posterior.

        Raises
        ------
        FitError
            If the covariance of the fluxes is singular.
        """
        fit = NestedLaplace(model, fluxes)
        gridded = grid_posterior(fit)
        checked = _importance_samples(fit, gridded, random, CHECKING_DRAWS)
        return cls(fluxes, gridded.posterior, gridded.best_chi2, checked.efficiency)

    @cached_property
    def p_value(self) -> Array:
        """Probability of a worse fit; 1 where there are no more fluxes than parameters."""
        freedom = int(self.fluxes.measured.sum()) - FREE_PARAMETERS
        if freedom < 1:
            return np.ones(len(self.best_chi2))
        return np.asarray(chdtrc(freedom, self.best_chi2))

    @property
    def flat(self) -> ForwardGradient:
        """The estimator ``forward``: the most likely gradient, and its likelihood interval."""
        # Quantiles would depend on where the flat prior ends.
        return self._summary(self.posterior.mode, *self.posterior.likelihood_interval(1.0))

    def with_prior(
        self, mean: float = POPULATION_MEAN, scatter: float = POPULATION_SCATTER
    ) -> ForwardGradient:
        """Return the estimator ``forward_prior``: the posterior median and its central 68 per cent.

        Parameters
        ----------
        mean, scatter : float
            Normal prior: mean and scatter of the gradients of a population, dex/kpc.
        """
        low, median, high = self.posterior.with_prior(mean, scatter).quantile(ONE_SIGMA).T
        found, flat = self._summary(median, low, high), self.flat
        away = np.abs(flat.gradient - mean) / np.hypot(flat.error, scatter)
        doubt = np.select(
            [found.error > NOTHING_LEARNT * scatter, away > FAR_FROM_POPULATION],
            ["prior_alone", "against_prior"], "ok",
        )  # fmt: skip
        return replace(found, flag=np.where(found.flag == "ok", doubt, found.flag))

    def _summary(self, gradient: Array, low: Array, high: Array) -> ForwardGradient:
        seen = self.fluxes.total_halpha_snr > DETECTION_SNR
        is_open = np.maximum(np.abs(low), np.abs(high)) > STEEPEST_CONSTRAINED
        fitted = np.isfinite(gradient) & np.isfinite(low) & np.isfinite(high)
        hopeless = self.p_value < HOPELESS_P_VALUE
        flag = np.select(
            [~seen, ~fitted, hopeless, is_open | (0.5 * (high - low) > WIDEST_ERR),
             self.p_value < LEAST_P_VALUE, self.efficiency < LEAST_EFFICIENCY],
            ["no_halpha", "no_fit", "poor_fit", "unconstrained", "poor_fit", "approximate"], "ok",
        )  # fmt: skip
        unknown = np.where(seen & fitted & ~hopeless, 0.0, np.nan)
        return ForwardGradient(gradient + unknown, low + unknown, high + unknown, flag)


class _ImportanceSamples(NamedTuple):
    """Gradients (dex/kpc) and weights that add up to 1, both of shape (n_realisations, n_draws)."""

    gradient: Array
    weight: Array

    @property
    def efficiency(self) -> Array:
        """Effective over actual number of samples; 1 if the approximate posterior is exact."""
        return np.asarray(1.0 / (self.weight**2).sum(axis=1) / self.weight.shape[1])


def _importance_samples(
    fit: NestedLaplace, gridded: GriddedFit, random: np.random.Generator, number: int
) -> _ImportanceSamples:
    """Draw from the approximate posterior, and weight the draws by the true one.

    Gradients come from the posterior on the grid, the other parameters from Student distributions
    about their best values.
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
    return _ImportanceSamples(drawn, weight / weight.sum(axis=1, keepdims=True))


def _drawn_nodes(log_density: Array, random: np.random.Generator, number: int) -> IntArray:
    """Draw indices of the grid, shape (n_realisations, number)."""
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
