"""Simulate every exposure of a stack by itself: slow, and the check of the fast way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.arrays import Array, BoolArray, Cube
from kurvs_pipeline.bands import Band
from kurvs_sim.atmosphere.composite_seeing import ExposureSequence
from kurvs_sim.band_cube import BandCube
from kurvs_sim.effects.dithers import Dithers
from kurvs_sim.effects.effects import Effects
from kurvs_sim.instrument.noise_level import NoiseLevel
from kurvs_sim.instrument.spaxels import SpaxelGrid


def mean_of_exposures(
    stacks: Sequence[BandCube], sequence: ExposureSequence
) -> Iterator[tuple[BandCube, tuple[Cube, Cube, BoolArray]]]:
    """Simulate the exposures of every band one by one, and average them.

    ``stacks`` are bands as the average over the exposures shows them. Each exposure has an equal
    share of the noise level. Effects are those of a single exposure: what is random in them
    averages out, and dithers are taken in turn.

    Returns
    -------
    iterator of (stack, (flux, variance, mask))
        Each band with arrays of shape (n_channels, n_y, n_x): the mean of the exposures that
        hold data in a voxel and the variance of that mean, float32; True where no exposure holds
        data, with flux 0 and variance NaN.
    """
    sums = [_Sum(stack) for stack in stacks]
    n_exposures = sequence.n_exposures
    # A seed of 64 bits each: every exposure draws noise and effects of its own.
    seeds = np.random.SeedSequence(stacks[0].seed).generate_state(n_exposures, np.uint64)
    for index, (seeing, seed) in enumerate(zip(sequence.each, seeds, strict=True)):
        scene = replace(stacks[0].scene, psf=seeing)
        for stack, total in zip(stacks, sums, strict=True):
            effects = _at_pointing(stack.effects, index)
            level = _EqualShare(stack.level, n_exposures)
            exposure = replace(stack, scene=scene, effects=effects, seed=int(seed), level=level)
            total.add(*exposure.voxels())
    return ((stack, total.mean()) for stack, total in zip(stacks, sums, strict=True))


@dataclass(frozen=True)
class _EqualShare:
    """The noise level of one of so many equal parts of a stack."""

    stack: NoiseLevel
    parts: int

    def n_exposures(self, band: Band) -> float:
        return self.stack.n_exposures(band) / self.parts

    def variance(self, light: Cube, band: Band, grid: SpaxelGrid) -> NDArray[np.floating[Any]]:
        return self.stack.variance(light, band, grid) * self.parts


def _at_pointing(effects: Effects, index: int) -> Effects:
    """Return the effects of one exposure, which has one of the dithered pointings."""
    if effects.dithers is None:
        return effects
    offsets = effects.dithers.offsets_arcsec
    return replace(effects, dithers=Dithers((offsets[index % len(offsets)],)))


class _Sum:
    """Running sums over the exposures of a band."""

    def __init__(self, stack: BandCube) -> None:
        grid = stack.scene.grid
        shape = (stack.band.n_channels, grid.n_y, grid.n_x)
        self._flux: Array = np.zeros(shape)
        self._variance: Array = np.zeros(shape)
        self._number = np.zeros(shape, dtype=int)

    def add(self, flux: Cube, variance: Cube, mask: BoolArray) -> None:
        """Add the voxels that hold data."""
        self._flux += np.where(mask, 0.0, flux)
        self._variance += np.where(mask, 0.0, variance)
        self._number += ~mask

    def mean(self) -> tuple[Cube, Cube, BoolArray]:
        """Return the mean, its variance and the voxels that no exposure saw."""
        unseen = self._number == 0
        number = np.maximum(self._number, 1)
        variance = np.where(unseen, np.nan, self._variance / number**2)
        return (self._flux / number).astype(np.float32), variance.astype(np.float32), unseen
