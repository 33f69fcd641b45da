"""How much of each ring of a disk lands in each aperture, and what that does to a slope."""

from kurvs_pipeline.smearing.correction import DiskSmearing
from kurvs_pipeline.smearing.matrix import InclinedDisk, SmearingMatrix
from kurvs_pipeline.smearing.point_spread import Seeing
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.smearing.sky_apertures import EllipseApertures, SkyApertures, SpaxelApertures
from kurvs_pipeline.smearing.star import StarPsf, fit_star

__all__ = [
    "DiskSmearing", "EllipseApertures", "InclinedDisk", "Seeing", "SeeingKnowledge", "SkyApertures",
    "SmearingMatrix", "SpaxelApertures", "StarPsf", "fit_star",
]  # fmt: skip
