"""Attenuation, abundances, ionization and classes of all apertures of one galaxy."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import QTable

from kurvs_pipeline.abundances.diagnostics import DEFAULT_LOG_U, DIAGNOSTICS
from kurvs_pipeline.binning import INTEGRATED
from kurvs_pipeline.dust import R_V
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.fluxes.measured import MeasuredLines
from kurvs_pipeline.gas.abundances import abundance_table
from kurvs_pipeline.gas.attenuation import (
    AssumedAttenuation,
    assumed_at,
    assumptions_on_dust,
    attenuation_of,
)
from kurvs_pipeline.gas.classes import (
    UNKNOWN_MASS,
    StellarMass,
    assumptions_on_mass_excitation,
    bpt_table,
    mass_excitation_table,
)
from kurvs_pipeline.gas.draws import AbundanceDraws
from kurvs_pipeline.gas.ionization import ionization_table
from kurvs_pipeline.representation import short_repr


@dataclass(frozen=True, eq=False)
class GasProperties:
    """Properties of the gas of every aperture.

    Parameters
    ----------
    lines : MeasuredLines
        The lines of the galaxy.
    draws : AbundanceDraws
        Draws of the noise, from which errors come.
    attenuation, abundances, ionization, classes, mass_excitation : QTable
        Tables of :class:`~kurvs_pipeline.measured_galaxy.MeasuredGalaxy`.
    assumptions : tuple of str
        What was assumed of the gas where the lines do not tell.
    """

    __repr__ = short_repr

    lines: MeasuredLines
    draws: AbundanceDraws
    attenuation: QTable
    abundances: QTable
    ionization: QTable
    classes: QTable
    mass_excitation: QTable
    assumptions: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        lines: MeasuredLines,
        *,
        stellar_mass: StellarMass = UNKNOWN_MASS,
        assumed_attenuation: AssumedAttenuation | None = None,
        seed: int = 0,
    ) -> "GasProperties":
        """Derive the properties of the gas from the lines of a galaxy.

        Parameters
        ----------
        lines : MeasuredLines
            The lines of the galaxy.
        stellar_mass : StellarMass
            Mass of the galaxy, for its class by mass and excitation; unknown by default.
        assumed_attenuation : AssumedAttenuation, optional
            Attenuation where H-beta does not give it; by default that of the survey's stacked
            galaxies at 1 < z < 2, and nothing elsewhere.
        seed : int
            Seed of the draws, >= 0.
        """
        joint, apertures = lines.joint, lines.located.apertures
        redshift = lines.located.metadata.redshift
        assumed = assumed_at(redshift, assumed_attenuation)
        attenuation = attenuation_of(joint, apertures.apertures, assumed)
        random = np.random.default_rng(np.random.SeedSequence(seed))
        draws = AbundanceDraws.of(joint, attenuation, random)
        return cls(
            lines=lines,
            draws=draws,
            attenuation=attenuation.table(apertures.names),
            abundances=abundance_table(draws),
            ionization=ionization_table(draws),
            classes=bpt_table(joint, random, redshift=redshift),
            mass_excitation=_mass_excitation(joint, random, stellar_mass),
            assumptions=(
                *assumptions_on_dust(attenuation, apertures.names, redshift),
                *_assumptions_of_diagnostics(joint),
                *assumptions_on_mass_excitation(stellar_mass, redshift),
            ),
        )


def _assumptions_of_diagnostics(fluxes: JointFluxes) -> list[str]:
    """Say what diagnostics take as known that the lines of this galaxy do not tell."""
    measured = [d for d in DIAGNOSTICS.values() if set(d.lines) <= set(fluxes.names)]
    notes = {
        "dust dims as by the average curve of Battisti et al. (2022) at z ~ 1.3, with R_V = "
        f"{R_V:g}": any(diagnostic.needs_attenuation for diagnostic in measured),
        f"n2o2 takes log U = {DEFAULT_LOG_U:g} and log P/k = 5, as the survey":
            any(diagnostic.name == "n2o2" for diagnostic in measured),
    }  # fmt: skip
    return [note for note, applies in notes.items() if applies]


def _mass_excitation(fluxes: JointFluxes, random: np.random.Generator, mass: StellarMass) -> QTable:
    """Classify the whole galaxy alone: its mass is not that of an annulus."""
    table = mass_excitation_table(
        fluxes, random, log_stellar_mass=mass.log_solar, log_stellar_mass_err=mass.err
    )
    table = table[table["aperture"] == INTEGRATED]
    table.add_columns(
        [[mass.log_solar] * u.dex, [mass.err] * u.dex],
        indexes=[1, 1],
        names=["log_stellar_mass", "log_stellar_mass_err"],
    )
    return table
