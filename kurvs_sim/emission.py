"""From H-alpha, oxygen abundance and dust to the surface brightness of every line.

The published calibrations contradict one another, so no emission model honours all of them.
This one inverts, at every place in the disk, the relations ``n2`` (for [N II]), ``o3n2``
([O III]), ``n2o2`` ([O II]) and ``n2s2`` ([S II]) of :mod:`kurvs_pipeline.abundances`: from
dust-free fluxes these four give back the abundance that was put in. Any other diagnostic has
an intrinsic value of its own. ``n2o2`` is honoured where its inversion is tabulated,
log([N II]/[O II]) from -2 to 0.8; beyond, the ratio is held at the limit.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kurvs_pipeline.abundances import DIAGNOSTICS, dopita16_n2s2, kewley19_n2o2
from kurvs_pipeline.dust import CASE_B_HALPHA_HBETA, transmitted_fraction
from kurvs_pipeline.lines import DOUBLET_RATIO, REST_WAVELENGTH_UM

Array = NDArray[np.float64]

HONOURED_DIAGNOSTICS = ("n2", "o3n2", "n2o2", "n2s2")
"""Diagnostics that return the abundance which the model was given."""

N2O2_RANGE = (-2.0, 0.8)
N2S2_RANGE = (-3.0, 1.5)
_TABLE_STEP = 1e-3

LOW_DENSITY_OII_3729_TO_3726 = 1.5
LOW_DENSITY_SII_6716_TO_6731 = 1.44
"""Limits at low electron density (Osterbrock & Ferland 2006, Chapter 5)."""


@cache
def _inverse_table(
    relation: Callable[[Array], Array], low: float, high: float
) -> tuple[Array, Array]:
    log_ratio = np.arange(low, high + _TABLE_STEP, _TABLE_STEP)
    return relation(log_ratio), log_ratio


def _inverted(
    relation: Callable[[Array], Array], limits: tuple[float, float], abundance: Array
) -> Array:
    return np.interp(abundance, *_inverse_table(relation, *limits))


@cache
def _line_through(name: str) -> tuple[float, float]:
    """Return zero point and slope of a calibration that is linear in its log ratio."""
    zero_point, one = DIAGNOSTICS[name].oxygen_abundance(np.array([0.0, 1.0]))
    return float(zero_point), float(one - zero_point)


def _inverted_linear(name: str, abundance: Array) -> Array:
    zero_point, slope = _line_through(name)
    return np.asarray((abundance - zero_point) / slope)


def dust_free_ratios(
    oxygen_abundance: ArrayLike,
    *,
    oii_3729_to_3726: float = LOW_DENSITY_OII_3729_TO_3726,
    sii_6716_to_6731: float = LOW_DENSITY_SII_6716_TO_6731,
) -> dict[str, Array]:
    """Return every line's flux relative to H-alpha before dust.

    Parameters
    ----------
    oxygen_abundance : array_like
        12 + log(O/H).
    oii_3729_to_3726, sii_6716_to_6731 : float
        Ratios within the density-sensitive pairs.

    Returns
    -------
    dict of str to array
        The lines of ``REST_WAVELENGTH_UM``, each of the shape of the input.
    """
    abundance = np.asarray(oxygen_abundance, dtype=float)
    log_n2 = _inverted_linear("n2", abundance)
    nii, hbeta = 10.0**log_n2, np.full_like(log_n2, 1.0 / CASE_B_HALPHA_HBETA)
    oiii = hbeta * 10.0 ** (_inverted_linear("o3n2", abundance) + log_n2)
    oii = nii / 10.0 ** _inverted(kewley19_n2o2, N2O2_RANGE, abundance)
    dopita_y = _inverted(dopita16_n2s2, N2S2_RANGE, abundance)
    sii = nii / 10.0 ** (dopita_y - 0.264 * log_n2)
    return {
        "oii_3726": oii / (1.0 + oii_3729_to_3726),
        "oii_3729": oii * oii_3729_to_3726 / (1.0 + oii_3729_to_3726),
        "hbeta": hbeta,
        "oiii_4959": oiii / DOUBLET_RATIO,
        "oiii_5007": oiii,
        "nii_6548": nii / DOUBLET_RATIO,
        "halpha": np.ones_like(log_n2),
        "nii_6584": nii,
        "sii_6716": sii * sii_6716_to_6731 / (1.0 + sii_6716_to_6731),
        "sii_6731": sii / (1.0 + sii_6716_to_6731),
    }


def line_surface_brightness(
    dust_free_halpha: ArrayLike,
    oxygen_abundance: ArrayLike,
    a_v_mag: ArrayLike = 0.0,
    *,
    oii_3729_to_3726: float = LOW_DENSITY_OII_3729_TO_3726,
    sii_6716_to_6731: float = LOW_DENSITY_SII_6716_TO_6731,
) -> dict[str, Array]:
    """Return every line's surface brightness behind dust.

    Parameters
    ----------
    dust_free_halpha : array_like
        H-alpha before dust, in any linear unit.
    oxygen_abundance : array_like
        12 + log(O/H).
    a_v_mag : array_like
        Attenuation of the gas in V; 0 gives the dust-free lines. Every line is attenuated at
        its own wavelength, so a doublet of ratio 3 leaves the dust at slightly less or more.
    oii_3729_to_3726, sii_6716_to_6731 : float
        Ratios within the density-sensitive pairs.

    Returns
    -------
    dict of str to array
        The lines of ``REST_WAVELENGTH_UM``, in the unit of the input.
    """
    ratios = dust_free_ratios(
        oxygen_abundance, oii_3729_to_3726=oii_3729_to_3726, sii_6716_to_6731=sii_6716_to_6731
    )
    halpha, a_v = np.asarray(dust_free_halpha, dtype=float), np.asarray(a_v_mag, dtype=float)
    return {
        line: halpha * ratio * transmitted_fraction(REST_WAVELENGTH_UM[line], a_v)
        for line, ratio in ratios.items()
    }
