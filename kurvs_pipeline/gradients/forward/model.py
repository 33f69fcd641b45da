"""How the smearing matrix of a disk follows seeing and inclination, which are not known well."""

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


LARGEST_LOG_RATIO = 15.0
"""Natural logarithm at which a line's profile is cut off, where the disk has long faded."""

SCALE_LENGTH_ERR = 0.2
"""Of ln(scale length) about that of the effective radius: H-alpha is not the stars."""

TYPICAL_ABUNDANCE, TYPICAL_ABUNDANCE_ERR = 8.5, 0.6
"""Wide prior at the pivot: twice the range of galaxies at z ~ 1.5 by any calibration."""

AMPLITUDE_ERR = 3.0
"""Of ln(flux), about a first guess: too wide to matter where a line is detected."""


class Prediction(NamedTuple):
    """Fluxes and their derivatives.

    Parameters
    ----------
    flux : array, shape (n_models, n_lines, n_apertures)
        In the unit of the amplitude.
    by_parameter : array, shape (n_models, n_parameters, n_lines, n_apertures)
        By everything but the gradient.
    """

    flux: Array
    by_parameter: Array


@dataclass(frozen=True, eq=False)
class ForwardModel:
    """An exponential disk with a linear abundance gradient, as apertures see it.

    Its parameters, apart from the gradient, are: abundance at the pivot, what else shapes the
    lines, ln(H-alpha flux), ln(scale length), and the deviations of seeing and inclination in
    standard deviations, of which the smearing matrix is a quadratic function.

    Parameters
    ----------
    disk : InclinedDisk
        How it lies on the sky.
    effective_radius_arcsec : float
        Of an exponential disk.
    kpc_per_arcsec : float
        Scale.
    seeing : SeeingKnowledge or None
        Width and wings with errors; None is no seeing.
    apertures : SkyApertures
        Annuli or spaxels.
    profiles : LineProfiles
        Lines of the diagnostic.
    inclination_err_deg : float
        Standard error of the inclination; 0 holds it.
    abundance_mean, abundance_err : float
        Prior of 12 + log(O/H) at the effective radius. A sample of which more is known, such as
        its mean and scatter, should say so: together with the flux of all [N II] it tells steep
        gradients of compact galaxies apart.

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
        """Refuse disks that cannot be drawn."""
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
        """The smearing matrix, and how it follows seeing and inclination."""
        return SmearingVariations(
            self.disk, self.seeing, self.apertures, self.inclination_err_deg
        )  # fmt: skip

    @property
    def matrix(self) -> SmearingMatrix:
        """The smearing matrix with the best seeing and inclination."""
        return self.smearing.best

    def with_profiles(self, profiles: LineProfiles) -> Self:
        """Return the same disk in the lines of another diagnostic.

        Parameters
        ----------
        profiles : LineProfiles
            Lines of the diagnostic.
        """
        other = replace(self, profiles=profiles)
        # Its matrices are these: what was worked out for one serves both.
        vars(other)["smearing"] = self.smearing
        return other

    @property
    def scale_length_arcsec(self) -> float:
        """Scale length that the effective radius stands for."""
        return self.effective_radius_arcsec / HALF_LIGHT_IN_SCALE_LENGTHS

    @property
    def pivot_kpc(self) -> float:
        """Radius at which abundance and gradient are told apart best: about where light is."""
        return self.effective_radius_arcsec * self.kpc_per_arcsec

    @cached_property
    def n_deviations(self) -> int:
        """Number of deviations of seeing and inclination."""
        return (len(self._matrices) - 1) // 2

    @cached_property
    def prior_mean(self) -> Array:
        """Of the parameters, shape (n_parameters,); 0 for the amplitude, which data give."""
        return np.array([
            self.abundance_mean, *self.profiles.extra_mean, 0.0,
            math.log(self.scale_length_arcsec), *np.zeros(self.n_deviations),
        ])  # fmt: skip

    @cached_property
    def prior_err(self) -> Array:
        """Of the parameters, shape (n_parameters,)."""
        return np.array([
            self.abundance_err, *self.profiles.extra_err, AMPLITUDE_ERR, SCALE_LENGTH_ERR,
            *np.ones(self.n_deviations),
        ])  # fmt: skip

    @property
    def amplitude_index(self) -> int:
        """Where ln(H-alpha flux) stands among the parameters."""
        return 1 + len(self.profiles.extra_mean)

    @property
    def _matrices(self) -> Array:
        return self.smearing.matrices

    def predict(self, gradient: Array, parameters: Array) -> Prediction:
        """Return the fluxes of models, and how they change with their parameters.

        Parameters
        ----------
        gradient : array, shape (n_models,)
            dex/kpc.
        parameters : array, shape (n_models, n_parameters)
            All others, in the order of the class.
        """
        seen = self._integrands(gradient, parameters) @ self._projection
        seen = seen.reshape(*seen.shape[:3], len(self._matrices), -1)
        deviation = parameters[:, len(self.prior_mean) - self.n_deviations :]
        value = np.einsum("bjlsa,bs->bjla", seen, _quadratic(deviation))
        slopes, curvatures = seen[:, 0, :, 1::2], seen[:, 0, :, 2::2]
        by_deviation = slopes + deviation[:, None, :, None] * curvatures
        by_parameter = [value[:, 1:-1], value[:, :1], value[:, -1:], by_deviation.swapaxes(1, 2)]
        return Prediction(value[:, 0], np.concatenate(by_parameter, axis=1))

    @cached_property
    def _projection(self) -> Array:
        """All matrices side by side, shape (n_nodes, n_matrices * n_apertures)."""
        return self._matrices.reshape(-1, self._matrices.shape[2]).T

    def _integrands(self, gradient: Array, parameters: Array) -> Array:
        """Return the light at the nodes, and its derivatives by what shapes the disk.

        Returns
        -------
        array, shape (n_models, 3 + n_extra, n_lines, n_nodes)
            Light; its derivatives by abundance, by the extra parameters, by ln(scale length).
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


def _quadratic(deviation: Array) -> Array:
    """Return the weights of a matrix, its slopes and its curvatures, shape (n_models, n)."""
    terms = np.stack([deviation, 0.5 * deviation**2], axis=2).reshape(len(deviation), -1)
    return np.concatenate([np.ones((len(deviation), 1)), terms], axis=1)
