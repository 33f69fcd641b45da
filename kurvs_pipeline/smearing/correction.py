"""The correction of a gradient for beam smearing, f_grad, from a model disk binned like the data.

The pipeline smears with its own code, apart from the simulator's: what is measured must not be
corrected by the code that made it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_pipeline.smearing.matrix import InclinedDisk, SmearingMatrix
from kurvs_pipeline.smearing.point_spread import Seeing
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.smearing.sky_apertures import SpaxelApertures

REFERENCE_GRADIENT_DEX_PER_KPC = -0.02
"""f_grad depends on the gradient; the correction is quoted for this one."""


@dataclass(frozen=True)
class DiskSmearing:
    """An exponential disk of known geometry, as its annuli see it through the seeing.

    Parameters
    ----------
    metadata : ObservationMetadata
        Redshift, geometry, effective radius and point-spread function.
    x_arcsec, y_arcsec : array, shapes (n_x,), (n_y,)
        Evenly spaced spaxel centres from the target, to the West and to the North.
    weights : array, shape (n_annuli, n_y, n_x)
        Fraction of each spaxel in each annulus, 0 where the cube has no data.
    reference_gradient : float
        Intrinsic gradient that f_grad is computed for, dex/kpc.
    seeing : SeeingKnowledge, optional
        Width and wings with their errors, such as a star gave; by default what the metadata state,
        with the errors of :meth:`SeeingKnowledge.assumed`.
    """

    metadata: ObservationMetadata
    x_arcsec: Array
    y_arcsec: Array
    weights: Array
    reference_gradient: float = REFERENCE_GRADIENT_DEX_PER_KPC
    seeing: SeeingKnowledge | None = None

    @cached_property
    def matrix(self) -> SmearingMatrix:
        """Fraction of the light of each ring that lands in each annulus."""
        return SmearingMatrix(
            InclinedDisk.of(self.metadata),
            Seeing.of(self.metadata),
            SpaxelApertures(self.weights, self.x_arcsec, self.y_arcsec),
        )

    @property
    def is_known(self) -> bool:
        """Whether effective radius and seeing are known."""
        needed = (self.metadata.effective_radius_arcsec, self.metadata.seeing_fwhm_arcsec)
        return bool(np.all(np.isfinite(needed)))

    @property
    def seeing_with_errors(self) -> SeeingKnowledge | None:
        """Width and wings of the seeing with their errors; None where there is no seeing."""
        if self.metadata.seeing_fwhm_arcsec == 0.0:
            return None
        return self.seeing or SeeingKnowledge.assumed(self.metadata)

    @cached_property
    def _seen(self) -> dict[float, Array]:
        """Observed log ratios of the reference gradient, by the slope of the diagnostic."""
        return {}

    def f_grad(self, coefficients: Array, *, abundance_per_log_ratio: float) -> float:
        """Return the intrinsic over the observed gradient (Li et al. 2025, Section 4).

        It is NaN where the effective radius or the seeing is unknown.

        Parameters
        ----------
        coefficients : array, shape (n_annuli,)
            Factors of the abundances in the fitted slope: it is ``coefficients @ abundance``, per
            kpc.
        abundance_per_log_ratio : float
            d[12 + log(O/H)] / d[log ratio] of the diagnostic.
        """
        if not self.is_known:
            return float("nan")
        if abundance_per_log_ratio not in self._seen:
            per_arcsec = self.reference_gradient * kpc_per_arcsec(self.metadata.redshift)
            self._seen[abundance_per_log_ratio] = self.matrix.log_ratios(
                self.metadata.effective_radius_arcsec, per_arcsec / abundance_per_log_ratio
            )
        log_ratio = self._seen[abundance_per_log_ratio]
        observed = float(coefficients @ (abundance_per_log_ratio * log_ratio))
        return self.reference_gradient / observed
