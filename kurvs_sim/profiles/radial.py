"""Radial profiles: how a property of a galaxy changes with radius in its plane.

A profile knows no units: its lengths are in the unit of the radius that it is called with.
A :class:`~kurvs_sim.galaxy.galaxy.Galaxy` calls every one of its profiles with kpc. Profiles add
and multiply, with one another and with numbers: ``Exponential(...) + 0.3 * Ring(...)``.
"""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_sim.validation import LARGEST, require, require_finite, require_positive


@runtime_checkable
class RadialProfile(Protocol):
    """Anything that maps radius to a value."""

    def __call__(self, radius: ArrayLike) -> Array:
        """Return the value at each radius.

        Parameters
        ----------
        radius : array_like
            Distance from the centre in the plane of the disk, >= 0.

        Returns
        -------
        array
            Values, of the shape of the input.
        """


class Composable:
    """A profile that adds to and multiplies with others."""

    def __call__(self, radius: ArrayLike) -> Array:
        """Return the value at each radius."""
        raise NotImplementedError

    def __add__(self, other: "RadialProfile | float") -> "Sum":
        """Return the profile that is the sum of two."""
        return Sum((*_members(self, Sum), *_members(other, Sum)))

    def __mul__(self, other: "RadialProfile | float") -> "Product":
        """Return the profile that is the product of two."""
        return Product((*_members(self, Product), *_members(other, Product)))

    __radd__ = __add__
    __rmul__ = __mul__


STEEPEST = 1e4
"""Change per unit of radius: no disk is as small as a ten-thousandth of one."""


def require_gradient(**values: float) -> None:
    """Refuse changes with radius that no disk has: MetadataError names the first of them."""
    for name, value in values.items():
        require(name, value, within=abs(value) <= STEEPEST,
                expected=f"a number between {-STEEPEST:g} and {STEEPEST:g}")  # fmt: skip


def _members(
    profile: "RadialProfile | float", kind: "type[Sum | Product]"
) -> tuple[RadialProfile, ...]:
    """Return what a sum adds or a product multiplies; any other profile is one member."""
    if isinstance(profile, kind):
        return profile.profiles
    if isinstance(profile, int | float | np.number):
        return (Constant(float(profile)),)
    return (profile,)


def as_profile(name: str, value: object) -> RadialProfile:
    """Return a number as a constant profile, and a profile as it is.

    MetadataError names the parameter if it is anything else.
    """
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        require_finite(**{name: value})  # type: ignore[arg-type]
        return Constant(float(value))
    require(name, repr(value), within=callable(value),
            expected="a profile of kurvs_sim.profiles, or a number for a constant one")  # fmt: skip
    return value  # type: ignore[return-value]


@dataclass(frozen=True)
class _Combination(Composable):
    """Profiles taken together."""

    profiles: tuple[RadialProfile, ...]

    def __post_init__(self) -> None:
        """Take numbers as constant profiles, and check that there is something to combine."""
        members = tuple(as_profile("profiles", profile) for profile in self.profiles)
        object.__setattr__(self, "profiles", members)
        require("profiles", self.profiles, within=len(self.profiles) > 0,
                expected="at least one profile")  # fmt: skip


@takes_quantities
@dataclass(frozen=True)
class Sum(_Combination):
    """The sum of profiles.

    Parameters
    ----------
    profiles : tuple of RadialProfile
        Terms, at least one.
    """

    def __call__(self, radius: ArrayLike) -> Array:
        """Return the sum at each radius."""
        return np.asarray(sum(profile(radius) for profile in self.profiles))


@takes_quantities
@dataclass(frozen=True)
class Product(_Combination):
    """The product of profiles.

    Parameters
    ----------
    profiles : tuple of RadialProfile
        Factors, at least one.
    """

    def __call__(self, radius: ArrayLike) -> Array:
        """Return the product at each radius."""
        return np.asarray(math.prod(profile(radius) for profile in self.profiles))


@takes_quantities
@dataclass(frozen=True)
class Constant(Composable):
    """The same value at every radius.

    Parameters
    ----------
    value : float
        The value at every radius, in the unit of the property.
    """

    value: float

    def __post_init__(self) -> None:
        """Check the value."""
        require_finite(value=self.value)

    def __call__(self, radius: ArrayLike) -> Array:
        """Return the value, in the shape of the radius."""
        return np.full(np.shape(radius), self.value)


@takes_quantities
@dataclass(frozen=True)
class Exponential(Composable):
    """central x exp(-radius / scale_length).

    Parameters
    ----------
    central : float
        Value at the centre.
    scale_length : float
        Radius at which the value has fallen by a factor e.
    """

    central: float
    scale_length: float

    def __post_init__(self) -> None:
        """Check the values."""
        require_finite(central=self.central)
        require_positive(scale_length=self.scale_length)

    def __call__(self, radius: ArrayLike) -> Array:
        """Return the value at each radius."""
        return np.asarray(self.central * np.exp(-np.asarray(radius, float) / self.scale_length))


@takes_quantities
@dataclass(frozen=True)
class Linear(Composable):
    """central + gradient x radius, kept between two limits.

    Parameters
    ----------
    central : float
        Value at the centre.
    gradient : float
        Change per unit of radius.
    minimum, maximum : float
        The profile is flat where the line would leave these. The defaults are the range of
        12 + log(O/H) that strong-line calibrations can be extended to: a steep gradient would
        leave it far out, where there is little light.
    """

    central: float
    gradient: float
    minimum: float = 7.0
    maximum: float = 9.2

    def __post_init__(self) -> None:
        """Check the values."""
        require_finite(central=self.central)
        require_gradient(gradient=self.gradient)
        require("minimum", self.minimum, within=self.minimum < self.maximum,
                expected=f"less than maximum ({self.maximum})")  # fmt: skip
        require("central", self.central, within=self.minimum <= self.central <= self.maximum,
                expected=f"a value between {self.minimum} and {self.maximum}")  # fmt: skip

    def __call__(self, radius: ArrayLike) -> Array:
        """Return the value at each radius."""
        line = self.central + self.gradient * np.asarray(radius, float)
        return np.asarray(np.clip(line, self.minimum, self.maximum))


@takes_quantities
@dataclass(frozen=True)
class Arctan(Composable):
    """asymptote x 2/pi x arctan(radius / turnover_radius): a rotation curve (Courteau 1997).

    Parameters
    ----------
    asymptote : float
        Value far out, which the profile never exceeds.
    turnover_radius : float
        Radius at which half the asymptote is reached.
    """

    asymptote: float
    turnover_radius: float

    def __post_init__(self) -> None:
        """Check the values."""
        require("asymptote", self.asymptote, within=0.0 <= self.asymptote <= LARGEST,
                expected="a finite number >= 0 (the position angle gives the sense)")  # fmt: skip
        require_positive(turnover_radius=self.turnover_radius)

    def __call__(self, radius: ArrayLike) -> Array:
        """Return the value at each radius."""
        turn = np.arctan(np.asarray(radius, float) / self.turnover_radius)
        return np.asarray(self.asymptote * 2.0 / np.pi * turn)
