"""The forward model: line fluxes in apertures of an exponential disk with an abundance gradient."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.gradients.forward.profiles import LineProfiles
from kurvs_pipeline.smearing.matrix import HALF_LIGHT_IN_SCALE_LENGTHS, InclinedDisk, SmearingMatrix
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.smearing.sky_apertures import SkyApertures
from kurvs_pipeline.smearing.variations import (
    SCALE_LENGTH_ERR,
    SmearingVariations,
    quadratic_terms,
)

LARGEST_LOG_RATIO = 15.0
"""Natural logarithm at which a line's profile is cut off, where the disk has long faded."""

TYPICAL_ABUNDANCE, TYPICAL_ABUNDANCE_ERR = 8.5, 0.6
"""Wide prior at the pivot: twice the range of galaxies at z ~ 1.5 by any calibration."""

AMPLITUDE_ERR = 3.0
"""Prior of ln(flux) about a first guess: too wide to matter where a line is detected."""


class _Prediction(NamedTuple):
    """Fluxes in the unit of the amplitude, and derivatives by every parameter but the gradient.

    Shapes are (n_models, n_lines, n_apertures) and (n_models, n_parameters, n_lines, n_apertures).
    """

    flux: Array
    by_parameter: Array


@dataclass(frozen=True, eq=False)
class ForwardModel:
    """An exponential disk with a linear abundance gradient, as apertures see it.

    Its parameters, apart from the gradient, are: abundance at the pivot, the extra parameters of
    the line profiles, ln(H-alpha flux), ln(scale length), and the deviations of seeing and
    inclination in standard deviations, of which the smearing matrix is a quadratic function.

    Parameters
    ----------
    disk : InclinedDisk
        Orientation and thickness of the disk.
    effective_radius_arcsec : float
        Half-light radius of the exponential disk.
    kpc_per_arcsec : float
        Proper transverse scale at the galaxy's redshift.
    seeing : SeeingKnowledge or None
        Width and wings with errors; None is no seeing.
    apertures : SkyApertures
        Apertures on the sky: annuli or spaxels.
    profiles : LineProfiles
        Line profiles of the diagnostic.
    inclination_err_deg : float
        Standard error of the inclination; 0 takes it as exact.
    abundance_mean, abundance_err : float
        Prior of 12 + log(O/H) at the effective radius. If the mean and scatter of a sample are
        known, give those: with the total flux of [N II] they exclude steep gradients of compact
        galaxies that the annuli alone do not.

    Raises
    ------
    MetadataError
        If size, scale, inclination, prior abundance or an error of these is impossible or unknown.
    """

    disk: InclinedDisk
    effective_radius_arcsec: float
    kpc_per_arcsec: float
    seeing: SeeingKnowledge | None
    apertures: SkyApertures
    profiles: LineProfiles
    inclination_err_deg: float = 0.0
    abundance_mean: float = TYPICAL_ABUNDANCE
    abundance_err: float = TYPICAL_ABUNDANCE_ERR

    def __post_init__(self) -> None:
        for name in ("effective_radius_arcsec", "kpc_per_arcsec", "abundance_err"):
            value = getattr(self, name)
            if not 0.0 < value < math.inf:
                raise MetadataError(f"{name} is {value}; expected a value > 0")
        if not math.isfinite(self.abundance_mean):
            raise MetadataError(
                f"abundance_mean is {self.abundance_mean}; expected a finite 12 + log(O/H)"
            )
        if not 0.0 <= self.inclination_err_deg < math.inf:
            raise MetadataError(
                f"inclination_err_deg is {self.inclination_err_deg}; expected a finite value >= 0"
            )
        if not 0.0 <= self.disk.inclination_deg <= 90.0:
            raise MetadataError(
                f"inclination_deg is {self.disk.inclination_deg}; expected a value in [0, 90]"
            )
        if self.disk.inclination_deg == 90.0 and self.disk.vertical_sigma_arcsec == 0.0:
            raise MetadataError(
                "inclination_deg is 90 and the disk is thin, so that it would be a line; expected "
                "less, or a thickness > 0"
            )

    @cached_property
    def smearing(self) -> SmearingVariations:
        """The smearing matrix as a function of seeing and inclination."""
        return SmearingVariations(
            self.disk, self.seeing, self.apertures, self.inclination_err_deg
        )  # fmt: skip

    @property
    def matrix(self) -> SmearingMatrix:
        """The smearing matrix with the best seeing and inclination."""
        return self.smearing.best

    def with_profiles(self, profiles: LineProfiles) -> Self:
        """Return the same disk with the lines of another diagnostic.

        Parameters
        ----------
        profiles : LineProfiles
            Line profiles of the other diagnostic.
        """
        other = replace(self, profiles=profiles)
        # Its matrices are these: what was worked out for one serves both.
        vars(other)["smearing"] = self.smearing
        return other

    @property
    def scale_length_arcsec(self) -> float:
        """Scale length of the exponential disk."""
        return self.effective_radius_arcsec / HALF_LIGHT_IN_SCALE_LENGTHS

    @property
    def pivot_kpc(self) -> float:
        """Effective radius: most light is there, so abundance and gradient are least correlated."""
        return self.effective_radius_arcsec * self.kpc_per_arcsec

    @cached_property
    def prior_mean(self) -> Array:
        """Prior means, shape (n_parameters,); 0 for the amplitude, which data give."""
        return np.array([
            self.abundance_mean, *self.profiles.extra_mean, 0.0,
            math.log(self.scale_length_arcsec), *np.zeros(self.smearing.n_deviations),
        ])  # fmt: skip

    @cached_property
    def prior_err(self) -> Array:
        """Prior standard deviations of the parameters, shape (n_parameters,)."""
        return np.array([
            self.abundance_err, *self.profiles.extra_err, AMPLITUDE_ERR, SCALE_LENGTH_ERR,
            *np.ones(self.smearing.n_deviations),
        ])  # fmt: skip

    @property
    def amplitude_index(self) -> int:
        """Index of ln(H-alpha flux) among the parameters."""
        return 1 + len(self.profiles.extra_mean)

    @property
    def _matrices(self) -> Array:
        return self.smearing.matrices

    def predict(self, gradient: Array, parameters: Array) -> _Prediction:
        """Return the fluxes of models, and their derivatives by the parameters.

        Parameters
        ----------
        gradient : array, shape (n_models,)
            Abundance gradient, dex/kpc.
        parameters : array, shape (n_models, n_parameters)
            All other parameters, in the order of the class.
        """
        seen = self._integrands(gradient, parameters) @ self._projection
        seen = seen.reshape(*seen.shape[:3], len(self._matrices), -1)
        deviation = parameters[:, len(self.prior_mean) - self.smearing.n_deviations :]
        value = np.einsum("bjlsa,bs->bjla", seen, quadratic_terms(deviation))
        slopes, curvatures = seen[:, 0, :, 1::2], seen[:, 0, :, 2::2]
        by_deviation = slopes + deviation[:, None, :, None] * curvatures
        by_parameter = [value[:, 1:-1], value[:, :1], value[:, -1:], by_deviation.swapaxes(1, 2)]
        return _Prediction(value[:, 0], np.concatenate(by_parameter, axis=1))

    @cached_property
    def _projection(self) -> Array:
        """All matrices side by side, shape (n_nodes, n_matrices * n_apertures)."""
        return self._matrices.reshape(-1, self._matrices.shape[2]).T

    def _integrands(self, gradient: Array, parameters: Array) -> Array:
        """Return the light at the nodes, and its derivatives by what shapes the disk.

        Shape (n_models, 3 + n_extra, n_lines, n_nodes): light; derivatives by abundance, by the
        extra parameters, by ln(scale length).
        """
        radius, weight = self.matrix.nodes
        at = self.amplitude_index
        scale = np.exp(parameters[:, at + 1, None])
        light = np.exp(parameters[:, at, None] - radius / scale) * weight * radius / scale**2
        from_pivot = radius * self.kpc_per_arcsec - self.pivot_kpc
        abundance = parameters[:, :1] + gradient[:, None] * from_pivot
        logs = self.profiles.log_profiles(abundance, parameters[:, 1:at], from_pivot)
        lines = light[:, None] * np.exp(np.clip(logs.value, -LARGEST_LOG_RATIO, LARGEST_LOG_RATIO))
        by_extra = lines[:, None] * logs.by_extra
        by_scale = lines * (radius / scale - 2.0)[:, None]
        return np.concatenate(
            [np.stack([lines, lines * logs.by_abundance], axis=1), by_extra, by_scale[:, None]],
            axis=1,
        )
