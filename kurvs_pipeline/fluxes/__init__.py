"""Line fluxes of every aperture in every band, and their covariance."""

from kurvs_pipeline.fluxes.band_fit import BandFit, fit_bands
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.fluxes.measured import MeasuredLines
from kurvs_pipeline.fluxes.stellar_absorption import BalmerAbsorption
from kurvs_pipeline.fluxes.table import flux_table

__all__ = ["BalmerAbsorption", "BandFit", "JointFluxes", "MeasuredLines", "fit_bands", "flux_table"]
