"""Selection of a sample: the chance to detect enough annuli for a gradient, by gradient."""

import numpy as np
from scipy.special import ndtr

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.gradients.forward.fluxes import ApertureFluxes
from kurvs_pipeline.gradients.forward.model import ForwardModel
from kurvs_pipeline.lines import DETECTION_SNR


def chance_of_bins(
    model: ForwardModel,
    fluxes: ApertureFluxes,
    parameters: Array,
    gradient: Array,
    *,
    fewest: int = 2,
) -> Array:
    """Return the chance that enough annuli have every line above 4 sigma, shape (n_gradients,).

    A sample of published gradients holds only galaxies for which this happened, and it happens
    more often where the outer disk is metal-rich; see ``selection`` of
    :class:`~kurvs_pipeline.gradients.population.Population`. A fit to all galaxies needs no such
    correction.

    Annuli and lines are taken as independent, with the errors of the fluxes. ``parameters`` are
    those of the model apart from the gradient, such as the best fit.
    """
    expected = model.predict(gradient, np.tile(parameters, (len(gradient), 1))).flux
    size = expected[0].size
    variance = np.diagonal(fluxes.covariance.reshape(size, size)).reshape(expected[0].shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        detected = ndtr(expected / np.sqrt(variance) - DETECTION_SNR)
    chance = np.where(fluxes.measured, detected, 0.0).prod(axis=1)
    return np.asarray(1.0 - _number_of_successes(chance)[:, :fewest].sum(axis=1))


def _number_of_successes(chance: Array) -> Array:
    """Return the probability of each number of successes, shape (n_models, n_trials + 1)."""
    probability = np.zeros((len(chance), chance.shape[1] + 1))
    probability[:, 0] = 1.0
    for success in chance.T:
        moved = np.roll(probability, 1, axis=1) * success[:, None]
        probability = probability * (1.0 - success[:, None]) + moved
    return probability
