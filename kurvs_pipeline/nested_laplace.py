"""The likelihood of a gradient, with everything else fitted and integrated over at each value.

At every value of the gradient on a grid the other parameters are brought to their best by
Levenberg-Marquardt and integrated over as a Gaussian about it (a nested Laplace approximation:
Rue, Martino and Chopin 2009). The grid closes in on where the likelihood is. All values, and all
realisations of the noise, are fitted at once.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.aperture_fluxes import ApertureFluxes
from kurvs_pipeline.forward_model import ForwardModel

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

MOST_STEPS = 40
CONVERGED = 1e-5
"""Of a standard deviation, squared: the step that ends a fit."""

LONGEST_STEP = 1.0
"""In standard deviations of the priors: far from the best, a straight line leads astray."""

FIRST_DAMPING, MOST_DAMPING = 1e-2, 1e9


class Conditional(NamedTuple):
    """The best fit at each given gradient.

    Parameters
    ----------
    parameters : array, shape (n_models, n_parameters)
        All but the gradient.
    chi2 : array, shape (n_models,)
        Of fluxes and priors.
    precision : array, shape (n_models, n_parameters, n_parameters)
        Inverse covariance of the parameters.
    """

    parameters: Array
    chi2: Array
    precision: Array

    @property
    def log_likelihood(self) -> Array:
        """Of the gradient, all else integrated over, but for a constant; shape (n_models,)."""
        _, log_determinant = np.linalg.slogdet(self.precision)
        return np.asarray(-0.5 * self.chi2 - 0.5 * log_determinant)


@dataclass(frozen=True, eq=False)
class NestedLaplace:
    """Fits of a forward model to the fluxes of one galaxy.

    Parameters
    ----------
    model : ForwardModel
        What is fitted.
    data : ApertureFluxes
        What it is fitted to.
    """

    model: ForwardModel
    data: ApertureFluxes

    @cached_property
    def prior_mean(self) -> Array:
        """Of the parameters by realisation, with a first guess of the amplitude from its data.

        Returns
        -------
        array, shape (n_realisations, n_parameters)
        """
        prior = np.tile(self.model.prior_mean, (len(self.data.flux), 1))
        unit = self.model.predict(np.zeros(1), self.model.prior_mean[None]).flux[0, 0]
        # Of what is not detected the flux may be 0 or negative, and its error is the better guess.
        seen = np.maximum(self.data.total_halpha, self.data.total_halpha_err)
        total = unit[self.data.measured[0]].sum()
        prior[:, self.model.amplitude_index] = np.log(seen / total)
        return prior

    def maximise(self, gradient: Array, start: Array, realisation: IntArray) -> Conditional:
        """Fit all parameters but the gradient by Levenberg-Marquardt.

        Parameters
        ----------
        gradient : array, shape (n_models,)
            dex/kpc, held.
        start : array, shape (n_models, n_parameters)
            First guess.
        realisation : int array, shape (n_models,)
            Which fluxes each model is fitted to.

        Returns
        -------
        Conditional
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
        return Conditional(found.parameters, found.chi2, found.precision)

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
        """Return chi squared of fluxes and priors, shape (n_models,).

        Parameters
        ----------
        gradient : array, shape (n_models,)
            dex/kpc.
        parameters : array, shape (n_models, n_parameters)
            All others.
        realisation : int array, shape (n_models,)
            Of the noise, that each model is compared with.
        """
        return self._expand(gradient, parameters, realisation).chi2


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
    return np.asarray(np.linalg.solve(damped, expansion.downhill[:, :, None])[:, :, 0])
