"""Exposures that differ in seeing and registration, and the average image that they make."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kurvs_sim.composite_seeing import CompositeSeeing
from kurvs_sim.random_streams import Stream, generator
from kurvs_sim.seeing import PointSpreadFunction
from kurvs_sim.validation import require

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ExposureSequence:
    """The seeing of every exposure of a stack.

    Parameters
    ----------
    median : PointSpreadFunction
        Seeing of the median exposure.
    n_exposures : int
        In the stack. A composite of a few tens stands for one of hundreds.
    fwhm_scatter : float
        Standard deviation of the logarithm of the width; assumed.
    registration_rms_arcsec : float
        Error along x and y with which a dithered exposure is put back; assumed, half a
        native spaxel over the root of twelve.
    seed : int
        Of the sequence, >= 0.

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
        require("n_exposures", self.n_exposures, within=self.n_exposures >= 1,
                expected="at least 1")  # fmt: skip
        for name in ("fwhm_scatter", "registration_rms_arcsec", "seed"):
            require(name, getattr(self, name), within=0.0 <= getattr(self, name) < math.inf,
                    expected="a finite number >= 0")  # fmt: skip

    @cached_property
    def _random(self) -> Array:
        """Width and two offsets of every exposure, as standard normal numbers."""
        random = generator(self.seed, None, Stream.EXPOSURES)
        return random.standard_normal((self.n_exposures, 3))

    @cached_property
    def profiles(self) -> tuple[PointSpreadFunction, ...]:
        """Seeing of every exposure."""
        factors = np.exp(self.fwhm_scatter * self._random[:, 0])
        return tuple(self.median.scaled(float(factor)) for factor in factors)

    @cached_property
    def offsets_arcsec(self) -> tuple[tuple[float, float], ...]:
        """Registration error of every exposure, to the West and to the North."""
        offsets = self.registration_rms_arcsec * self._random[:, 1:]
        return tuple((float(x), float(y)) for x, y in offsets)

    @cached_property
    def composite(self) -> CompositeSeeing:
        """What the stack sees: the fast way to simulate the sequence."""
        return CompositeSeeing(self.profiles, self.offsets_arcsec)

    @cached_property
    def each(self) -> tuple[CompositeSeeing, ...]:
        """What every exposure sees by itself."""
        return tuple(
            CompositeSeeing((profile,), (offset,))
            for profile, offset in zip(self.profiles, self.offsets_arcsec, strict=True)
        )
