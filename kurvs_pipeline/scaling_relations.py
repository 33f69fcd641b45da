"""Scaling relations of galaxies: the main sequence, and mass against metallicity."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import ConfigurationError, CoverageError

LOG_TURNOVER_MASS_RANGE = (8.0, 13.0)
SLOPE_RANGE = (0.05, 2.0)


def main_sequence_log_sfr(log_stellar_mass: ArrayLike, redshift: ArrayLike) -> Array:
    """Return log star formation rate on the main sequence (Schreiber et al. 2015, eq. 9).

    The result is log10 of solar masses a year, of the broadcast shape; galaxies scatter about it by
    0.3 dex. Masses, log10 of solar ones, are for the initial mass function of Salpeter (1955), as
    the rate is; the relation was fitted up to redshift 4.
    """
    mass = np.asarray(log_stellar_mass, dtype=float) - 9.0
    growth = np.log10(1.0 + np.asarray(redshift, dtype=float))
    bending = np.maximum(0.0, mass - 0.36 - 2.5 * growth)
    return np.asarray(mass - 0.50 + 1.5 * growth - 0.30 * bending**2)


@dataclass(frozen=True)
class MassMetallicityRelation:
    """12 + log(O/H) = asymptote - log10(1 + (M / M_turnover)^-slope).

    Li et al. (2025), Section 3, after Zahid et al. (2014). The turnover is in log10 of solar
    masses; the slope against log mass, far below it, is > 0.
    """

    asymptote: float
    log_turnover_mass: float
    slope: float

    def __call__(self, log_stellar_mass: ArrayLike) -> Array:
        """Return 12 + log(O/H) at a mass in log10 of solar masses."""
        below = self.slope * (self.log_turnover_mass - np.asarray(log_stellar_mass, dtype=float))
        # log10(1 + 10^x), safe for any x.
        return np.asarray(self.asymptote - np.logaddexp(0.0, np.log(10.0) * below) / np.log(10.0))

    def slope_at(self, log_stellar_mass: ArrayLike) -> Array:
        """Return the change of abundance with log10 of the mass (solar), dex per dex."""
        below = self.slope * (self.log_turnover_mass - np.asarray(log_stellar_mass, dtype=float))
        return np.asarray(self.slope / (1.0 + 10.0**-below))


N2_RELATION = MassMetallicityRelation(asymptote=9.00, log_turnover_mass=10.87, slope=0.32)
"""The survey's relation by N2 (Li et al. 2025, Section 3)."""


def fit_mass_metallicity(
    log_stellar_mass: ArrayLike,
    oxygen_abundance: ArrayLike,
    *,
    log_stellar_mass_err: ArrayLike,
    oxygen_abundance_err: ArrayLike,
) -> MassMetallicityRelation:
    """Fit the relation to galaxies with errors in mass and abundance.

    Each galaxy is weighted by the error that both quantities make along the abundance axis,
    ``err_abundance^2 + (slope at its mass x err_mass)^2``, by maximum likelihood (the logarithm of
    the variance counts, or steep relations would win). Intrinsic scatter is not fitted: add it to
    the errors. The three parameters are degenerate over a narrow range of mass; the curve inside
    that range is not.

    Arrays have shape (n,): log10 of solar masses, 12 + log(O/H), and standard errors in dex; pairs
    that are not finite are left out. ConfigurationError if an error is negative, or that of an
    abundance zero; CoverageError if fewer than four galaxies are left.
    """
    values = np.broadcast_arrays(
        *(np.asarray(v, dtype=float) for v in (
            log_stellar_mass, oxygen_abundance, log_stellar_mass_err, oxygen_abundance_err))
    )  # fmt: skip
    mass, abundance, mass_err, abundance_err = (
        v[np.all(np.isfinite(values), axis=0)] for v in values
    )
    if mass.size < 4:
        raise CoverageError(
            f"{mass.size} galaxies with mass and abundance; expected at least 4 for 3 parameters"
        )
    if np.any(mass_err < 0.0) or np.any(abundance_err <= 0.0):
        raise ConfigurationError(
            "log_stellar_mass_err must be >= 0 and oxygen_abundance_err > 0 for every galaxy"
        )

    def terms(parameters: Array) -> Array:
        relation = MassMetallicityRelation(*parameters)
        variance = abundance_err**2 + (relation.slope_at(mass) * mass_err) ** 2
        deviation = (abundance - relation(mass)) / np.sqrt(variance)
        # Squared, these are chi2 + sum log(variance / smallest), which least squares can add up.
        return np.concatenate([deviation, np.sqrt(np.log(variance / abundance_err**2))])

    start = (float(np.max(abundance)), float(np.median(mass)), 0.3)
    low, high = zip((7.0, 10.0), LOG_TURNOVER_MASS_RANGE, SLOPE_RANGE, strict=True)
    return MassMetallicityRelation(
        *map(float, least_squares(terms, np.clip(start, low, high), bounds=(low, high)).x)
    )
