"""The gradient that explains line fluxes, detections or not, through the smearing.

This is the estimator ``forward``: what a disk with a linear gradient would show in the apertures
is compared with their fluxes and covariance, and everything else that is not known well is
integrated over. No line is left out for being faint, so noise does not choose the bins.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from kurvs_pipeline.aperture_fluxes import ApertureFluxes
from kurvs_pipeline.forward_model import ForwardModel
from kurvs_pipeline.gradient_posterior import LARGEST_GRADIENT, GradientPosterior, grid_posterior
from kurvs_pipeline.importance_sampling import weighed_draws
from kurvs_pipeline.line_fluxes import DETECTION_SNR
from kurvs_pipeline.nested_laplace import NestedLaplace

Array = NDArray[np.float64]

ONE_SIGMA = (0.15865, 0.5, 0.84135)
CHECKING_DRAWS = 400
LEAST_EFFICIENCY = 0.01
"""Of the draws that check the posterior: below it they cannot."""

WIDEST_ERR = 0.1
"""dex/kpc: with a larger error a gradient is not constrained; none is known to be steeper."""

STEEPEST_CONSTRAINED = 0.99 * LARGEST_GRADIENT
"""dex/kpc: an interval beyond it ends with the prior, not with what data allow."""

NOTHING_LEARNT = 0.9
"""Of the population's scatter: with a larger error a galaxy tells nothing that is not its prior."""

FAR_FROM_POPULATION = 3.0
"""Standard errors between a galaxy and its population: the prior is then not that of the galaxy."""

LEAST_P_VALUE = 1e-3
HOPELESS_P_VALUE = 1e-10
"""Below it the disk is not what is seen, and its gradient is no gradient."""
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
        dex/kpc; NaN where there is no H-alpha, or the fit is hopeless (a chance below 1e-10).
    low, high : array, shape (n_realisations,)
        Ends of its 68 per cent interval.
    flag : str array, shape (n_realisations,)
        ``ok``; ``no_halpha``, not detected in all apertures together; ``no_fit``, a likelihood
        that is not a number; ``unconstrained``, an
        error beyond 0.1 dex/kpc or an interval that ends where the prior does; ``poor_fit``,
        fluxes that no smooth disk explains;
        ``approximate``, a posterior that draws from it do not confirm. With a population as prior
        also ``prior_alone``, an error as large as the population's scatter, and
        ``against_prior``, data three errors from the population.
    """

    gradient: Array
    low: Array
    high: Array
    flag: NDArray[np.str_]

    @property
    def error(self) -> Array:
        """Half the distance of the ends, dex/kpc."""
        return 0.5 * (self.high - self.low)


@dataclass(frozen=True, eq=False)
class ForwardFit:
    """The posterior of a gradient, and what is to be said of its quality.

    Parameters
    ----------
    fluxes : ApertureFluxes
        What was fitted.
    posterior : GradientPosterior
        With a flat prior on the gradient.
    best_chi2 : array, shape (n_realisations,)
        Of fluxes and priors, where it is least.
    efficiency : array, shape (n_realisations,)
        Of draws from the posterior, weighed by the true one: 1 where they are the same.
    """

    fluxes: ApertureFluxes
    posterior: GradientPosterior
    best_chi2: Array
    efficiency: Array

    @classmethod
    def of(cls, model: ForwardModel, fluxes: ApertureFluxes, random: np.random.Generator) -> Self:
        """Fit a model.

        Parameters
        ----------
        model : ForwardModel
            Of the galaxy.
        fluxes : ApertureFluxes
            Of the lines of the model's profiles.
        random : Generator
            Of the draws that check the posterior.

        Raises
        ------
        FitError
            If the covariance of the fluxes is singular.
        """
        fit = NestedLaplace(model, fluxes)
        gridded = grid_posterior(fit)
        checked = weighed_draws(fit, gridded, random, CHECKING_DRAWS)
        return cls(fluxes, gridded.posterior, gridded.best_chi2, checked.efficiency)

    @cached_property
    def p_value(self) -> Array:
        """Chance of a worse fit; 1 where there are no more fluxes than parameters."""
        freedom = int(self.fluxes.measured.sum()) - FREE_PARAMETERS
        if freedom < 1:
            return np.ones(len(self.best_chi2))
        return np.asarray(chdtrc(freedom, self.best_chi2))

    @property
    def flat(self) -> ForwardGradient:
        """The estimator ``forward``: the most likely gradient, and its likelihood interval."""
        return self._summary(self.posterior.mode, *self.posterior.likelihood_interval(1.0))

    def with_prior(
        self, mean: float = POPULATION_MEAN, scatter: float = POPULATION_SCATTER
    ) -> ForwardGradient:
        """Return the estimator ``forward_prior``: the galaxy as one of a population.

        Parameters
        ----------
        mean, scatter : float
            Of the population, dex/kpc.

        Returns
        -------
        ForwardGradient
            The median of the posterior and its central 68 per cent.
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
