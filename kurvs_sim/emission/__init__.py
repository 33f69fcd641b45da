"""From the state of the gas to every line."""

from kurvs_sim.emission.calibrated import EmissionModel, SurveyCalibrations, line_surface_brightness
from kurvs_sim.emission.curti import CurtiCalibrations

__all__ = ["CurtiCalibrations", "EmissionModel", "SurveyCalibrations", "line_surface_brightness"]
