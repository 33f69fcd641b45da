"""The mocks that a recovery simulates: a grid, a Latin hypercube or a list of them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from typing import Protocol

import numpy as np
from scipy.stats import qmc

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.observation import SMALLEST_RADIUS_ARCSEC
from kurvs_sim.atmosphere.seeing import SMALLEST_SEEING_ARCSEC
from kurvs_sim.observing import HIGHEST_HALPHA_SNR, LOWEST_HALPHA_SNR, NOMINAL_HALPHA_SNR


@dataclass(frozen=True)
class MockParameters:
    """The parameters in which mocks differ.

    Parameters
    ----------
    gradient_dex_per_kpc : float
        Of 12 + log(O/H).
    psf_beta : float
        Wings of the seeing: the index of a Moffat profile; infinite for a Gaussian.
    halpha_snr : float
        S/N of H-alpha in 1.5 effective radii; the default is the survey's median.
    dust_gradient_mag_per_kpc : float
        Of A_V, which is 0.38 at the effective radius.
    clump_fraction : float
        Fraction of H-alpha in clumps of a kiloparsec.
    rotation_kms : float
        Asymptote of the rotation curve.

    Raises
    ------
    ConfigurationError
        If a value cannot be simulated.
    """

    gradient_dex_per_kpc: float = -0.04
    inclination_deg: float = 45.0
    effective_radius_arcsec: float = 0.5
    seeing_fwhm_arcsec: float = 0.6
    psf_beta: float = math.inf
    halpha_snr: float = NOMINAL_HALPHA_SNR
    dust_gradient_mag_per_kpc: float = 0.0
    clump_fraction: float = 0.0
    rotation_kms: float = 180.0

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated."""
        for name, value in asdict(self).items():
            possible, expected = POSSIBLE[name]
            if not possible(value):
                raise ConfigurationError(f"{name} is {value}; expected a number {expected}")


FIELD_ARCSEC = 2.8
LARGEST_RADIUS_ARCSEC = 10.0
STEEPEST_DEX_PER_KPC, STEEPEST_MAG_PER_KPC = 1.0, 10.0
"""Ten times what is observed, and more: other numbers are in another unit."""

MOST_GALAXIES = 1_000_000


def _between(low: float, high: float) -> tuple[Callable[[float], bool], str]:
    """Return a test of a value, and the range in words."""
    return (lambda value: low <= value <= high), f"from {low:g} to {high:g}"


POSSIBLE: Mapping[str, tuple[Callable[[float], bool], str]] = {
    "gradient_dex_per_kpc": _between(-STEEPEST_DEX_PER_KPC, STEEPEST_DEX_PER_KPC),
    "inclination_deg": (lambda value: 0.0 <= value < 90.0, "in [0, 90)"),
    "effective_radius_arcsec": _between(SMALLEST_RADIUS_ARCSEC, LARGEST_RADIUS_ARCSEC),
    "seeing_fwhm_arcsec": (
        lambda value: value == 0.0 or SMALLEST_SEEING_ARCSEC <= value <= FIELD_ARCSEC,
        f"from {SMALLEST_SEEING_ARCSEC:g} to {FIELD_ARCSEC}, the field, or 0 for none",
    ),
    "psf_beta": (lambda value: value > 1.1, "above 1.1; inf is a Gaussian"),
    "halpha_snr": _between(LOWEST_HALPHA_SNR, HIGHEST_HALPHA_SNR),
    "dust_gradient_mag_per_kpc": _between(-STEEPEST_MAG_PER_KPC, STEEPEST_MAG_PER_KPC),
    "clump_fraction": (lambda value: 0.0 <= value <= 1.0, "in [0, 1]"),
    "rotation_kms": (lambda value: 0.0 <= value <= 1000.0, "in [0, 1000]"),
}
"""By parameter: a test of a value, and the range in words."""

NAMES = tuple(parameter.name for parameter in fields(MockParameters))


class Design(Protocol):
    """The galaxies of a recovery."""

    @property
    def n_galaxies(self) -> int:
        """Number of galaxies."""

    @property
    def extremes(self) -> Mapping[str, tuple[float, float]]:
        """Lowest and highest value of every parameter."""

    @property
    def description(self) -> Mapping[str, object]:
        """All that determines the galaxies, as plain values for JSON."""

    def galaxy(self, index: int) -> MockParameters:
        """Return one of the galaxies, numbered from 0."""


DEFAULT_AXES: Mapping[str, tuple[float, ...]] = {
    "gradient_dex_per_kpc": (-0.08, -0.04, 0.0, 0.04),
    "inclination_deg": (30.0, 60.0),
    "effective_radius_arcsec": (0.3, 0.5, 0.7),
}


@dataclass(frozen=True)
class Grid:
    """Every combination of some values.

    Parameters
    ----------
    axes : mapping of str to tuple of float
        Values by parameter; the last changes fastest. Others keep their defaults.

    Raises
    ------
    ConfigurationError
        If a list is empty, repeats a value or has an impossible one.
    """

    axes: Mapping[str, tuple[float, ...]] = field(default_factory=lambda: DEFAULT_AXES)

    def __post_init__(self) -> None:
        """Refuse impossible axes."""
        for name, values in self.axes.items():
            possible, expected = POSSIBLE[name]
            if not values or len(set(values)) < len(values) or not all(map(possible, values)):
                raise ConfigurationError(
                    f"{name} is {list(values)}; expected one or more different numbers {expected}"
                )

    @property
    def n_galaxies(self) -> int:
        """Number of combinations."""
        return math.prod(map(len, self.axes.values()))

    @property
    def extremes(self) -> Mapping[str, tuple[float, float]]:
        """Lowest and highest value of every parameter."""
        return _extremes({name: (min(values), max(values)) for name, values in self.axes.items()})

    @property
    def description(self) -> Mapping[str, object]:
        """All that determines the galaxies."""
        return {"grid": {name: _plain(values) for name, values in self.axes.items()}}

    def galaxy(self, index: int) -> MockParameters:
        """Return one of the galaxies, numbered from 0."""
        place = np.unravel_index(index, [len(values) for values in self.axes.values()])
        chosen = {n: self.axes[n][int(i)] for n, i in zip(self.axes, place, strict=True)}
        return MockParameters(**chosen)


@dataclass(frozen=True)
class LatinHypercube:
    """Galaxies that fill ranges evenly in every parameter at once (McKay et al. 1979).

    Parameters
    ----------
    ranges : mapping of str to (float, float)
        Lowest and highest value by parameter. Others keep their defaults.

    Raises
    ------
    ConfigurationError
        If a range is impossible.
    """

    ranges: Mapping[str, tuple[float, float]]
    n_galaxies: int
    seed: int

    def __post_init__(self) -> None:
        """Refuse impossible ranges."""
        if not 1 <= self.n_galaxies <= MOST_GALAXIES:
            raise ConfigurationError(
                f"n_galaxies is {self.n_galaxies}; expected at least 1, at most {MOST_GALAXIES:,}"
            )
        for name, (low, high) in self.ranges.items():
            possible, expected = POSSIBLE[name]
            if not (math.isfinite(high) and low < high and possible(low) and possible(high)):
                raise ConfigurationError(
                    f"{name} is {[low, high]}; expected a lower and a higher finite number, "
                    f"{expected}"
                )

    @property
    def extremes(self) -> Mapping[str, tuple[float, float]]:
        """Lowest and highest value of every parameter."""
        return _extremes(self.ranges)

    @property
    def description(self) -> Mapping[str, object]:
        """All that determines the galaxies, apart from the seed."""
        ranges = {name: list(limits) for name, limits in self.ranges.items()}
        return {"latin_hypercube": {"n_galaxies": self.n_galaxies, **ranges}}

    def galaxy(self, index: int) -> MockParameters:
        """Return one of the galaxies, numbered from 0."""
        points = _hypercube(len(self.ranges), self.n_galaxies, self.seed)
        return MockParameters(**{
            name: float(low + (high - low) * point)
            for (name, (low, high)), point in zip(self.ranges.items(), points[index], strict=True)
        })  # fmt: skip


@dataclass(frozen=True)
class MockList:
    """Galaxies that are listed one by one.

    Raises
    ------
    ConfigurationError
        If the list is empty.
    """

    galaxies: tuple[MockParameters, ...]

    def __post_init__(self) -> None:
        """Refuse an empty list."""
        if not self.galaxies:
            raise ConfigurationError("galaxies is empty; expected one [[galaxies]] or more")

    @property
    def n_galaxies(self) -> int:
        """Number of galaxies."""
        return len(self.galaxies)

    @property
    def extremes(self) -> Mapping[str, tuple[float, float]]:
        """Lowest and highest value of every parameter."""
        values = {name: [getattr(g, name) for g in self.galaxies] for name in NAMES}
        return {name: (min(of_all), max(of_all)) for name, of_all in values.items()}

    @property
    def description(self) -> Mapping[str, object]:
        """All that determines the galaxies."""
        return {
            "galaxies": {
                name: _plain(tuple(getattr(galaxy, name) for galaxy in self.galaxies))
                for name in NAMES
            }
        }

    def galaxy(self, index: int) -> MockParameters:
        """Return one of the galaxies, numbered from 0."""
        return self.galaxies[index]


@lru_cache(maxsize=1)
def _hypercube(n_dimensions: int, n_points: int, seed: int) -> Array:
    """Return points in the unit cube, shape (n_points, n_dimensions)."""
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0, 0, 0)))
    return np.asarray(qmc.LatinHypercube(n_dimensions, rng=random).random(n_points))


def _extremes(
    stated: Mapping[str, tuple[float, float]],
) -> Mapping[str, tuple[float, float]]:
    default = MockParameters()
    return {name: stated.get(name, (getattr(default, name),) * 2) for name in NAMES}


def _plain(values: tuple[float, ...]) -> list[float | str]:
    """JSON has no infinities."""
    return [value if math.isfinite(value) else str(value) for value in values]
