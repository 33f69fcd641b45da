"""The correction of a gradient for beam smearing, f_grad, from a model disk binned like the data.

The pipeline smears with its own code, apart from the simulator's: what is measured must not be
corrected by the code that made it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_pipeline.representation import short_repr
from kurvs_pipeline.smearing.matrix import (
    HALF_LIGHT_IN_SCALE_LENGTHS,
    LARGEST_LOG_RATIO,
    InclinedDisk,
    SmearingMatrix,
)
from kurvs_pipeline.smearing.point_spread import Seeing
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.smearing.sky_apertures import SpaxelApertures
from kurvs_pipeline.smearing.variations import (
    SCALE_LENGTH_ERR,
    SmearingVariations,
    quadratic_terms,
)

REFERENCE_GRADIENT_DEX_PER_KPC = -0.02
"""f_grad depends on the gradient; the correction is quoted for this one."""

LARGEST_GRADIENT = 0.4
"""dex/kpc: no intrinsic gradient is looked for beyond, far from any that is known."""

_GRADIENTS = np.linspace(-LARGEST_GRADIENT, LARGEST_GRADIENT, 41)

_FAINTEST_RATIO = 1e-12
"""Where a quadratic function falls below 0, far from its middle."""

_N_DISKS = 256
"""Disks and seeings that stand for the errors of size, seeing and inclination."""

_MOST_DEVIATIONS = 2.0
"""Standard deviations within which the smearing matrix is a quadratic function of an error."""


@dataclass(frozen=True, eq=False)
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

    __repr__ = short_repr

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

    @cached_property
    def variations(self) -> SmearingVariations:
        """The matrix as a function of the errors of seeing and inclination."""
        return SmearingVariations(
            InclinedDisk.of(self.metadata),
            self.seeing_with_errors,
            SpaxelApertures(self.weights, self.x_arcsec, self.y_arcsec),
            self.metadata.inclination_err_deg,
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

    def intrinsic_gradients(
        self, observed: Array, coefficients: Array, *, abundance_per_log_ratio: float
    ) -> Array:
        """Return the intrinsic gradients that are seen as observed ones, shape (n,).

        Each is that of a disk and a seeing drawn from their errors: of the size of H-alpha about
        that of the effective radius, of width and wings of the seeing, and of the inclination. The
        correction is that of the intrinsic gradient itself and not of the reference gradient.
        Observed gradients that no intrinsic one gives have the nearest, at most 0.4 dex/kpc. NaN
        where the effective radius or the seeing is unknown.

        Parameters
        ----------
        observed : array, shape (n,)
            Slopes through the annuli, dex/kpc.
        coefficients : array, shape (n_annuli,)
            As in :meth:`f_grad`.
        abundance_per_log_ratio : float
            d[12 + log(O/H)] / d[log ratio] of the diagnostic.
        """
        if not self.is_known:
            return np.full(len(observed), np.nan)
        seen = self._seen_by_disks(abundance_per_log_ratio) @ coefficients
        middle = _GRADIENTS.size // 2
        # Steep gradients of compact disks are seen as less steep ones: held where that begins.
        seen[:, middle:] = np.maximum.accumulate(seen[:, middle:], axis=1)
        seen[:, middle::-1] = np.minimum.accumulate(seen[:, middle::-1], axis=1)
        of_draw = seen[np.arange(len(observed)) % _N_DISKS]
        above = np.clip((of_draw <= observed[:, None]).sum(axis=1), 1, _GRADIENTS.size - 1)
        rows = np.arange(len(observed))
        low, high = of_draw[rows, above - 1], of_draw[rows, above]
        step = np.where(high > low, high - low, 1.0)
        share = np.clip((observed - low) / step, 0.0, 1.0)
        return np.asarray(_GRADIENTS[above - 1] + share * (_GRADIENTS[1] - _GRADIENTS[0]))

    @cached_property
    def _drawn_disks(self) -> tuple[Array, Array]:
        """Scale lengths, arcsec, and deviations in standard deviations, by drawn disk."""
        n_deviations = self.variations.n_deviations
        # Evenly spread, and the same in every run.
        uniform = qmc.Sobol(1 + n_deviations, scramble=False).random(_N_DISKS) + 0.5 / _N_DISKS
        drawn = np.clip(ndtri(uniform), -_MOST_DEVIATIONS, _MOST_DEVIATIONS)
        scale = self.metadata.effective_radius_arcsec / HALF_LIGHT_IN_SCALE_LENGTHS
        return scale * np.exp(SCALE_LENGTH_ERR * drawn[:, 0]), drawn[:, 1:]

    @cached_property
    def _known_by_disks(self) -> dict[float, Array]:
        return {}

    def _seen_by_disks(self, abundance_per_log_ratio: float) -> Array:
        """Return the abundances seen of drawn disks, shape (n_disks, n_gradients, n_annuli)."""
        if abundance_per_log_ratio not in self._known_by_disks:
            scale, deviation = self._drawn_disks
            radius, weight = self.variations.best.nodes
            per_arcsec = _GRADIENTS * kpc_per_arcsec(self.metadata.redshift)
            logarithm = np.outer(per_arcsec / abundance_per_log_ratio, radius)
            ratio = 10.0 ** np.clip(logarithm, -LARGEST_LOG_RATIO, LARGEST_LOG_RATIO)
            light = weight * radius * np.exp(-radius / scale[:, None])
            terms, matrices = quadratic_terms(deviation), self.variations.matrices
            numerator = np.einsum(
                "dk,gk,ska,ds->dga", light, ratio, matrices.swapaxes(1, 2), terms, optimize=True
            )
            denominator = np.einsum(
                "dk,ska,ds->da", light, matrices.swapaxes(1, 2), terms, optimize=True
            )
            seen = np.log10(np.maximum(numerator / denominator[:, None], _FAINTEST_RATIO))
            self._known_by_disks[abundance_per_log_ratio] = abundance_per_log_ratio * seen
        return self._known_by_disks[abundance_per_log_ratio]
