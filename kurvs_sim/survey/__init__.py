"""The 43 galaxies of KURVS."""

from kurvs_sim.survey.catalogue import CatalogueEntry, catalogue_entry, kurvs_catalogue
from kurvs_sim.survey.galaxies import (
    GradientDistribution,
    kurvs_galaxy,
    kurvs_sample,
    mass_metallicity_relation,
)
from kurvs_sim.survey.procedure import PROCEDURE, BandProcedure

__all__ = [
    "PROCEDURE", "BandProcedure", "CatalogueEntry", "GradientDistribution", "catalogue_entry",
    "kurvs_catalogue", "kurvs_galaxy", "kurvs_sample", "mass_metallicity_relation",
]  # fmt: skip
