"""How the smearing matrix of a disk follows seeing and inclination, which are not known well."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.seeing_knowledge import SeeingKnowledge
from kurvs_pipeline.sky_apertures import SkyApertures
from kurvs_pipeline.smearing import InclinedDisk, SmearingMatrix

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SmearingVariations:
    """The smearing matrix at its nodes as a quadratic function of independent deviations.

    It knows nothing of lines: the models of all diagnostics of a galaxy share one.

    Parameters
    ----------
    disk : InclinedDisk
        How it lies on the sky.
    seeing : SeeingKnowledge or None
        Width and wings with errors; None is no seeing.
    apertures : SkyApertures
        Annuli or spaxels.
    inclination_err_deg : float
        Standard error of the inclination; 0 holds it.
    """

    disk: InclinedDisk
    seeing: SeeingKnowledge | None
    apertures: SkyApertures
    inclination_err_deg: float = 0.0

    @cached_property
    def best(self) -> SmearingMatrix:
        """The smearing matrix with the best seeing and inclination."""
        psf = self.seeing.best if self.seeing else None
        return SmearingMatrix(self.disk, psf, self.apertures)

    @cached_property
    def matrices(self) -> Array:
        """K at the nodes, then slope and curvature by each deviation.

        Returns
        -------
        array, shape (1 + 2 n_deviations, n_apertures, n_nodes)
        """
        best = self.best.at_nodes
        stack = [best]
        for below, above in self._varied():
            stack += [0.5 * (above - below), above - 2.0 * best + below]
        return np.stack(stack)

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
