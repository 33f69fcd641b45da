"""What bends a measurement beyond seeing and white noise, each switched on alone."""

from kurvs_sim.effects.defects import (
    CosmicRays,
    DeadColumns,
    MisscaledNoise,
    SaturatedLines,
    UnseenEdges,
)
from kurvs_sim.effects.dithers import Dithers
from kurvs_sim.effects.effects import NO_EFFECTS, Effects
from kurvs_sim.effects.line_spread import LineSpread
from kurvs_sim.effects.sky_residuals import SkyResiduals
from kurvs_sim.effects.sky_subtraction import SkyOversubtraction, TelluricResidual

__all__ = [
    "NO_EFFECTS", "CosmicRays", "DeadColumns", "Dithers", "Effects", "LineSpread", "MisscaledNoise",
    "SaturatedLines", "SkyOversubtraction", "SkyResiduals", "TelluricResidual", "UnseenEdges",
]  # fmt: skip
