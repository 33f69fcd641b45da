"""The Fisher information on a gradient in line fluxes, without a fit."""

import numpy as np

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.gradients.forward.fluxes import ApertureFluxes
from kurvs_pipeline.gradients.forward.model import ForwardModel

STEP_DEX_PER_KPC = 1e-5


def information(
    model: ForwardModel, fluxes: ApertureFluxes, gradient: float, parameters: Array
) -> Array:
    """Return the Fisher information of the gradient and of all other parameters.

    Parameters
    ----------
    gradient : float
        dex/kpc, where the model is evaluated.
    parameters : array, shape (n_parameters,)
        Values of all other parameters, for the same.

    Returns
    -------
    array, shape (1 + n_parameters, 1 + n_parameters)
        Of the data alone, the gradient first. Priors are to be added.
    """
    beside = gradient + np.array([-STEP_DEX_PER_KPC, STEP_DEX_PER_KPC])
    below, above = model.predict(beside, np.stack([parameters, parameters])).flux
    slopes = model.predict(np.array([gradient]), parameters[None]).by_parameter[0]
    by_gradient = (above - below) / (2.0 * STEP_DEX_PER_KPC)
    jacobian = fluxes.whiten(np.concatenate([by_gradient[None], slopes]))
    return np.asarray(jacobian @ jacobian.T)
