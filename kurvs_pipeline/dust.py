"""Dust attenuation at z ~ 1.3: the average curve of Battisti et al. (2022)."""

import numpy as np
from numpy.typing import ArrayLike

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import ConfigurationError

R_V = 3.22  # of the same average curve
CASE_B_HALPHA_HBETA = 2.86
"""Case B at 10^4 K and 100 cm^-3 (Osterbrock 1989)."""

_BUMP_CENTRE_PER_UM = 1.0 / 0.2175  # the bump at 2175 Angstrom
_BUMP_WIDTH_PER_UM = 0.922

_WUYTS13_LINEAR = 1.9
_WUYTS13_SQUARE = 0.15


def attenuation_curve(rest_wavelength_um: float | Array) -> Array:
    """Return k(lambda) = A(lambda)/E(B-V) (Battisti et al. 2022), in the shape of the input.

    k(H-alpha) is 2.46 and k(H-beta) 3.82.
    """
    x = 1.0 / np.asarray(rest_wavelength_um, dtype=float)
    polynomial = 3.80 * (-1.542 + 1.046 * x - 0.123 * x**2 + 0.0063 * x**3) + 3.26
    width2 = (_BUMP_WIDTH_PER_UM * x) ** 2
    bump = 0.83 * width2 / ((x**2 - _BUMP_CENTRE_PER_UM**2) ** 2 + width2)
    return np.asarray(polynomial + bump)


def transmitted_fraction(rest_wavelength_um: float, a_v_mag: float | Array) -> Array:
    """Return the fraction of light that leaves the dust, 10^(-0.4 k/R_V A_V), for any A_V."""
    k_over_r_v = attenuation_curve(rest_wavelength_um) / R_V
    return np.asarray(10.0 ** (-0.4 * k_over_r_v * np.asarray(a_v_mag, dtype=float)))


def gas_a_v_of_stellar(stellar_a_v_mag: ArrayLike) -> Array:
    """Return the attenuation of the gas from that of the stars (Wuyts et al. 2013), mag in V.

    ``A_gas = A_star (1.9 - 0.15 A_star)``, as Li et al. (2025, Section 3.2) quote it. They find
    it about 1 mag above the Balmer decrement of their stack, with a large scatter between
    galaxies, and use the stack instead, as ``kurvs_pipeline.gas.attenuation`` does.

    The relation turns over at 6.3 mag, beyond the galaxies that it was fitted to; larger values
    give the maximum, unknown ones (NaN) NaN. ConfigurationError if an attenuation is negative.
    """
    a_v = np.asarray(stellar_a_v_mag, dtype=float)
    if np.any(a_v < 0.0):
        raise ConfigurationError(
            f"stellar attenuation must be >= 0 mag or NaN; found {np.nanmin(a_v):g}"
        )
    held = np.minimum(a_v, _WUYTS13_LINEAR / (2.0 * _WUYTS13_SQUARE))
    return np.asarray(held * (_WUYTS13_LINEAR - _WUYTS13_SQUARE * held))
