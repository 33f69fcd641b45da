"""Lines and flat continua fitted to many spectra at once."""

from kurvs_pipeline.fitting.fit import fit_lines, fit_lines_or_fix
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.outcome import FitFlag, LineFits, LineFluxes
from kurvs_pipeline.fitting.sums import StatisticalFluxes, statistical_fluxes

__all__ = [
    "BandLineModel", "FitFlag", "LineFits", "LineFluxes", "StatisticalFluxes", "fit_lines",
    "fit_lines_or_fix", "statistical_fluxes",
]  # fmt: skip
