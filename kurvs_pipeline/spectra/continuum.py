"""The continuum of every spaxel: medians of blocks of channels, interpolated linearly."""

import itertools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from kurvs_pipeline.arrays import Array, BoolArray, IntArray
from kurvs_pipeline.robust import masked_median

CONTINUUM_BLOCK_CHANNELS = 200
"""Short enough to follow a galaxy's continuum, long enough to add little noise."""

LEAST_USABLE = 0.3
"""A block with a smaller fraction of the best one's usable channels is interpolated over: covered
by lines, it hardly measures the continuum."""


@dataclass(frozen=True)
class BlockContinuum:
    """Medians of blocks of channels; build it with :meth:`of`.

    Parameters
    ----------
    medians : array, shape (n_blocks, n_y, n_x)
        Flux density, NaN where a block is bridged.
    edges : int array, shape (n_blocks + 1,)
        First channels of the blocks, then the number of channels.
    usable : int array, shape (n_blocks, n_y, n_x)
        Number of channels in each median.
    """

    medians: Array
    edges: IntArray
    usable: IntArray

    @classmethod
    def of(cls, flux: Array, usable: BoolArray) -> "BlockContinuum":
        """Compute the medians of blocks of a cube, lines included.

        ``usable`` is whether a voxel has data and no line.
        """
        n_channels = flux.shape[0]
        n_blocks = max(1, round(n_channels / CONTINUUM_BLOCK_CHANNELS))
        edges = np.linspace(0, n_channels, n_blocks + 1).astype(int)
        pairs = list(itertools.pairwise(edges))
        medians = np.stack([masked_median(flux[a:b], usable[a:b], axis=0) for a, b in pairs])
        count = np.stack([np.count_nonzero(usable[a:b], axis=0) for a, b in pairs])
        fraction = count / np.diff(edges)[:, None, None]
        sparse = fraction < LEAST_USABLE * fraction.max(axis=0, keepdims=True)
        return cls(np.where(sparse, np.nan, medians), edges, count)

    @property
    def centres(self) -> Array:
        """Middle of each block, channels, shape (n_blocks,)."""
        return np.asarray((self.edges[:-1] + self.edges[1:] - 1) / 2)

    def cube(self) -> Array:
        """Return the continuum of every voxel, shape (n_channels, n_y, n_x).

        0 for a spaxel without any usable channel.
        """
        return self.at(np.arange(self.edges[-1]))

    def at(self, channels: ArrayLike) -> Array:
        """Return the continuum at channels, fractional ones as well, shape (n_chosen, n_y, n_x)."""
        where = np.asarray(channels, dtype=float)
        columns = self.medians.reshape(len(self.medians), -1)
        known = np.isfinite(columns)
        result = np.zeros((where.size, columns.shape[1]))
        # Spaxels share few patterns of missing blocks: one matrix product serves each pattern.
        for pattern in np.unique(known, axis=1).T:
            if not pattern.any():
                continue
            members = (known == pattern[:, None]).all(axis=0)
            weights = _interpolation(where, self.centres[pattern])
            result[:, members] = weights @ columns[np.ix_(pattern, members)]
        return result.reshape(where.size, *self.medians.shape[1:])

    def bridged(self, first: int, last: int) -> "BlockContinuum":
        """Return the continuum interpolated over the blocks with channels from first to last.

        It stays as it is if no block would be left.
        """
        held = (self.edges[:-1] <= last) & (self.edges[1:] > first)
        if held.all():
            return self
        return replace(self, medians=np.where(held[:, None, None], np.nan, self.medians))


def _interpolation(channels: Array, centres: Array) -> Array:
    """Return the weight of every block at every channel, shape (n_chosen, n_blocks)."""
    unit = np.eye(len(centres))
    return np.stack([np.interp(channels, centres, row) for row in unit], axis=1)
