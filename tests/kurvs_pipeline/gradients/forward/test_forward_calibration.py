"""Ranks of true gradients in their posteriors are uniform where truths come from the prior.

Simulation-based calibration (Talts et al. 2018, arXiv:1804.06788): gradient, abundance, scale
length and seeing are all drawn from what the model believes of them.
"""

import numpy as np
import pytest

from experiments.statistics.repeated_measurements import coverage, median_bias, rank_histogram
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.gradients.forward.estimator import (
    POPULATION_MEAN,
    POPULATION_SCATTER,
    ForwardFit,
)
from kurvs_pipeline.gradients.forward.fluxes import ApertureFluxes
from kurvs_pipeline.gradients.forward.model import ForwardModel
from kurvs_pipeline.gradients.forward.profiles import InverseCalibration, NitrogenProfiles
from kurvs_pipeline.smearing.matrix import InclinedDisk
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.smearing.sky_apertures import EllipseApertures

DISK = InclinedDisk(50.0, 30.0)
ANNULI = EllipseApertures(((0.0, 0.5), (0.5, 1.0), (1.0, 1.5)), DISK.cosine, 30.0)
NITROGEN = NitrogenProfiles(InverseCalibration(DIAGNOSTICS["n2"]))
HALPHA_SNR = 60.0
DRAWS = 600


def fitted_draws(*, radius_arcsec, seeing, seed=0):
    """Draw everything from its prior, and fit it."""
    model = ForwardModel(DISK, radius_arcsec, kpc_per_arcsec(1.5), seeing, ANNULI, NITROGEN)
    random = np.random.default_rng(seed)
    gradient = random.normal(POPULATION_MEAN, POPULATION_SCATTER, DRAWS)
    error = model.prior_err.copy()
    error[model.amplitude_index] = 0.0  # Its prior is too wide to matter: data give it.
    parameters = random.normal(model.prior_mean, error, (DRAWS, len(error)))
    exact = model.predict(gradient, parameters).flux
    typical = model.predict(np.zeros(1), model.prior_mean[None]).flux[0, 0].sum()
    noise = typical / HALPHA_SNR / np.sqrt(3.0)
    flux = exact + noise * random.standard_normal(exact.shape)
    covariance = noise**2 * np.eye(6).reshape(2, 3, 2, 3)
    return gradient, ForwardFit.of(model, ApertureFluxes(flux, covariance), random)


def central_coverage(truth, posterior, fraction):
    tail = 0.5 * (1.0 - fraction)
    return coverage(truth, *posterior.quantile([tail, 1.0 - tail]).T)


@pytest.mark.statistical
@pytest.mark.parametrize("radius_arcsec", [0.3, 0.6])
@pytest.mark.parametrize(
    "seeing", [SeeingKnowledge(0.6), SeeingKnowledge(0.6, 0.33, 0.05, 0.05)],
    ids=["seeing known", "seeing of a star"],
)  # fmt: skip
def test_ranks_of_true_gradients_are_uniform(radius_arcsec, seeing):
    truth, fit = fitted_draws(radius_arcsec=radius_arcsec, seeing=seeing)
    posterior = fit.posterior.with_prior(POPULATION_MEAN, POPULATION_SCATTER)
    assert rank_histogram(posterior.rank(truth))[1] > 1e-3
    for fraction in (0.6827, 0.95):
        inside = central_coverage(truth, posterior, fraction)
        assert inside.value == pytest.approx(fraction, abs=3.5 * inside.error)
    bias = median_bias(truth, posterior.quantile([0.5])[:, 0])
    assert bias.value == pytest.approx(0.0, abs=3.5 * bias.error)
