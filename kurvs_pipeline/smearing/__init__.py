"""How much of each ring of a disk lands in each aperture, and what that does to a slope."""

from kurvs_pipeline.smearing.correction import DiskSmearing
from kurvs_pipeline.smearing.f_grad_map import FGradMap, SmearedDisks
from kurvs_pipeline.smearing.matrix import InclinedDisk, SmearingMatrix
from kurvs_pipeline.smearing.point_spread import Seeing
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.smearing.sky_apertures import EllipseApertures, SkyApertures, SpaxelApertures
from kurvs_pipeline.smearing.star import StarPsf, fit_star

__all__ = [
    "DiskSmearing",
    "EllipseApertures",
    "FGradMap",
    "InclinedDisk",
    "Seeing",
    "SeeingKnowledge",
    "SkyApertures",
    "SmearedDisks",
    "SmearingMatrix",
    "SpaxelApertures",
    "StarPsf",
    "fit_star",
]
