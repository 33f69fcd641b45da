"""Radial profiles of light and abundance beyond the exponential and the straight line."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincinv, i0e, i1e, k0e, k1e

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_sim.profiles.radial import Composable, require_gradient
from kurvs_sim.validation import LARGEST, require, require_finite, require_positive


@takes_quantities
@dataclass(frozen=True)
class Sersic(Composable):
    """at_effective_radius x exp(-b_n ((radius / effective_radius)^(1/n) - 1)) (Sersic 1963).

    Parameters
    ----------
    at_effective_radius : float
        Value at the effective radius.
    effective_radius : float
        Radius that holds half of the light in the plane.
    index : float
        n: 1 is exponential, 4 de Vaucouleurs; between 0.3 and 8.
    """

    at_effective_radius: float
    effective_radius: float
    index: float

    def __post_init__(self) -> None:
        """Check the values."""
        require_finite(at_effective_radius=self.at_effective_radius)
        require_positive(effective_radius=self.effective_radius)
        require("index", self.index, within=0.3 <= self.index <= 8.0,
                expected="a value between 0.3 and 8")  # fmt: skip

    @cached_property
    def _b_n(self) -> float:
        """Where the incomplete gamma function of 2n is one half (Graham & Driver 2005, eq. 4)."""
        return float(gammaincinv(2.0 * self.index, 0.5))

    def __call__(self, radius: ArrayLike) -> Array:
        """Return the value at each radius."""
        scaled = np.asarray(radius, float) / self.effective_radius
        exponent = self._b_n * (scaled ** (1.0 / self.index) - 1.0)
        return np.asarray(self.at_effective_radius * np.exp(-exponent))


@takes_quantities
@dataclass(frozen=True)
class Ring(Composable):
    """A Gaussian in radius: peak x exp(-(radius - ring_radius)^2 / (2 ring_sigma^2)).

    Parameters
    ----------
    peak : float
        Value on the ring.
    ring_radius : float
        Radius of the ring; 0 for a bump at the centre.
    ring_sigma : float
        Standard deviation of the ring across its radius.
    """

    peak: float
    ring_radius: float
    ring_sigma: float

    def __post_init__(self) -> None:
        """Check the values."""
        require_finite(peak=self.peak, ring_radius=self.ring_radius)
        require("ring_radius", self.ring_radius, within=self.ring_radius >= 0.0,
                expected="a finite number >= 0")  # fmt: skip
        require_positive(ring_sigma=self.ring_sigma)

    def __call__(self, radius: ArrayLike) -> Array:
        """Return the value at each radius."""
        offset = (np.asarray(radius, float) - self.ring_radius) / self.ring_sigma
        return np.asarray(self.peak * np.exp(-0.5 * offset**2))


@takes_quantities
@dataclass(frozen=True)
class Broken(Composable):
    """Two straight lines that meet at a radius.

    Parameters
    ----------
    central : float
        Value at the centre.
    inner_gradient, outer_gradient : float
        Change per unit of radius inside and outside the break.
    break_radius : float
        Radius at which the lines meet, > 0.
    minimum, maximum : float
        The profile is flat where a line would leave these; the defaults are those of
        :class:`~kurvs_sim.profiles.radial.Linear`.
    """

    central: float
    inner_gradient: float
    outer_gradient: float
    break_radius: float
    minimum: float = 7.0
    maximum: float = 9.2

    def __post_init__(self) -> None:
        """Check the values."""
        require_gradient(inner_gradient=self.inner_gradient, outer_gradient=self.outer_gradient)
        require_positive(break_radius=self.break_radius)
        require("minimum", self.minimum, within=self.minimum < self.maximum,
                expected=f"less than maximum ({self.maximum})")  # fmt: skip
        require("central", self.central, within=self.minimum <= self.central <= self.maximum,
                expected=f"a value between {self.minimum} and {self.maximum}")  # fmt: skip

    def __call__(self, radius: ArrayLike) -> Array:
        """Return the value at each radius."""
        inside = np.minimum(np.asarray(radius, float), self.break_radius)
        outside = np.asarray(radius, float) - inside
        line = self.central + self.inner_gradient * inside + self.outer_gradient * outside
        return np.asarray(np.clip(line, self.minimum, self.maximum))


@takes_quantities
@dataclass(frozen=True)
class Tabulated(Composable):
    """Straight lines between tabulated points, constant before the first and after the last.

    Parameters
    ----------
    radius : tuple of float
        Increasing, >= 0.
    value : tuple of float
        One for each radius.
    """

    radius: tuple[float, ...]
    value: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the table."""
        object.__setattr__(self, "radius", tuple(map(float, self.radius)))
        object.__setattr__(self, "value", tuple(map(float, self.value)))
        require("radius", self.radius, within=len(self.radius) == len(self.value) >= 2,
                expected=f"at least 2 radii, as many as values ({len(self.value)})")  # fmt: skip
        steps = np.diff(self.radius)
        require("radius", self.radius, within=bool(
            self.radius[0] >= 0.0 and np.all(steps > 0.0) and np.isfinite(self.radius[-1])),
                expected="finite radii >= 0 that increase")  # fmt: skip
        for radius, value in zip(self.radius, self.value, strict=True):
            require(f"value at radius {radius:g}", value, within=bool(np.isfinite(value)),
                    expected="a finite number")  # fmt: skip

    def __call__(self, radius: ArrayLike) -> Array:
        """Return the value at each radius."""
        return np.asarray(np.interp(np.asarray(radius, float), self.radius, self.value))


KEPLERIAN_Y = 1e4
"""From here on rounding errors are larger than what differs from the curve of a point."""

PEAK_SCALE_LENGTHS = 2.149_95
"""Where the rotation curve of a thin exponential disk peaks (Freeman 1970)."""


@takes_quantities
@dataclass(frozen=True)
class FreemanDisk(Composable):
    """The rotation curve of a thin, self-gravitating exponential disk (Freeman 1970).

    v^2 is proportional to y^2 (I0(y) K0(y) - I1(y) K1(y)), with y = radius / (2 scale_length).

    Parameters
    ----------
    peak : float
        Highest velocity, reached at 2.15 scale lengths.
    scale_length : float
        Scale length of the disk's mass, > 0.
    """

    peak: float
    scale_length: float

    def __post_init__(self) -> None:
        """Check the values."""
        require("peak", self.peak, within=0.0 <= self.peak <= LARGEST,
                expected="a finite number >= 0 (the position angle gives the sense)")  # fmt: skip
        require_positive(scale_length=self.scale_length)

    def __call__(self, radius: ArrayLike) -> Array:
        """Return the value at each radius."""
        scaled = np.asarray(radius, float) / self.scale_length
        return np.asarray(self.peak * np.sqrt(_squared(scaled) / _squared(PEAK_SCALE_LENGTHS)))


def _squared(scale_lengths: ArrayLike) -> Array:
    """Return the squared velocity, up to a factor, at radii in scale lengths."""
    y = np.maximum(np.asarray(scale_lengths, float) / 2.0, 1e-12)
    # Scaled Bessel functions: the exponentials of I and K cancel. So do all digits far out, where
    # the mass is a point's.
    near = np.minimum(y, KEPLERIAN_Y)
    exact = near**2 * (i0e(near) * k0e(near) - i1e(near) * k1e(near))
    return np.asarray(np.where(y > KEPLERIAN_Y, 0.25 / y, exact))
