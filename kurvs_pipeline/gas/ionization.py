"""Ionization parameter of the gas, from [O III]/[O II]."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import QTable, vstack
from numpy.typing import ArrayLike

from kurvs_pipeline.abundances.diagnostics import DEFAULT_LOG_U, kewley19_n2o2
from kurvs_pipeline.abundances.ratios import N2O2, O32, O32_BOTH, Fluxes
from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.gas.draws import AbundanceDraws
from kurvs_pipeline.gas.quantities import interval, value_and_limit
from kurvs_pipeline.lines import REST_WAVELENGTH_UM

MODEL_LOG_U = (-3.98, -1.98)
MODEL_ABUNDANCE = (7.63, 9.23)
"""Ranges of the photoionization models of Kewley et al. (2019)."""

_ITERATIONS = 30
_CONVERGED_DEX = 1e-3


def kewley19_log_u(log_o32: ArrayLike, oxygen_abundance: ArrayLike) -> Array:
    """Return log U for log P/k = 5 (Kewley et al. 2019, Table 3), not limited to the models.

    ``log_o32`` is log([O III]5007 / [O II]3727,3729) without dust; the abundance is on the scale of
    the same models, that of N2O2. Coefficients are as a public code has them, whose range is 7.63
    to 8.93 in abundance and -3.98 to -2.98 in log U; the paper's own table was not at hand.
    """
    x, z = np.asarray(log_o32, dtype=float), np.asarray(oxygen_abundance, dtype=float)
    return np.asarray(
        13.768 + 9.4940 * x - 4.3223 * z - 2.3531 * x * z - 0.5769 * x**2 + 0.2794 * z**2
        + 0.1574 * x * z**2 + 0.0890 * z * x**2 + 0.0311 * x**2 * x
    )  # fmt: skip


def diaz00_log_u(log_o32_both: ArrayLike) -> Array:
    """Return log U of Diaz et al. (2000): -3.02 + 0.80 log([O III]4959,5007 / [O II]).

    The ratio, to [O II]3727,3729, is without dust; no abundance is needed. The relation is taken
    from later papers; the paper itself, and its range, were not at hand.
    """
    return np.asarray(-3.02 + 0.80 * np.asarray(log_o32_both, dtype=float))


def kewley19_log_u_and_abundance(log_n2o2: ArrayLike, log_o32: ArrayLike) -> tuple[Array, Array]:
    """Return log U and 12 + log(O/H), solved together since each needs the other.

    Ratios are [N II]6584/[O II] and [O III]5007/[O II] without dust. Results have the broadcast
    shape; NaN where they do not settle to 0.001 dex inside the models' range.
    """
    ratios = (np.asarray(ratio, dtype=float) for ratio in (log_n2o2, log_o32))
    n2o2, o32 = np.broadcast_arrays(*(np.where(np.isfinite(r), r, np.nan) for r in ratios))
    log_u = np.full(n2o2.shape, DEFAULT_LOG_U)
    last = log_u
    for _ in range(_ITERATIONS):
        # Held inside the models, or a cubic far from them runs away.
        abundance = np.clip(kewley19_n2o2(n2o2, log_u), *MODEL_ABUNDANCE)
        last, log_u = log_u, np.clip(kewley19_log_u(o32, abundance), *MODEL_LOG_U)
        if not np.any(np.abs(log_u - last) >= _CONVERGED_DEX):
            break
    inside = (np.abs(log_u - last) < _CONVERGED_DEX) & _within(log_u, MODEL_LOG_U)
    inside &= _within(abundance, MODEL_ABUNDANCE)
    return np.where(inside, log_u, np.nan), np.where(inside, abundance, np.nan)


def _within(values: Array, limits: tuple[float, float]) -> BoolArray:
    return np.asarray((values > limits[0]) & (values < limits[1]))


@dataclass(frozen=True)
class _IonizationRelation:
    """A relation from dust-free lines to log U, with its source and range, infinite if unknown."""

    name: str
    lines: tuple[str, ...]
    log_u: Callable[[Fluxes], Array]
    valid_range: tuple[float, float]
    source: str

    @property
    def needs_attenuation(self) -> bool:
        """True: [O II] is far from the other lines."""
        return True

    def from_fluxes(self, fluxes: Mapping[str, Array]) -> Array:
        """Return log U; NaN where a line is not positive, or beyond the models."""
        log_u = self.log_u(fluxes)
        return np.where(np.isfinite(log_u), log_u, np.nan)


IONIZATION_RELATIONS = (
    _IonizationRelation(
        "o32_kewley19", ("oiii_5007", "nii_6584", "oii_3726", "oii_3729"),
        lambda flux: kewley19_log_u_and_abundance(N2O2.of(flux), O32.of(flux))[0],
        (-3.98, -2.98), "Kewley et al. 2019, Tables 2 and 3, log P/k = 5, with N2O2's abundance",
    ),
    _IonizationRelation(
        "o32_diaz00", O32_BOTH.lines, lambda flux: diaz00_log_u(O32_BOTH.of(flux)),
        (-np.inf, np.inf), "Diaz et al. 2000",
    ),
)  # fmt: skip


def ionization_table(draws: AbundanceDraws) -> QTable:
    """Return log U of every aperture by every relation.

    Returns
    -------
    QTable
        ``aperture, relation, log_u, err_low, err_high, limit, extrapolated``, with the meanings
        of :func:`abundance_table`. ``limit`` is ``none`` where lines were not measured.
    """
    unmeasured = dict.fromkeys(REST_WAVELENGTH_UM, np.full(draws.a_v.shape, np.nan))
    without_dust = unmeasured | draws.dust_free
    table = vstack(
        [_of_relation(relation, draws, without_dust) for relation in IONIZATION_RELATIONS]
    )
    # Aperture by aperture, as results are read.
    place = np.tile(np.arange(len(draws.fluxes.apertures)), len(IONIZATION_RELATIONS))
    return table[np.argsort(place, kind="stable")]


def _of_relation(
    relation: _IonizationRelation, draws: AbundanceDraws, drawn: dict[str, Array]
) -> QTable:
    log_u, limit = value_and_limit(relation, draws.fluxes, draws.attenuation.a_v)
    low, high = interval(relation.from_fluxes(drawn))
    limit = np.where(np.isfinite(log_u), limit, "none")
    measured = np.where(limit == "", log_u, np.nan)
    return QTable({
        "aperture": list(draws.fluxes.apertures),
        "relation": np.full(log_u.shape, relation.name),
        "log_u": log_u * u.dex,
        "err_low": (measured - low) * u.dex,
        "err_high": (high - measured) * u.dex,
        "limit": limit,
        "extrapolated": np.isfinite(log_u) & ~_within(log_u, relation.valid_range),
    })  # fmt: skip
