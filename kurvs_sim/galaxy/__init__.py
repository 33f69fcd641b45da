"""What is in the sky."""

from kurvs_sim.galaxy.abundance_scatter import AbundanceScatter
from kurvs_sim.galaxy.clump_map import ClumpMap, image_from_fits
from kurvs_sim.galaxy.clumps import Clumps
from kurvs_sim.galaxy.galaxy import Galaxy
from kurvs_sim.galaxy.nucleus import NuclearSource
from kurvs_sim.galaxy.stars import StellarContinuum
from kurvs_sim.galaxy.structure import DiskStructure

__all__ = [
    "AbundanceScatter", "ClumpMap", "Clumps", "DiskStructure", "Galaxy", "NuclearSource",
    "StellarContinuum", "image_from_fits",
]  # fmt: skip
