"""Published relations from line ratios to 12 + log(O/H): common ground with the simulator."""

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS, Diagnostic, calibrations
from kurvs_pipeline.abundances.polynomials import PolynomialCalibration
from kurvs_pipeline.abundances.ratios import N2, N2O2, O32, O32_BOTH, R3, Fluxes, LineRatio

__all__ = [
    "DIAGNOSTICS", "N2", "N2O2", "O32", "O32_BOTH", "R3", "Diagnostic", "Fluxes", "LineRatio",
    "PolynomialCalibration", "calibrations",
]  # fmt: skip
