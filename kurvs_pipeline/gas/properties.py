"""Fourth stage: attenuation, abundances, ionization and source of the light, from line fluxes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from astropy import units as u
from astropy.table import QTable

from kurvs_pipeline.binning import Aperture
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.fluxes.band_fit import BandFit
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.gas.abundances import abundance_table
from kurvs_pipeline.gas.attenuation import attenuation_of
from kurvs_pipeline.gas.classes import UNKNOWN_MASS, StellarMass, bpt_table, mass_excitation_table
from kurvs_pipeline.gas.draws import AbundanceDraws
from kurvs_pipeline.gas.ionization import ionization_table


@dataclass(frozen=True)
class GasProperties:
    """What the lines of every aperture say of the gas.

    Parameters
    ----------
    draws : AbundanceDraws
        Of the noise, which errors come from.
    attenuation, abundances, ionization, classes, mass_excitation : QTable
        As in :class:`~kurvs_pipeline.measured_galaxy.GalaxyMeasurement`.
    """

    draws: AbundanceDraws
    attenuation: QTable
    abundances: QTable
    ionization: QTable
    classes: QTable
    mass_excitation: QTable

    @classmethod
    def of(
        cls,
        fits: Mapping[str, BandFit],
        apertures: Sequence[Aperture],
        *,
        redshift: float,
        stellar_mass: StellarMass = UNKNOWN_MASS,
        seed: int = 0,
    ) -> "GasProperties":
        """Measure the gas of every aperture.

        Parameters
        ----------
        fits : mapping of str to BandFit
            The band with H-alpha first.
        apertures : sequence of Aperture
            The integrated one first.
        redshift : float
            Of the galaxy.
        stellar_mass : StellarMass
            Of the galaxy.
        seed : int
            Of the draws, >= 0.

        Raises
        ------
        ConfigurationError
            If the seed is not a whole number >= 0.
        """
        _require_seed(seed)
        names = [aperture.name for aperture in apertures]
        joint = JointFluxes.of(fits)
        attenuation = attenuation_of(joint, apertures)
        random = np.random.default_rng(np.random.SeedSequence(seed))
        draws = AbundanceDraws.of(joint, attenuation, random)
        return cls(
            draws=draws,
            attenuation=attenuation.table(apertures),
            abundances=abundance_table(draws, names),
            ionization=ionization_table(draws, names),
            classes=bpt_table(joint, names, random, redshift=redshift),
            mass_excitation=_mass_excitation(joint, names, random, stellar_mass),
        )


def _require_seed(seed: object) -> None:
    if not isinstance(seed, Integral) or seed < 0:
        raise ConfigurationError(f"seed is {seed!r}; expected a whole number >= 0, such as 0")


def _mass_excitation(
    fluxes: JointFluxes, names: Sequence[str], random: np.random.Generator, mass: StellarMass
) -> QTable:
    """Classify the whole galaxy: the mass is not that of an annulus."""
    table = mass_excitation_table(
        fluxes,
        names,
        random,
        log_stellar_mass=mass.log_solar,
        log_stellar_mass_err=mass.err,
    )[:1]
    table.add_columns(
        [[mass.log_solar] * u.dex, [mass.err] * u.dex],
        indexes=[1, 1],
        names=["log_stellar_mass", "log_stellar_mass_err"],
    )
    return table
