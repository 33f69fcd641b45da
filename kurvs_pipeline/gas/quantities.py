"""Quantities derived from several lines: their value or limit, and intervals of draws."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from kurvs_pipeline.arrays import Array, StrArray
from kurvs_pipeline.dust import transmitted_fraction
from kurvs_pipeline.fluxes.joint import PAIRS, JointFluxes
from kurvs_pipeline.lines import DETECTION_SNR, REST_WAVELENGTH_UM
from kurvs_pipeline.robust import ONE_SIGMA_PERCENTILES


class _LineQuantity(Protocol):
    """A quantity derived from dust-free lines: an abundance, a ratio, an ionization parameter."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Lines that are needed."""

    @property
    def needs_attenuation(self) -> bool:
        """Whether dust changes it."""

    def from_fluxes(self, fluxes: Mapping[str, Array]) -> Array:
        """Return its value from dust-free fluxes in one unit; NaN where a line is not positive."""


def value_and_limit(
    quantity: _LineQuantity, fluxes: JointFluxes, a_v: Array
) -> tuple[Array, StrArray]:
    """Return a quantity of every aperture, or its limit where one line is not detected.

    The quantity must be monotonic in each of its lines; the attenuation, mag in V, is NaN where it
    is not known.

    Returns
    -------
    value : array, shape (n_apertures,)
        Value, with the one line (or pair) that is not detected at its 4-sigma limit; NaN where
        more are missing, or the attenuation that is needed.
    limit : str array, shape (n_apertures,)
        Empty where all is known, ``upper`` or ``lower`` where the value is such a limit,
        ``none`` where there is no value.
    """
    a_v = needed_a_v(quantity, a_v)
    missing = np.stack([~fluxes.detected(*lines) for lines in parts_of(quantity)])
    n_missing = missing.sum(axis=0)
    observed = {name: fluxes.of_line(name) for name in quantity.lines}
    value = np.where(n_missing == 0, quantity.from_fluxes(dust_free(observed, a_v)), np.nan)
    limit = np.where((n_missing == 0) & np.isfinite(a_v), "", "none").astype("<U5")
    for lines, undetected in zip(parts_of(quantity), missing, strict=True):
        here = undetected & (n_missing == 1)
        if here.any():
            bound, kind = _bound(quantity, fluxes, a_v, lines)
            here &= np.isfinite(bound)
            value, limit = np.where(here, bound, value), np.where(here, kind, limit)
    return value, limit


def parts_of(quantity: _LineQuantity) -> list[tuple[str, ...]]:
    """Return the lines of a quantity, pairs together, each of which must be detected."""
    pairs = [pair for pair in PAIRS if set(pair) <= set(quantity.lines)]
    paired = {name for pair in pairs for name in pair}
    return [*pairs, *((name,) for name in quantity.lines if name not in paired)]


def needed_a_v(quantity: _LineQuantity, a_v: Array) -> Array:
    """Return the attenuation, with 0 where it is not known (NaN) and does not matter."""
    return a_v if quantity.needs_attenuation else np.nan_to_num(a_v)


def dust_free(fluxes: Mapping[str, Array], a_v: Array) -> dict[str, Array]:
    """Return line fluxes corrected for dust; the attenuation, mag in V, broadcasts with each."""
    return {
        name: flux / transmitted_fraction(REST_WAVELENGTH_UM[name], a_v)
        for name, flux in fluxes.items()
    }


def _bound(
    quantity: _LineQuantity, fluxes: JointFluxes, a_v: Array, lines: tuple[str, ...]
) -> tuple[Array, StrArray]:
    """Return the value with lines at their 4-sigma limit, and which side it bounds."""
    ceiling = DETECTION_SNR * fluxes.error_of(*lines) / len(lines)

    def value(factor: float) -> Array:
        observed = {
            name: factor * ceiling if name in lines else fluxes.of_line(name)
            for name in quantity.lines
        }
        return quantity.from_fluxes(dust_free(observed, a_v))

    bound = value(1.0)
    with np.errstate(invalid="ignore"):
        return bound, np.where(value(0.99) < bound, "upper", "lower")


def interval(values: Array) -> tuple[Array, Array]:
    """Return the ends of the central 68 per cent of draws, two arrays of shape (n_apertures,).

    They are NaN where most draws, shape (n_draws, n_apertures), are; other NaN are left out.
    """
    finite = np.isfinite(values)
    number = finite.sum(axis=0)
    # The NaN-aware percentile of numpy takes most of a galaxy's time for tables.
    ordered = np.sort(np.where(finite, values, np.inf), axis=0)
    fraction = np.array(ONE_SIGMA_PERCENTILES)[:, None] / 100.0
    place = fraction * np.maximum(number - 1, 0)
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, np.maximum(number - 1, 0))
    start = np.take_along_axis(ordered, below, axis=0)
    end = np.take_along_axis(ordered, above, axis=0)
    enough = number > 0.5 * len(values)
    rise = np.where(enough, end, 0.0) - np.where(enough, start, 0.0)
    low, high = np.where(enough, start + (place - below) * rise, np.nan)
    return low, high
