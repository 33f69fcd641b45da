"""From H-alpha, oxygen abundance, ionization, density and dust to every line's brightness.

The published calibrations contradict one another, so no emission model honours all of them. A
model says which ones it does: from dust-free fluxes these give back the abundance that was put
in. Any other diagnostic has an intrinsic value of its own, which the truth of a mock holds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS, dopita16_n2s2, kewley19_n2o2
from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.dust import CASE_B_HALPHA_HBETA, transmitted_fraction
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim.emission.ratios import every_line_to_halpha

OXYGEN_ABUNDANCE_RANGE = (7.0, 9.2)
"""12 + log(O/H) to which the relations are extended."""

LOG_U_RANGE = (-3.98, -1.98)
"""Range of the photoionization models behind the N2O2 relation (Kewley et al. 2019)."""

TYPICAL_ELECTRON_DENSITY_CM3 = 90.0
"""Median of the survey, log n_e = 1.95 (Gillman et al. 2022)."""

N2O2_RANGE = (-2.0, 0.8)
N2S2_RANGE = (-3.0, 1.5)
_TABLE_STEP = 1e-3
_LOG_U_STEP = 0.02


def _inverted(
    relation: Callable[[Array], Array], limits: tuple[float, float], abundance: Array
) -> Array:
    """Invert a relation that rises with its log ratio, by its table."""
    log_ratio = np.arange(limits[0], limits[1] + _TABLE_STEP, _TABLE_STEP)
    return np.asarray(np.interp(abundance, relation(log_ratio), log_ratio))


def _log_n2o2(abundance: Array, log_u: Array) -> Array:
    """Invert N2O2 at the ionization parameter of each place."""
    ionization, place = np.unique(log_u, return_inverse=True)
    if ionization.size == 1:
        return _inverted(partial(kewley19_n2o2, log_u=ionization[0]), N2O2_RANGE, abundance)
    # It changes little with log U: straight lines between 0.02 dex are right to 1e-4 dex.
    grid = np.arange(ionization[0], ionization[-1] + _LOG_U_STEP, _LOG_U_STEP)
    below = np.minimum(((ionization - grid[0]) / _LOG_U_STEP).astype(int), grid.size - 2)
    below = below[place].reshape(np.shape(log_u))
    result = np.zeros(np.broadcast_shapes(abundance.shape, below.shape))
    abundance, log_u, below = np.broadcast_arrays(abundance, log_u, below)
    for index in np.unique(below):
        here = below == index
        ends = [
            _inverted(partial(kewley19_n2o2, log_u=grid[end]), N2O2_RANGE, abundance[here])
            for end in (index, index + 1)
        ]
        fraction = (log_u[here] - grid[index]) / _LOG_U_STEP
        result[here] = (1.0 - fraction) * ends[0] + fraction * ends[1]
    return result


@cache
def _line_through(name: str) -> tuple[float, float]:
    """Return zero point and slope of a calibration that is linear in its log ratio."""
    zero_point, one = DIAGNOSTICS[name].oxygen_abundance(np.array([0.0, 1.0]))
    return float(zero_point), float(one - zero_point)


def _inverted_linear(name: str, abundance: Array) -> Array:
    zero_point, slope = _line_through(name)
    return np.asarray((abundance - zero_point) / slope)


def dopita16_sii(abundance: Array, log_n2: Array) -> Array:
    """Return [S II]/H-alpha for which N2S2 of Dopita et al. (2016) gives an abundance.

    It is of both lines together, from 12 + log(O/H) and log([N II]/H-alpha) of any one shape.
    """
    dopita_y = _inverted(dopita16_n2s2, N2S2_RANGE, abundance)
    return np.asarray(10.0 ** (1.264 * log_n2 - dopita_y))


@runtime_checkable
class EmissionModel(Protocol):
    """Anything that turns the state of the gas into ratios of lines."""

    @property
    def honoured_diagnostics(self) -> tuple[str, ...]:
        """Diagnostics that return the abundance which the model was given."""

    def dust_free_ratios(
        self, oxygen_abundance: ArrayLike, log_u: ArrayLike, electron_density_cm3: ArrayLike
    ) -> dict[str, Array]:
        """Return every line's flux relative to H-alpha before dust.

        Parameters
        ----------
        oxygen_abundance : array_like
            12 + log(O/H).
        log_u : array_like
            Ionization parameter.
        electron_density_cm3 : array_like
            Electron density.

        Returns
        -------
        dict of str to array
            The lines of ``REST_WAVELENGTH_UM``, of the broadcast shape.
        """


@takes_quantities
@dataclass(frozen=True)
class SurveyCalibrations:
    """The relations that the survey uses, inverted at every place of the disk.

    [N II] follows ``n2``, [O III] ``o3n2``, [O II] ``n2o2`` at the ionization parameter of the
    gas and [S II] ``n2s2`` of :mod:`kurvs_pipeline.abundances.diagnostics`; the [O II] and [S II]
    pairs follow the electron density. ``n2o2`` is honoured where log([N II]/[O II]) is between -2
    and 0.8 (beyond, the ratio is held at the limit), and as it is read, at log U = -2.5.
    """

    @property
    def honoured_diagnostics(self) -> tuple[str, ...]:
        """Diagnostics that return the abundance which the model was given."""
        return ("n2", "o3n2", "n2o2", "n2s2")

    def dust_free_ratios(
        self, oxygen_abundance: ArrayLike, log_u: ArrayLike, electron_density_cm3: ArrayLike
    ) -> dict[str, Array]:
        """Return every line's flux relative to H-alpha before dust (:class:`EmissionModel`)."""
        abundance = np.asarray(oxygen_abundance, dtype=float)
        log_n2 = _inverted_linear("n2", abundance)
        nii, hbeta = 10.0**log_n2, np.full_like(log_n2, 1.0 / CASE_B_HALPHA_HBETA)
        oiii = hbeta * 10.0 ** (_inverted_linear("o3n2", abundance) + log_n2)
        oii = nii / 10.0 ** _log_n2o2(abundance, np.asarray(log_u, dtype=float))
        sii = dopita16_sii(abundance, log_n2)
        return every_line_to_halpha(
            hbeta=hbeta,
            oiii_5007=oiii,
            nii_6584=nii,
            oii=oii,
            sii=sii,
            electron_density_cm3=electron_density_cm3,
        )


@takes_quantities
def line_surface_brightness(
    dust_free_halpha: ArrayLike, ratios: Mapping[str, Array], a_v_mag: ArrayLike = 0.0
) -> dict[str, Array]:
    """Return every line's surface brightness behind dust.

    Parameters
    ----------
    dust_free_halpha : array_like
        H-alpha before dust, in any linear unit.
    ratios : mapping of str to array
        Every line relative to H-alpha, from an :class:`EmissionModel`.
    a_v_mag : array_like
        Attenuation of the gas in V; 0 gives the dust-free lines. Every line is attenuated at
        its own wavelength, so a doublet of ratio 3 leaves the dust at slightly less or more.

    Returns
    -------
    dict of str to array
        The lines of ``ratios``, in the unit of the input.
    """
    halpha, a_v = np.asarray(dust_free_halpha, dtype=float), np.asarray(a_v_mag, dtype=float)
    return {
        line: halpha * ratio * transmitted_fraction(REST_WAVELENGTH_UM[line], a_v)
        for line, ratio in ratios.items()
    }
