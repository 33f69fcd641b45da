"""Simulate KMOS cubes of disk galaxies whose metallicity gradient is known."""

from typing import TYPE_CHECKING

from kurvs_pipeline.exports import on_use

if TYPE_CHECKING:
    from kurvs_sim import profiles, survey
    from kurvs_sim.atmosphere.seeing import PointSpreadFunction
    from kurvs_sim.effects.effects import Effects
    from kurvs_sim.galaxy.galaxy import Galaxy
    from kurvs_sim.instrument.exposures import ExposureModel
    from kurvs_sim.instrument.spaxels import NoiseModel, SpaxelGrid
    from kurvs_sim.numerics import Numerics
    from kurvs_sim.observing import observe, survey_observation
else:
    __getattr__, __dir__ = on_use(
        __name__,
        {
            "Effects": "kurvs_sim.effects.effects",
            "ExposureModel": "kurvs_sim.instrument.exposures",
            "Galaxy": "kurvs_sim.galaxy.galaxy",
            "NoiseModel": "kurvs_sim.instrument.spaxels",
            "Numerics": "kurvs_sim.numerics",
            "PointSpreadFunction": "kurvs_sim.atmosphere.seeing",
            "SpaxelGrid": "kurvs_sim.instrument.spaxels",
            "observe": "kurvs_sim.observing",
            "profiles": "kurvs_sim",
            "survey": "kurvs_sim",
            "survey_observation": "kurvs_sim.observing",
        },
    )

__all__ = [
    "Effects", "ExposureModel", "Galaxy", "NoiseModel", "Numerics", "PointSpreadFunction",
    "SpaxelGrid", "observe", "profiles", "survey", "survey_observation",
]  # fmt: skip
