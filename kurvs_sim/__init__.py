"""Simulate KMOS cubes of disk galaxies whose metallicity gradient is known."""

from kurvs_sim.atmosphere.seeing import PointSpreadFunction
from kurvs_sim.effects.effects import Effects
from kurvs_sim.galaxy.galaxy import Galaxy
from kurvs_sim.instrument.exposures import ExposureModel
from kurvs_sim.instrument.spaxels import NoiseModel, SpaxelGrid
from kurvs_sim.numerics import Numerics
from kurvs_sim.observing import observe

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
