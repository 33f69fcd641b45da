"""Giant star-forming clumps, drawn at random."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import FWHM_PER_SIGMA
from kurvs_sim.galaxy.structure import (
    CLUMPS_STREAM,
    EFFECTIVE_RADIUS_SCALE_LENGTHS,
    exponential_disk,
    structure_generator,
)
from kurvs_sim.validation import (
    LARGEST_SEED,
    require,
    require_finite,
    require_positive,
    require_whole,
)

MOST_CLUMPS = 100_000
"""Each is drawn by itself."""


@takes_quantities
@dataclass(frozen=True, kw_only=True)
class Clumps:
    """Clumps of gas, equally bright, with an abundance of their own.

    Each is a round Gaussian in the plane of the disk. Their centres follow the light of the
    exponential disk. At z ~ 2 one clump holds about a tenth of the star formation of its galaxy
    and all of them half of it (Guo et al. 2012); at z ~ 1.5 all hold 1 to 30 % (Kalita et al.
    2025). They are a kiloparsec across, or less.

    Parameters
    ----------
    seed : int
        Seed of the centres, >= 0.
    number : int
        Number of clumps, >= 1.
    flux_fraction : float
        Fraction of the galaxy's H-alpha that all clumps hold together, in [0, 1].
    fwhm_kpc : float
        Full width at half-maximum of a clump, kpc, > 0.
    effective_radius_kpc : float
        Effective radius of the disk that the centres follow, and whose gas the clumps are mixed
        with, kpc, > 0.
    oxygen_abundance_offset_dex : float
        O/H of the clumps' gas above that of the disk at the same radius.

    Raises
    ------
    MetadataError
        If a value is impossible.
    """

    seed: int
    number: int
    flux_fraction: float
    fwhm_kpc: float
    effective_radius_kpc: float
    oxygen_abundance_offset_dex: float = 0.0

    def __post_init__(self) -> None:
        """Check the values."""
        require_whole(least=0, most=LARGEST_SEED, **{"seed of the clumps": self.seed})
        require_whole(least=1, most=MOST_CLUMPS, **{"number of clumps": self.number})
        require("flux_fraction of the clumps", self.flux_fraction,
                within=0.0 <= self.flux_fraction <= 1.0, expected="a value in [0, 1]")  # fmt: skip
        require_positive(fwhm_kpc=self.fwhm_kpc, effective_radius_kpc=self.effective_radius_kpc)
        require_finite(oxygen_abundance_offset_dex=self.oxygen_abundance_offset_dex)

    @cached_property
    def centres_kpc(self) -> Array:
        """Centres in the plane of the disk, x and y, shape (number, 2)."""
        random = structure_generator(self.seed, CLUMPS_STREAM)
        scale_length = self.effective_radius_kpc / EFFECTIVE_RADIUS_SCALE_LENGTHS
        # The light of an exponential disk within dr goes as r exp(-r / h): a gamma distribution.
        radius = random.gamma(2.0, scale_length, self.number)
        angle = random.uniform(0.0, 2.0 * np.pi, self.number)
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)

    def halpha(self, x_kpc: ArrayLike, y_kpc: ArrayLike) -> Array:
        """Return the H-alpha of all clumps (:class:`~kurvs_sim.galaxy.structure.DiskStructure`)."""
        x, y = np.broadcast_arrays(np.asarray(x_kpc, float), np.asarray(y_kpc, float))
        sigma = self.fwhm_kpc / FWHM_PER_SIGMA
        total = np.zeros(x.shape)
        for centre_x, centre_y in self.centres_kpc:
            total += np.exp(-0.5 * ((x - centre_x) ** 2 + (y - centre_y) ** 2) / sigma**2)
        return np.asarray(total * self.flux_fraction / (self.number * 2.0 * np.pi * sigma**2))

    def oxygen_abundance_offset(self, x_kpc: ArrayLike, y_kpc: ArrayLike) -> Array:
        """Return the mean offset at a place (:class:`~kurvs_sim.galaxy.structure.DiskStructure`).

        It is that of the clumps, diluted by the disk's gas: the mean of both in dex, weighted by
        their H-alpha.
        """
        clumps = self.halpha(x_kpc, y_kpc)
        radius = np.hypot(np.asarray(x_kpc, float), np.asarray(y_kpc, float))
        smooth = (1.0 - self.flux_fraction) * exponential_disk(radius, self.effective_radius_kpc)
        light = clumps + smooth
        share = np.divide(clumps, light, out=np.zeros_like(light), where=light > 0.0)
        return np.asarray(self.oxygen_abundance_offset_dex * share)
