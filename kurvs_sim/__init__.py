"""Simulate KMOS cubes of disk galaxies whose metallicity gradient is known."""

from kurvs_sim.effects import Effects
from kurvs_sim.exposures import ExposureModel
from kurvs_sim.galaxy import Galaxy
from kurvs_sim.instrument import NoiseModel, SpaxelGrid
from kurvs_sim.numerics import Numerics
from kurvs_sim.observe import observe
from kurvs_sim.seeing import PointSpreadFunction

__all__ = [
    "Effects",
    "ExposureModel",
    "Galaxy",
    "NoiseModel",
    "Numerics",
    "PointSpreadFunction",
    "SpaxelGrid",
    "observe",
]
