"""Dust, abundances, ionization and source of the light, from line fluxes."""

from kurvs_pipeline.gas.abundances import abundance_table
from kurvs_pipeline.gas.attenuation import SURVEY_STACK, AssumedAttenuation, Attenuation
from kurvs_pipeline.gas.classes import StellarMass
from kurvs_pipeline.gas.draws import AbundanceDraws
from kurvs_pipeline.gas.properties import GasProperties

__all__ = [
    "SURVEY_STACK", "AbundanceDraws", "AssumedAttenuation", "Attenuation", "GasProperties",
    "StellarMass", "abundance_table",
]  # fmt: skip
