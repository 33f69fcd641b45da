"""The smearing matrix as a function of what is not known exactly: seeing and inclination."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.smearing.matrix import InclinedDisk, SmearingMatrix
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.smearing.sky_apertures import SkyApertures

SCALE_LENGTH_ERR = 0.2
"""Prior of ln(scale length) about that of the effective radius: H-alpha differs from the stars."""


@dataclass(frozen=True, eq=False)
class SmearingVariations:
    """The smearing matrix at its nodes as a quadratic function of seeing and inclination.

    It does not depend on the lines: all that is corrected or fitted of a galaxy shares one.

    Parameters
    ----------
    disk : InclinedDisk
        Orientation and thickness of the disk.
    seeing : SeeingKnowledge or None
        Width and wings with errors; None is no seeing.
    apertures : SkyApertures
        Apertures that receive the light.
    inclination_err_deg : float
        Standard error of the inclination; 0 takes it as exact.
    """

    disk: InclinedDisk
    seeing: SeeingKnowledge | None
    apertures: SkyApertures
    inclination_err_deg: float = 0.0

    @cached_property
    def best(self) -> SmearingMatrix:
        """The matrix with the best seeing and inclination."""
        psf = self.seeing.best if self.seeing else None
        return SmearingMatrix(self.disk, psf, self.apertures)

    @cached_property
    def matrices(self) -> Array:
        """K, then slope and curvature by each deviation, shape (1 + 2 n, n_apertures, n_nodes)."""
        best = self.best.at_nodes
        stack = [best]
        for below, above in self._varied():
            stack += [0.5 * (above - below), above - 2.0 * best + below]
        return np.stack(stack)

    @property
    def n_deviations(self) -> int:
        """Number of independent errors of seeing and inclination."""
        return (len(self.matrices) - 1) // 2

    def _varied(self) -> list[tuple[Array, Array]]:
        """Matrices one standard deviation below and above, by deviation."""
        pairs: list[tuple[Array, Array]] = []
        if self.seeing:
            for step in self.seeing.directions:
                below, above = self.seeing.moved(-step), self.seeing.moved(step)
                pairs.append((self.best.with_psf(below), self.best.with_psf(above)))
        if self.inclination_err_deg > 0.0:
            error = self.inclination_err_deg
            pairs.append((self._inclined(-error), self._inclined(error)))
        return pairs

    def _inclined(self, by_deg: float) -> Array:
        inclination = min(max(self.disk.inclination_deg + by_deg, 0.0), 90.0)
        disk = replace(self.disk, inclination_deg=inclination)
        return replace(self.best, disk=disk).at(self.best.nodes.radius_arcsec)


def quadratic_terms(deviation: Array) -> Array:
    """Return the weights of a matrix, its slopes and its curvatures, shape (n_models, 1 + 2 n).

    Parameters
    ----------
    deviation : array, shape (n_models, n)
        Deviations in standard deviations.
    """
    terms = np.stack([deviation, 0.5 * deviation**2], axis=2).reshape(len(deviation), -1)
    return np.concatenate([np.ones((len(deviation), 1)), terms], axis=1)
