"""Seeing put together from plainer profiles: elongated, displaced, averaged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_sim.atmosphere.seeing import PointSpreadFunction, Seeing
from kurvs_sim.random_streams import Stream, generator
from kurvs_sim.validation import (
    LARGEST_SEED,
    require,
    require_angle,
    require_not_negative,
    require_positive,
    require_whole,
)

if TYPE_CHECKING:
    import galsim

LEAST_AXIS_RATIO = 0.05
"""No telescope makes a star into a longer line."""


@takes_quantities
@dataclass(frozen=True)
class ElongatedSeeing(Seeing):
    """A profile stretched along one direction and squeezed across, its area kept.

    Parameters
    ----------
    profile : PointSpreadFunction
        Before stretching; its width is the geometric mean of the two axes'.
    axis_ratio : float
        Minor over major axis, from 0.05 to 1.
    position_angle_deg : float
        Position angle of the major axis, degrees North through East.

    Raises
    ------
    MetadataError
        If a value is impossible.
    """

    profile: PointSpreadFunction
    axis_ratio: float
    position_angle_deg: float = 0.0

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require("PSF axis_ratio", self.axis_ratio,
                within=LEAST_AXIS_RATIO <= self.axis_ratio <= 1.0,
                expected=f"a number from {LEAST_AXIS_RATIO:g} to 1")  # fmt: skip
        require_angle(position_angle_deg=self.position_angle_deg)

    @property
    def fwhm_arcsec(self) -> float:
        """Geometric mean of the two axes' full widths at half-maximum."""
        return self.profile.fwhm_arcsec

    @property
    def nominal(self) -> PointSpreadFunction:
        """The round profile."""
        return self.profile

    @property
    def origin(self) -> str:
        """Shape, for headers."""
        return f"elongated, {self.axis_ratio:.3g} along {self.position_angle_deg:.4g} deg"

    @cached_property
    def galsim_profile(self) -> "galsim.GSObject":
        """The profile of unit flux, lengths in arcsec."""
        import galsim

        # From x (West) to y (North): North through East is 90 degrees plus the angle.
        angle = galsim.Angle(90.0 + self.position_angle_deg, galsim.degrees)
        return self.profile.galsim_profile.shear(q=self.axis_ratio, beta=angle)

    def scaled(self, factor: float) -> Self:
        """Return the same shape with every length multiplied by a factor (:class:`Seeing`)."""
        return replace(self, profile=self.profile.scaled(factor))


@takes_quantities
@dataclass(frozen=True)
class CompositeSeeing(Seeing):
    """The average image of a star over exposures that differ.

    Parameters
    ----------
    profiles : tuple of PointSpreadFunction
        One an exposure, equally weighted.
    offsets_arcsec : tuple of (float, float)
        Registration error of each exposure, arcsec to the West and to the North of its place.

    Raises
    ------
    MetadataError
        If there is no exposure, or their numbers differ.
    """

    profiles: tuple[PointSpreadFunction, ...]
    offsets_arcsec: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        """Refuse exposures that cannot be averaged."""
        require("number of profiles of a composite PSF", len(self.profiles),
                within=len(self.profiles) >= 1, expected="at least 1")  # fmt: skip
        require("number of offsets of a composite PSF", len(self.offsets_arcsec),
                within=len(self.offsets_arcsec) == len(self.profiles),
                expected=f"that of the profiles, {len(self.profiles)}")  # fmt: skip
        for offset in self.offsets_arcsec:
            require("offset of a composite PSF", offset,
                    within=np.shape(offset) == (2,) and bool(np.isfinite(offset).all()),
                    expected="two finite numbers, arcsec")  # fmt: skip
        # Sums of images of stars and of single pixels cannot be sampled.
        widths = [profile.fwhm_arcsec for profile in self.profiles]
        require("narrowest PSF fwhm_arcsec of a composite", min(widths), within=min(widths) > 0.0,
                expected="a finite number > 0")  # fmt: skip

    @classmethod
    def of(cls, profiles: Sequence[PointSpreadFunction]) -> Self:
        """Average profiles that are registered perfectly.

        Parameters
        ----------
        profiles : sequence of PointSpreadFunction
            One an exposure.

        Returns
        -------
        CompositeSeeing
        """
        return cls(tuple(profiles), ((0.0, 0.0),) * len(profiles))

    @cached_property
    def galsim_profile(self) -> "galsim.GSObject":
        """The profile of unit flux, lengths in arcsec."""
        import galsim

        displaced = [
            profile.galsim_profile.shift(*offset)
            for profile, offset in zip(self.profiles, self.offsets_arcsec, strict=True)
        ]
        return galsim.Sum(displaced) / len(displaced)

    @cached_property
    def fwhm_arcsec(self) -> float:
        """Full width at half-maximum of the average, made round about its middle."""
        import galsim

        # Exact for round profiles that share a centre; registration adds in quadrature.
        centred = galsim.Sum([profile.galsim_profile for profile in self.profiles])
        width = float(centred.calculateFWHM())
        offsets = np.array(self.offsets_arcsec)
        scatter = float(offsets.var(axis=0).mean())
        return float(np.sqrt(width**2 + 8.0 * np.log(2.0) * scatter))

    @property
    def nominal(self) -> PointSpreadFunction:
        """A profile of the first exposure's kind, as wide as the average."""
        return replace(self.profiles[0], fwhm_arcsec=self.fwhm_arcsec)

    @property
    def origin(self) -> str:
        """What was averaged, for headers."""
        return f"average of {len(self.profiles)} exposures"

    def scaled(self, factor: float) -> Self:
        """Return sharper or wider exposures, registered as before (:class:`Seeing`)."""
        return replace(self, profiles=tuple(p.scaled(factor) for p in self.profiles))


@takes_quantities
@dataclass(frozen=True)
class ExposureSequence(Seeing):
    """The seeing of every exposure of a stack; as one image, their average.

    Parameters
    ----------
    median : PointSpreadFunction
        Seeing of the median exposure, wider than 0.
    n_exposures : int
        Exposures that are drawn, >= 1. A few tens stand for the hundreds of a deep stack.
    fwhm_scatter : float
        Standard deviation of the logarithm of the width; assumed.
    registration_rms_arcsec : float
        Error along x and y with which a dithered exposure is put back; assumed, half a
        native spaxel over the root of twelve.
    seed : int
        Seed of widths and registration, >= 0; the noise has its own.

    Raises
    ------
    MetadataError
        If a value is impossible.
    """

    median: PointSpreadFunction
    n_exposures: int = 24
    fwhm_scatter: float = 0.15
    registration_rms_arcsec: float = 0.03
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require_positive(**{"median fwhm_arcsec of a sequence": self.median.fwhm_arcsec})
        require_whole(least=1, most=100_000, n_exposures=self.n_exposures)
        require_whole(least=0, most=LARGEST_SEED, seed=self.seed)
        for name in ("fwhm_scatter", "registration_rms_arcsec"):
            require_not_negative(**{name: getattr(self, name)})

    @cached_property
    def _random(self) -> Array:
        """Width and two offsets of every exposure, as standard normal numbers."""
        random = generator(self.seed, None, Stream.EXPOSURES)
        return random.standard_normal((self.n_exposures, 3))

    @cached_property
    def composite(self) -> CompositeSeeing:
        """The average over the exposures: the fast way to simulate the sequence."""
        factors = np.exp(self.fwhm_scatter * self._random[:, 0])
        offsets = self.registration_rms_arcsec * self._random[:, 1:]
        return CompositeSeeing(
            tuple(self.median.scaled(float(factor)) for factor in factors),
            tuple((float(x), float(y)) for x, y in offsets),
        )

    @property
    def each(self) -> tuple[CompositeSeeing, ...]:
        """Seeing of every exposure by itself, displaced as it was registered."""
        return tuple(
            CompositeSeeing((profile,), (offset,))
            for profile, offset in zip(
                self.composite.profiles, self.composite.offsets_arcsec, strict=True
            )
        )

    @property
    def galsim_profile(self) -> "galsim.GSObject":
        """The profile of unit flux, lengths in arcsec."""
        return self.composite.galsim_profile

    @property
    def fwhm_arcsec(self) -> float:
        """Full width at half-maximum of the average, made round about its middle."""
        return self.composite.fwhm_arcsec

    @property
    def nominal(self) -> PointSpreadFunction:
        """A profile of the median's kind, as wide as the average."""
        return self.composite.nominal

    @property
    def origin(self) -> str:
        """What was averaged, for headers."""
        return self.composite.origin

    def scaled(self, factor: float) -> Self:
        """Return sharper or wider exposures, registered as before (:class:`Seeing`)."""
        return replace(self, median=self.median.scaled(factor))
