"""Simulate KMOS cubes of disk galaxies whose metallicity gradient is known."""

from kurvs_sim.atmosphere import PointSpreadFunction
from kurvs_sim.galaxy import Galaxy
from kurvs_sim.instrument import NoiseModel, SpaxelGrid
from kurvs_sim.numerics import Numerics
from kurvs_sim.observe import observe

__all__ = [
    "Galaxy",
    "NoiseModel",
    "Numerics",
    "PointSpreadFunction",
    "SpaxelGrid",
    "observe",
]
