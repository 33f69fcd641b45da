"""Airglow, transmission and seeing."""

from kurvs_sim.atmosphere.airglow import (
    airglow_lines,
    flux_density_per_photon_rate,
    oh_lines,
    sky_photon_rate,
    transmission,
)
from kurvs_sim.atmosphere.composite_seeing import CompositeSeeing, ElongatedSeeing, ExposureSequence
from kurvs_sim.atmosphere.seeing import ChromaticSeeing, PointSpreadFunction, Seeing
from kurvs_sim.atmosphere.star_image import StarImage

__all__ = [
    "ChromaticSeeing", "CompositeSeeing", "ElongatedSeeing", "ExposureSequence",
    "PointSpreadFunction", "Seeing", "StarImage", "airglow_lines", "flux_density_per_photon_rate",
    "oh_lines", "sky_photon_rate", "transmission",
]  # fmt: skip
