"""Spaxels, photons, electrons and the noise that they make."""

from kurvs_sim.instrument.exposures import BandExposures, ExposureModel
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.instrument.noise_level import NoiseLevel, StackNoise
from kurvs_sim.instrument.spaxels import NoiseModel, SpaxelGrid

__all__ = [
    "BandExposures", "ExposureModel", "NoiseCovariance", "NoiseLevel", "NoiseModel", "SpaxelGrid",
    "StackNoise",
]  # fmt: skip
