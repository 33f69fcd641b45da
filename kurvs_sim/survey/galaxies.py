"""The 43 galaxies of KURVS as galaxies that can be observed.

Published (Li et al. 2025, Tables 1 and A1, Fig. 9): redshift, place, stellar mass, star
formation rate, position angle, inclination, effective radius, V/sigma of 32 galaxies, a
metallicity gradient of 35. Redshifts are brought from the air to the vacuum scale. All else
is assumed:

- Disks have an intrinsic axis ratio of 0.2, as the published inclinations assume.
- H-alpha is a sixth of what the star formation rate gives (Kennicutt & Evans 2012) behind the
  attenuation of the stacked galaxies, A_V = 0.38; it has the effective radius of the
  starlight. See ``HALPHA_FRACTION``.
- The abundance at the effective radius lies on the survey's own mass-metallicity relation.
- The attenuation has the profile of the stacked annuli, in arcsec, in every galaxy: straight
  lines between the middles of the annuli, constant inside the first and beyond the last.
- The dispersion is 50 km/s everywhere. The rotation velocity of V/sigma holds at two
  effective radii of an arctan curve that turns over at a quarter of one. V/sigma where not
  published is the median of the others.
- The receding side of the major axis is the Eastern one: catalogues do not say.
- A gradient that is not published is drawn from the intrinsic distribution.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from astropy import units as u

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.cosmology import COSMOLOGY, kpc_per_arcsec
from kurvs_pipeline.dust import transmitted_fraction
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim.galaxy.galaxy import INTEGRATED_A_V_MAG, Galaxy
from kurvs_sim.profiles.radial import Arctan, Linear
from kurvs_sim.profiles.shapes import Tabulated
from kurvs_sim.survey.catalogue import CatalogueEntry, catalogue_entry, kurvs_catalogue
from kurvs_sim.validation import require_finite, require_not_negative

GradientSource = Literal["published", "drawn"]

SOLAR_MASSES_A_YEAR_PER_HALPHA = 5.37e-42
"""Star formation rate over H-alpha luminosity in erg/s (Kennicutt & Evans 2012, Table 1)."""

ANNULAR_A_V_MAG = ((0.25, 0.62), (0.75, 0.40), (1.25, 0.00))
"""Radius in arcsec of the middle of each stacked annulus, and its attenuation (Li et al. 2025,
Section 4)."""

HALPHA_FRACTION = 1.0 / 6.0
"""H-alpha of the survey over that of the star formation rate behind A_V = 0.38.

The survey's public fluxes in 1.5 effective radii are a median of 1/13 of the whole H-alpha that
is expected of 28 galaxies. A factor 2.1 is light outside the aperture, by seeing most of all,
and 6.1 is left. Of this 3.0 is dust, if A_V of the gas follows that of the starlight as in Wuyts
et al. (2013) rather than the Balmer decrement of the stack, and 2.0 is not explained. Both are in
the flux, not in the ratios of lines. The public H-alpha of COSMOS is fainter still than that of
CDFS, 1/13.6 against 1/3.9 of what is expected in the aperture, and its H-beta as bright as its
H-alpha: its H-band unit seems to be another one, so that a single factor is good to two.
"""

DISK_THICKNESS = 0.2
"""Intrinsic axis ratio with which Table A1 derives its inclinations."""

DISPERSION_KMS = 50.0
V_OVER_SIGMA_EFFECTIVE_RADII = 2.0
TURNOVER_EFFECTIVE_RADII = 0.25


@takes_quantities
@dataclass(frozen=True)
class GradientDistribution:
    """A normal distribution of metallicity gradients.

    Parameters
    ----------
    mean, scatter : float
        dex/kpc. The defaults are the intrinsic distribution of the gradients of Table 1 of
        Li et al. (2025), that is with their errors taken out: 0.008 +- 0.0065 and
        0.033 +- 0.006.

    Raises
    ------
    MetadataError
        If a value is impossible.
    """

    mean: float = 0.008
    scatter: float = 0.033

    def __post_init__(self) -> None:
        """Check the values."""
        require_finite(mean=self.mean)
        require_not_negative(scatter=self.scatter)


KURVS_GRADIENTS = GradientDistribution()
_MOST_DRAWS = 10_000


@takes_quantities
def kurvs_sample(
    *,
    gradients: GradientSource = "published",
    distribution: GradientDistribution = KURVS_GRADIENTS,
    seed: int = 0,
) -> tuple[Galaxy, ...]:
    """Return the 43 galaxies of KURVS.

    Parameters
    ----------
    gradients : {"published", "drawn"}
        ``published`` or ``drawn``, with the meaning that :func:`kurvs_galaxy` gives them.
    distribution : GradientDistribution
        Distribution of the gradients that are drawn.
    seed : int
        Seed of the draws, >= 0.

    Returns
    -------
    tuple of Galaxy
        In the order of Table A1, named ``KURVS-1`` to ``KURVS-44``.
    """
    return tuple(
        kurvs_galaxy(kurvs_id, gradients=gradients, distribution=distribution, seed=seed)
        for kurvs_id in kurvs_catalogue()
    )


@takes_quantities
def kurvs_galaxy(
    kurvs_id: int,
    *,
    gradients: GradientSource = "published",
    distribution: GradientDistribution = KURVS_GRADIENTS,
    seed: int = 0,
) -> Galaxy:
    """Return one galaxy of KURVS; the module says what is published and what assumed.

    Parameters
    ----------
    kurvs_id : int
        1 to 44, without 37.
    gradients : {"published", "drawn"}
        ``published``: the corrected gradient of Table 1, by N2 where measured, else by N2O2,
        else by R23; galaxies without one are drawn. ``drawn``: every galaxy is drawn.
    distribution : GradientDistribution
        Distribution of the gradients that are drawn. A draw that would leave the range of the
        calibrations, 7.0 to 9.2, within the effective radius is drawn again.
    seed : int
        Seed of the draws, >= 0. A galaxy's draw does not depend on which others are asked for.

    Returns
    -------
    Galaxy

    Raises
    ------
    ConfigurationError
        If there is no galaxy of this number (the message lists those that exist), or an
        option has a bad value.
    """
    if gradients not in {"published", "drawn"}:
        raise ConfigurationError(f"gradients is {gradients!r}; expected 'published' or 'drawn'")
    if seed < 0:
        raise ConfigurationError(f"seed is {seed}; expected an integer >= 0")
    entry = catalogue_entry(kurvs_id)
    abundance = mass_metallicity_relation(entry.log_stellar_mass)
    scale = kpc_per_arcsec(entry.redshift)
    radius_kpc = entry.effective_radius_arcsec * scale
    gradient = entry.published_gradient
    if gradients == "drawn" or math.isnan(gradient):
        gradient = _drawn_gradient(kurvs_id, abundance, radius_kpc, distribution, seed)
    return Galaxy(
        name=f"KURVS-{kurvs_id}",
        redshift=entry.redshift,
        ra_deg=entry.ra_deg,
        dec_deg=entry.dec_deg,
        inclination_deg=entry.inclination_deg,
        position_angle_deg=entry.position_angle_deg,
        effective_radius_arcsec=entry.effective_radius_arcsec,
        disk_thickness=DISK_THICKNESS,
        halpha_flux=HALPHA_FRACTION * halpha_flux(entry.star_formation_rate, entry.redshift),
        oxygen_abundance=Linear(central=abundance - gradient * radius_kpc, gradient=gradient),
        a_v=_attenuation(scale),
        rotation=_rotation(entry, radius_kpc),
        dispersion_kms=DISPERSION_KMS,
    )


@takes_quantities
def mass_metallicity_relation(log_stellar_mass: float) -> float:
    """Return 12 + log(O/H) by N2 at a stellar mass (Li et al. 2025, Section 3).

    Parameters
    ----------
    log_stellar_mass : float
        log10 of solar masses.
    """
    return 9.00 - math.log10(1.0 + 10.0 ** (-0.32 * (log_stellar_mass - 10.87)))


def halpha_flux(star_formation_rate: float, redshift: float) -> float:
    """Return H-alpha of a star formation rate behind the survey's mean attenuation.

    The rate is in solar masses a year, the flux in 1e-16 erg/s/cm2.
    """
    luminosity = star_formation_rate / SOLAR_MASSES_A_YEAR_PER_HALPHA
    distance_cm = float(COSMOLOGY.luminosity_distance(redshift).to_value(u.cm))
    through = float(transmitted_fraction(REST_WAVELENGTH_UM["halpha"], INTEGRATED_A_V_MAG))
    return 1e16 * luminosity * through / (4.0 * math.pi * distance_cm**2)


def _drawn_gradient(
    kurvs_id: int,
    abundance: float,
    radius_kpc: float,
    distribution: GradientDistribution,
    seed: int,
) -> float:
    """Draw until the abundance at the centre is one that the calibrations know."""
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(kurvs_id,)))
    for _ in range(_MOST_DRAWS):
        gradient = float(random.normal(distribution.mean, distribution.scatter))
        if Linear.minimum <= abundance - gradient * radius_kpc <= Linear.maximum:
            return gradient
    raise ConfigurationError(
        f"{distribution} gives galaxy {kurvs_id}, of effective radius {radius_kpc:.1f} kpc, no "
        f"central abundance in {Linear.minimum}-{Linear.maximum}; choose a mean nearer to 0"
    )


def _attenuation(kpc_per_arcsec: float) -> Tabulated:
    radius_arcsec, a_v = zip(*ANNULAR_A_V_MAG, strict=True)
    return Tabulated(radius=tuple(r * kpc_per_arcsec for r in radius_arcsec), value=a_v)


def _rotation(entry: CatalogueEntry, radius_kpc: float) -> Arctan:
    ratio = entry.v_over_sigma
    if math.isnan(ratio):
        ratio = _median_v_over_sigma()
    turnover = TURNOVER_EFFECTIVE_RADII * radius_kpc
    reached = Arctan(asymptote=1.0, turnover_radius=turnover)(
        V_OVER_SIGMA_EFFECTIVE_RADII * radius_kpc
    )
    return Arctan(asymptote=ratio * DISPERSION_KMS / float(reached), turnover_radius=turnover)


@cache
def _median_v_over_sigma() -> float:
    return float(np.nanmedian([entry.v_over_sigma for entry in kurvs_catalogue().values()]))
