"""Which sky lines lie on the lines of a galaxy, what they cost, and which redshift is clean."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS, Band
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.plots.parts import LINE_LABEL
from kurvs_sim.atmosphere.airglow import oh_lines
from kurvs_sim.expectation.errors import BandExpectation

DEAR_COST = 1.5
"""Sky lines are named that ask for this many times the exposure of a sky without airglow."""

CLEAN_COST = 1.2
"""Redshifts at which no line asks for more are clean: a quarter of all, in H."""

FARTHEST = 0.1
"""Clean redshifts are looked for so far from the galaxy's."""


@dataclass(frozen=True)
class AirglowHit:
    """A sky line on an emission line.

    Parameters
    ----------
    line : str
        The emission line.
    wavelength_um : float
        Of the sky line, in vacuum.
    channel : int
        Of the band's grid, from 0, that holds the sky line.
    offset_kms : float
        Of the sky line from the emission line.
    cost : float
        Exposure for one error of the emission line, over that under a sky without airglow.
    """

    line: str
    wavelength_um: float
    channel: int
    offset_kms: float
    cost: float

    def __str__(self) -> str:
        """Name both lines, as text for the terminal."""
        return (
            f"the sky line at {self.wavelength_um:.4f} um (channel {self.channel} of H) lies "
            f"{abs(self.offset_kms):.0f} km/s from {PLAIN_NAME[self.line]}, which needs "
            f"{self.cost:.1f} times the exposure of a sky without airglow"
        )

    @property
    def label(self) -> str:
        """Name both lines, for a figure."""
        return f"sky line {self.wavelength_um:.4f} µm on {LINE_LABEL[self.line]}"


PLAIN_NAME = {"halpha": "H-alpha", "nii_6584": "[N II]"}


@dataclass(frozen=True)
class Airglow:
    """The airglow of a band, and the lines of a galaxy in it.

    ``fraction``, shape (n_channels,), is the part of the variance that OH lines make.
    """

    expected: BandExpectation
    fraction: Array
    lines: tuple[str, ...]

    @property
    def _band(self) -> Band:
        return self.expected.band

    @property
    def _redshift(self) -> float:
        return self.expected.aperture.scene.galaxy.redshift

    def _sigma_um(self, line: str) -> float:
        return self.expected.aperture.sigma_um(line, self._band)

    def cost(self, line: str, redshift: float) -> float:
        """Return the exposure for a line over that without airglow; infinite outside the band."""
        low, high = self._band.usable_range_um
        if not low < REST_WAVELENGTH_UM[line] * (1.0 + redshift) < high:
            return math.inf
        variance = self.expected.channel_variance
        real, dark = (
            self.expected.error_at(redshift, (line,), noise)
            for noise in (variance, variance * (1.0 - self.fraction))
        )
        return (real / dark) ** 2

    @cached_property
    def hits(self) -> tuple[AirglowHit, ...]:
        """Emission lines that airglow makes dear, with the sky line of most light on each."""
        costs = {line: self.cost(line, self._redshift) for line in self.lines}
        return tuple(self._hit(line, cost) for line, cost in costs.items() if cost > DEAR_COST)

    def _hit(self, line: str, cost: float) -> AirglowHit:
        band = self._band
        centre_um = REST_WAVELENGTH_UM[line] * (1.0 + self._redshift)
        wavelength_um, rate = oh_lines()
        sigma_um = np.hypot(self._sigma_um(line), band.lsf_sigma_um)
        light = rate * np.exp(-0.5 * ((wavelength_um - centre_um) / sigma_um) ** 2)
        sky_um = float(wavelength_um[np.argmax(light)])
        return AirglowHit(
            line=line,
            wavelength_um=sky_um,
            channel=round((sky_um - band.first_channel_um) / band.channel_width_um),
            offset_kms=(sky_um / centre_um - 1.0) * SPEED_OF_LIGHT_KMS,
            cost=cost,
        )

    @cached_property
    def clean_redshift(self) -> float:
        """The nearest redshift at which airglow is on none of the lines; NaN if there is none."""
        step = self._band.channel_width_um / REST_WAVELENGTH_UM["halpha"]
        steps = sorted(range(-int(FARTHEST / step), int(FARTHEST / step) + 1), key=abs)
        candidates = (self._redshift + step * number for number in steps)
        return next((z for z in candidates if self._is_clean(z)), math.nan)

    def _is_clean(self, redshift: float) -> bool:
        return all(self.cost(line, redshift) <= CLEAN_COST for line in self.lines)
