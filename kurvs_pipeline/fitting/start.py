"""Where a line fit starts: the best point of a coarse grid of velocities and widths.

What the grid says about a model does not depend on the data: it is computed once for a model
and kept. What it says about weights is computed once for all spectra that share them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from kurvs_pipeline.arrays import Array, BoolArray, IntArray
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.variable_projection import MINIMUM_CORE_COVERAGE, Bounds, Spectra

_STEP_KMS = 50.0
_SIGMAS = 5


@dataclass(frozen=True)
class Grid:
    """A model's columns at every point of the grid of velocities and widths.

    ``columns`` of lines and continua have shape (n_linear, n_grid, n_used_channels). ``overlap``,
    how the cores of the lines fall on the channels, has shape (n_groups, n_grid, n_used_channels).
    """

    velocity_kms: Array
    sigma_kms: Array
    columns: Array
    overlap: Array

    @cached_property
    def pairs(self) -> IntArray:
        """Pairs of columns that have light in common somewhere, shape (n_pairs, 2)."""
        lit = self.columns != 0.0
        pairs = np.transpose(np.triu_indices(len(lit)))
        return np.array([(p, q) for p, q in pairs if np.any(lit[p] & lit[q])], dtype=np.intp)

    @cached_property
    def products(self) -> Array:
        """Products of these pairs, shape (n_pairs * n_grid, n_used_channels)."""
        products = self.columns[self.pairs[:, 0]] * self.columns[self.pairs[:, 1]]
        return products.reshape(-1, self.columns.shape[2])

    def sums(self, spectra: Spectra) -> "GridSums":
        """Weigh spectra with the columns."""
        n_linear, n_grid, n_used = self.columns.shape
        weight = _without_repetition(spectra.weight)
        gram = weight @ self.products.T
        right = (spectra.weight * spectra.flux) @ self.columns.reshape(-1, n_used).T
        valid = _without_repetition((spectra.weight > 0.0).astype(float))
        covered = valid @ self.overlap.reshape(-1, n_used).T >= MINIMUM_CORE_COVERAGE
        return GridSums(
            pairs=self.pairs,
            gram=gram.reshape(len(weight), len(self.pairs), n_grid),
            right=right.reshape(len(right), n_linear, n_grid),
            covered=covered.reshape(len(valid), len(self.overlap), n_grid),
        )


@dataclass(frozen=True)
class GridSums:
    """Weighted sums over channels at every point of the grid.

    Parameters
    ----------
    pairs : int array, shape (n_pairs, 2)
        Pairs of columns; products of the others are 0.
    gram : array, shape (n_spec or 1, n_pairs, n_grid)
        Their products; one row if all spectra have equal weights.
    right : array, shape (n_spec, n_linear, n_grid)
        Products of flux and columns.
    covered : bool array, shape (n_spec or 1, n_groups, n_grid)
        Whether the core of a group has valid data; one row if it is the same for all spectra.
    """

    pairs: IntArray
    gram: Array
    right: Array
    covered: BoolArray


ChooseStart = Callable[[GridSums], IntArray]


@lru_cache(maxsize=3)
def grid_of(
    model: BandLineModel, velocity_kms: tuple[float, float], sigma_kms: tuple[float, float]
) -> Grid:
    """Lay the grid inside the ranges; its steps are within reach of the descent."""
    (first, last), (smallest, largest) = velocity_kms, sigma_kms
    n_velocity = max(1, int(np.ceil((last - first) / _STEP_KMS)))
    velocity = first + (last - first) * (np.arange(n_velocity) + 0.5) / n_velocity
    sigma = np.geomspace(smallest, largest, _SIGMAS + 2)[1:-1]
    velocity, sigma = (axis.ravel() for axis in np.meshgrid(velocity, sigma, indexing="ij"))
    columns = model.design(velocity, sigma).transpose(2, 0, 1)
    overlap = model.line_overlap(velocity, sigma).transpose(1, 0, 2)
    return Grid(velocity, sigma, np.ascontiguousarray(columns), np.ascontiguousarray(overlap))


def search_grid(
    model: BandLineModel, spectra: Spectra, bounds: Bounds, choose_start: ChooseStart
) -> tuple[Array, BoolArray]:
    """Find starting kinematics by the chi2 of linear fits on the grid.

    ``choose_start`` is the engine's :func:`~kurvs_pipeline.fitting.plain.choose_start`.

    Returns
    -------
    kinematics : array, shape (2, n_spec)
        The best grid point whose most significant line is in emission.
    active : bool array, shape (n_spec, n_groups)
        Groups whose core has valid data there.
    """
    grid = grid_of(model, bounds.velocity_kms, bounds.sigma_kms)
    sums = grid.sums(spectra)
    best = choose_start(sums)
    covered = np.broadcast_to(sums.covered, (best.size, *sums.covered.shape[1:]))
    active = covered[np.arange(best.size), :, best]
    return np.stack([grid.velocity_kms[best], grid.sigma_kms[best] ** 2]), active


def _without_repetition(rows: Array) -> Array:
    """Return one row if all are equal, otherwise all of them."""
    return rows[:1] if len(rows) and np.all(rows == rows[0]) else rows
