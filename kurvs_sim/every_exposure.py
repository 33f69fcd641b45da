"""Simulate every exposure of a stack by itself: slow, and the check of the fast way."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from kurvs_pipeline.observation import band_names
from kurvs_sim.atmosphere.composite_seeing import ExposureSequence
from kurvs_sim.effects.dithers import Dithers
from kurvs_sim.effects.effects import NO_EFFECTS, Effects
from kurvs_sim.galaxy.galaxy import Galaxy
from kurvs_sim.instrument.exposures import ExposureModel
from kurvs_sim.instrument.spaxels import SpaxelGrid
from kurvs_sim.observing import DEFAULT_GRID, NOMINAL_HALPHA_SNR, observe


def observe_exposures(
    galaxy: Galaxy,
    sequence: ExposureSequence,
    *,
    exposures: ExposureModel | None = None,
    bands: Sequence[str] = ("IZ", "YJ", "H"),
    grid: SpaxelGrid = DEFAULT_GRID,
    seed: int = 0,
    noisy: bool = True,
    effects: Effects = NO_EFFECTS,
) -> xr.DataTree:
    """Simulate a stack exposure by exposure, and average.

    Parameters
    ----------
    galaxy : Galaxy
        What is in the sky.
    sequence : ExposureSequence
        Seeing and registration of every exposure; their number holds for all bands.
    exposures : ExposureModel, optional
        Noise of one exposure; the numbers of exposures in it are not used.
    bands : sequence of str
        Any of ``IZ``, ``YJ``, ``H``.
    grid : SpaxelGrid
        The spaxels.
    seed : int
        Every exposure draws noise and effects of its own from it.
    noisy : bool
        Whether noise is drawn.
    effects : Effects
        Of a single exposure, not of the stack: what is random in them averages out. Dithers
        are taken by the exposures in turn.

    Returns
    -------
    xarray.DataTree
        An Observation with the mean of the exposures that hold data in each voxel, and the
        variance of that mean. Metadata and truth are those of the composite seeing.
    """
    one = _of(exposures or ExposureModel(), 1)
    drawn = NOMINAL_HALPHA_SNR if noisy else None
    stack = observe(
        galaxy, bands=bands, grid=grid, psf=sequence.composite, seed=seed, noise=one,
        effects=effects, halpha_snr=drawn,
    )  # fmt: skip
    sums = {name: _Sum(stack[name].to_dataset()) for name in band_names(stack)}
    seeds = _seeds(seed, sequence.n_exposures)
    for index, (seeing, own_seed) in enumerate(zip(sequence.each, seeds, strict=True)):
        exposure = observe(
            galaxy, bands=bands, grid=grid, psf=seeing, seed=own_seed, noise=one,
            effects=_at_pointing(effects, index), halpha_snr=drawn,
        )  # fmt: skip
        for name, total in sums.items():
            total.add(exposure[name].to_dataset())
    for name, total in sums.items():
        stack[name] = xr.DataTree(total.mean())
    return stack


def _of(exposures: ExposureModel, n_exposures: int) -> ExposureModel:
    """Return the model with a number of exposures in every band."""
    return replace(
        exposures,
        iz=replace(exposures.iz, n_exposures=n_exposures),
        yj=replace(exposures.yj, n_exposures=n_exposures),
        h=replace(exposures.h, n_exposures=n_exposures),
    )


def _at_pointing(effects: Effects, index: int) -> Effects:
    """Return the effects of one exposure, which has one of the dithered pointings."""
    if effects.dithers is None:
        return effects
    offsets = effects.dithers.offsets_arcsec
    return replace(effects, dithers=Dithers((offsets[index % len(offsets)],)))


def _seeds(seed: int, number: int) -> list[int]:
    """Return a seed of 64 bits for every exposure."""
    return [int(s) for s in np.random.SeedSequence(seed).generate_state(number, np.uint64)]


class _Sum:
    """Running sums over the exposures of a band."""

    def __init__(self, like: xr.Dataset) -> None:
        self._like = like
        shape = like["flux"].shape
        self._flux, self._variance = np.zeros(shape), np.zeros(shape)
        self._number = np.zeros(shape, dtype=int)

    def add(self, exposure: xr.Dataset) -> None:
        """Add the voxels that hold data."""
        valid = ~exposure["mask"].to_numpy()
        self._flux += np.where(valid, exposure["flux"], 0.0)
        self._variance += np.where(valid, exposure["variance"], 0.0)
        self._number += valid

    def mean(self) -> xr.Dataset:
        """Return the mean, its variance and the voxels that no exposure saw."""
        seen = self._number > 0
        number = np.maximum(self._number, 1)
        variance = np.where(seen, self._variance / number**2, np.nan)
        dims = self._like["flux"].dims
        return self._like.assign(
            flux=(dims, (self._flux / number).astype(np.float32), self._like["flux"].attrs),
            variance=(dims, variance.astype(np.float32)),
            mask=(dims, ~seen),
        )
