"""Where the galaxy is, how its gas moves, and its apertures."""

from kurvs_pipeline.kinematics.frame import GalaxyFrame
from kurvs_pipeline.kinematics.located import LocatedGalaxy
from kurvs_pipeline.kinematics.velocity_map import KinematicMaps, kinematic_maps

__all__ = ["GalaxyFrame", "KinematicMaps", "LocatedGalaxy", "kinematic_maps"]
