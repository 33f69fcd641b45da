"""Dust attenuation at z ~ 1.3: the average curve of Battisti et al. (2022)."""

import numpy as np
from numpy.typing import NDArray

R_V = 3.22
CASE_B_HALPHA_HBETA = 2.86
"""Case B at 10^4 K and 100 cm^-3 (Osterbrock 1989)."""

_BUMP_CENTRE_PER_UM = 1.0 / 0.2175
_BUMP_WIDTH_PER_UM = 0.922


def attenuation_curve(rest_wavelength_um: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return k(lambda) = A(lambda)/E(B-V) (Battisti et al. 2022).

    Parameters
    ----------
    rest_wavelength_um : float or array
        Rest wavelength, um.

    Returns
    -------
    array
        k, of the shape of the input; k(H-alpha) = 2.46 and k(H-beta) = 3.82.
    """
    x = 1.0 / np.asarray(rest_wavelength_um, dtype=float)
    polynomial = 3.80 * (-1.542 + 1.046 * x - 0.123 * x**2 + 0.0063 * x**3) + 3.26
    width2 = (_BUMP_WIDTH_PER_UM * x) ** 2
    bump = 0.83 * width2 / ((x**2 - _BUMP_CENTRE_PER_UM**2) ** 2 + width2)
    return np.asarray(polynomial + bump)


def transmitted_fraction(
    rest_wavelength_um: float, a_v_mag: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the fraction of light that leaves the dust, 10^(-0.4 k/R_V A_V)."""
    k_over_r_v = attenuation_curve(rest_wavelength_um) / R_V
    return np.asarray(10.0 ** (-0.4 * k_over_r_v * np.asarray(a_v_mag, dtype=float)))
