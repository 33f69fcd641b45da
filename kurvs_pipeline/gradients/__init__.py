"""Gradients through the annuli, by every estimator."""

from kurvs_pipeline.gradients.forward.estimator import ForwardFit
from kurvs_pipeline.gradients.forward.fluxes import ApertureFluxes
from kurvs_pipeline.gradients.forward.model import ForwardModel
from kurvs_pipeline.gradients.forward.posterior import GradientPosterior
from kurvs_pipeline.gradients.population import Population
from kurvs_pipeline.gradients.slope import Slope, weighted_slope
from kurvs_pipeline.gradients.table import gradient_table

__all__ = [
    "ApertureFluxes", "ForwardFit", "ForwardModel", "GradientPosterior", "Population", "Slope",
    "gradient_table", "weighted_slope",
]  # fmt: skip
