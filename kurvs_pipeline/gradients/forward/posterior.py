"""The posterior of a gradient, with all other parameters integrated out.

At every value of the gradient on a grid the other parameters are fitted by Levenberg-Marquardt
and integrated over as a Gaussian about the best fit (a nested Laplace approximation: Rue, Martino
and Chopin 2009). The grid closes in on where the likelihood is. All values, and all realisations
of the noise, are fitted at once.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kurvs_pipeline.arrays import Array, BoolArray, IntArray
from kurvs_pipeline.gradients.forward.fluxes import ApertureFluxes
from kurvs_pipeline.gradients.forward.model import ForwardModel
from kurvs_pipeline.representation import short_repr
from kurvs_pipeline.smearing.correction import LARGEST_GRADIENT

MOST_STEPS = 40
CONVERGED = 1e-5
"""Expected decrease of chi squared below which a fit ends."""

LONGEST_STEP = 1.0
"""In standard deviations of the priors: far from the best fit the linear model is not valid."""

FIRST_DAMPING, MOST_DAMPING = 1e-2, 1e9

GRID_SIZE = 25
GRID_ROUNDS = 3
KEPT_BELOW_BEST = 12.0
"""The grid closes in on log likelihoods less than this below the best."""


class _Conditional(NamedTuple):
    """The best fit at each given gradient.

    Parameters without the gradient, chi squared of fluxes and priors, and the inverse covariance of
    the parameters; the first axis of each is n_models.
    """

    parameters: Array
    chi2: Array
    precision: Array

    @property
    def log_likelihood(self) -> Array:
        """Marginal log likelihood of the gradient up to a constant, shape (n_models,)."""
        _, log_determinant = np.linalg.slogdet(self.precision)
        return np.asarray(-0.5 * self.chi2 - 0.5 * log_determinant)


@dataclass(frozen=True, eq=False)
class NestedLaplace:
    """Fits of a forward model to the fluxes of one galaxy."""

    model: ForwardModel
    data: ApertureFluxes

    @cached_property
    def prior_mean(self) -> Array:
        """Prior means, with a first guess of the amplitude from the data.

        The shape is (n_realisations, n_parameters).
        """
        prior = np.tile(self.model.prior_mean, (len(self.data.flux), 1))
        unit = self.model.predict(np.zeros(1), self.model.prior_mean[None]).flux[0, 0]
        # Of what is not detected the flux may be 0 or negative, and its error is the better guess.
        seen = np.maximum(self.data.total_halpha, self.data.total_halpha_err)
        total = unit[self.data.measured[0]].sum()
        prior[:, self.model.amplitude_index] = np.log(seen / total)
        return prior

    def maximise(self, gradient: Array, start: Array, realisation: IntArray) -> _Conditional:
        """Return the best fit of all parameters but the gradient, by Levenberg-Marquardt.

        Parameters
        ----------
        gradient : array, shape (n_models,)
            Fixed gradients, dex/kpc.
        start : array, shape (n_models, n_parameters)
            First guess of all other parameters, in the order of the model.
        realisation : int array, shape (n_models,)
            Index of the realisation of the noise that each model is fitted to.
        """
        found = self._expand(gradient, start, realisation)
        damping = np.full(len(gradient), FIRST_DAMPING)
        going = np.arange(len(gradient))
        longest = LONGEST_STEP * self.model.prior_err
        for _ in range(MOST_STEPS):
            step = np.clip(_damped_step(found.of(going), damping[going]), -longest, longest)
            trial = self._expand(
                gradient[going], found.parameters[going] + step, realisation[going]
            )
            better = trial.chi2 <= found.chi2[going]
            left = (step * found.downhill[going]).sum(axis=1)
            found.replace(going[better], trial.of(better))
            damping[going] *= np.where(better, 0.1, 10.0)
            stuck = damping[going] > MOST_DAMPING
            going = going[~(stuck | (better & (left < CONVERGED)))]
            if not going.size:
                break
        return _Conditional(found.parameters, found.chi2, found.precision)

    def _expand(self, gradient: Array, parameters: Array, realisation: IntArray) -> "_Expansion":
        """Expand chi squared about parameters to second order (Gauss-Newton)."""
        predicted = self.model.predict(gradient, parameters)
        residual = self.data.white[realisation] - self.data.whiten(predicted.flux)
        jacobian = self.data.whiten(predicted.by_parameter)
        weight = self.model.prior_err**-2
        from_prior = self.prior_mean[realisation] - parameters
        return _Expansion(
            parameters,
            (residual**2).sum(axis=1) + (from_prior**2 * weight).sum(axis=1),
            (jacobian @ residual[:, :, None])[:, :, 0] + from_prior * weight,
            jacobian @ jacobian.swapaxes(1, 2) + np.diag(weight),
        )

    def chi2(self, gradient: Array, parameters: Array, realisation: IntArray) -> Array:
        """Return chi squared of fluxes and priors, shape (n_models,); see :meth:`maximise`."""
        return self._expand(gradient, parameters, realisation).chi2


@dataclass(frozen=True, eq=False)
class GradientPosterior:
    """The posterior of the gradient in each realisation of the noise.

    Parameters
    ----------
    gradient : array, shape (n_realisations, n_gradients)
        Grid of gradients, dex/kpc, increasing and evenly spaced, where the posterior is not
        negligible.
    log_density : array, same shape
        Log posterior density up to a constant; with a flat prior, the marginal likelihood.
    """

    __repr__ = short_repr

    gradient: Array
    log_density: Array

    @cached_property
    def _cumulative(self) -> tuple[Array, Array]:
        """Cell borders and the probability below them, shape (n_realisations, n + 1)."""
        density = np.exp(self.log_density - self.log_density.max(axis=1, keepdims=True))
        half = 0.5 * self._spacing
        borders = np.concatenate([self.gradient - half, self.gradient[:, -1:] + half], axis=1)
        below = np.concatenate([np.zeros((len(density), 1)), np.cumsum(density, axis=1)], axis=1)
        return borders, below / below[:, -1:]

    @property
    def _spacing(self) -> Array:
        return np.asarray(self.gradient[:, 1:2] - self.gradient[:, :1])

    @cached_property
    def _peak(self) -> tuple[Array, Array]:
        """The gradient of highest density, and the logarithm of the density there."""
        rows = np.arange(len(self.gradient))
        middle = np.clip(self.log_density.argmax(axis=1), 1, self.gradient.shape[1] - 2)
        left, top, right = (self.log_density[rows, middle + side] for side in (-1, 0, 1))
        curvature = np.minimum(left - 2.0 * top + right, -1e-12)
        offset = np.clip(0.5 * (left - right) / curvature, -1.0, 1.0)
        height = top + 0.5 * (right - left) * offset + 0.5 * curvature * offset**2
        height = np.maximum(height, self.log_density.max(axis=1))
        return self.gradient[rows, middle] + offset * self._spacing[:, 0], height

    @property
    def mode(self) -> Array:
        """Most probable gradient, dex/kpc, shape (n_realisations,)."""
        return self._peak[0]

    def likelihood_interval(self, standard_deviations: float) -> tuple[Array, Array]:
        """Return the interval in which the density exceeds that of a normal one at its ends.

        With a flat prior this is a likelihood interval, by Wilks' theorem one of 68.3 per cent
        confidence for 1 standard deviation and 95.4 for 2. Unlike quantiles it does not depend on
        how far the prior reaches where data cannot exclude steep gradients.

        Parameters
        ----------
        standard_deviations : float
            Half-width in standard deviations, if the density were normal.

        Returns
        -------
        low, high : array, shape (n_realisations,)
            dex/kpc; the end of the grid where the density does not fall so far.
        """
        mode, height = self._peak
        depth = np.sqrt(2.0 * np.maximum(height[:, None] - self.log_density, 0.0))
        # Signed, it is a straight line through 0 for a normal density.
        signed = np.where(self.gradient < mode[:, None], -depth, depth)
        rising = np.maximum.accumulate(signed, axis=1)
        wanted = np.array([-standard_deviations, standard_deviations])
        ends = [np.interp(wanted, s, g) for s, g in zip(rising, self.gradient, strict=True)]
        low, high = np.array(ends).T
        return low, high

    def quantile(self, fraction: ArrayLike) -> Array:
        """Return quantiles of the gradient, dex/kpc, shape (n_realisations, n_fractions).

        Parameters
        ----------
        fraction : array_like, shape (n_fractions,)
            Probabilities below the quantiles, from 0 to 1.
        """
        wanted = np.asarray(fraction, dtype=float)
        pairs = zip(*self._cumulative, strict=True)
        return np.stack([np.interp(wanted, below, border) for border, below in pairs])

    def rank(self, gradient: ArrayLike) -> Array:
        """Return the posterior probability below a gradient, shape (n_realisations,).

        Parameters
        ----------
        gradient : array_like, shape (n_realisations,)
            Gradients, dex/kpc, such as the true one.
        """
        given = np.broadcast_to(gradient, len(self.gradient))
        pairs = zip(given, *self._cumulative, strict=True)
        return np.array([np.interp(value, at, below) for value, at, below in pairs])

    def with_prior(self, mean: float, scatter: float) -> "GradientPosterior":
        """Return the posterior with a normal prior in place of the flat one.

        Parameters
        ----------
        mean, scatter : float
            Mean and scatter of the gradients of the galaxy's population, dex/kpc.
        """
        prior = -0.5 * ((self.gradient - mean) / scatter) ** 2
        return replace(self, log_density=self.log_density + prior)


@dataclass(frozen=True, eq=False)
class GriddedFit:
    """A posterior with a flat prior, and the best fits at its gradients.

    ``fits`` are at all gradients of the grid, one realisation after the other.
    """

    posterior: GradientPosterior
    fits: _Conditional

    @property
    def best_chi2(self) -> Array:
        """Least chi squared of fluxes and priors, shape (n_realisations,)."""
        return np.asarray(self.fits.chi2.reshape(self.posterior.gradient.shape).min(axis=1))


def grid_posterior(fit: NestedLaplace) -> GriddedFit:
    """Return the posterior on a grid of gradients that closes in on where the likelihood is."""
    n = len(fit.data.flux)
    realisation = np.repeat(np.arange(n), GRID_SIZE)
    # The flat prior of the gradient ends there.
    low, high = np.full(n, -LARGEST_GRADIENT), np.full(n, LARGEST_GRADIENT)
    start = fit.prior_mean[realisation]
    for _ in range(GRID_ROUNDS):
        gradient = np.linspace(low, high, GRID_SIZE, axis=1)
        fits = fit.maximise(gradient.ravel(), start, realisation)
        posterior = GradientPosterior(gradient, fits.log_likelihood.reshape(n, GRID_SIZE))
        first, last = _closer(posterior.log_density)
        low, high = gradient[np.arange(n), first], gradient[np.arange(n), last]
        nearest = np.rint(np.linspace(first, last, GRID_SIZE, axis=1)).astype(np.intp)
        start = fits.parameters[(np.arange(n)[:, None] * GRID_SIZE + nearest).ravel()]
    return GriddedFit(posterior, fits)


class _Expansion(NamedTuple):
    """Chi squared about parameters: its value, half its downhill slope, half its curvature."""

    parameters: Array
    chi2: Array
    downhill: Array
    precision: Array

    def of(self, rows: IntArray | BoolArray) -> "_Expansion":
        return _Expansion(*(array[rows] for array in self))

    def replace(self, rows: IntArray, other: "_Expansion") -> None:
        for array, new in zip(self, other, strict=True):
            array[rows] = new


def _damped_step(expansion: _Expansion, damping: Array) -> Array:
    diagonal = np.diagonal(expansion.precision, axis1=1, axis2=2)
    damped = expansion.precision + (damping[:, None] * diagonal)[:, :, None] * np.eye(
        diagonal.shape[1]
    )
    downhill = expansion.downhill[:, :, None]
    try:
        step = np.linalg.solve(damped, downhill)
    except np.linalg.LinAlgError:  # fluxes so far from any disk that parameters act as one
        step = np.linalg.pinv(damped, hermitian=True) @ downhill
    return np.asarray(step[:, :, 0])


def _closer(log_density: Array) -> tuple[IntArray, IntArray]:
    """Return the first and last index of the grid that matter, one step added."""
    kept = log_density > log_density.max(axis=1, keepdims=True) - KEPT_BELOW_BEST
    first = np.maximum(kept.argmax(axis=1) - 1, 0)
    last = np.minimum(GRID_SIZE - kept[:, ::-1].argmax(axis=1), GRID_SIZE - 1)
    return first, last
