"""The outcome of emission-line fits: fluxes with covariance, kinematics and flags."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import IntFlag
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from kurvs_pipeline.arrays import Array, BoolArray, IntArray, StrArray
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.lines import OII_PAIR
from kurvs_pipeline.representation import short_repr

POOR_FIT_PROBABILITY = 1e-3
"""A chi2 that noise alone exceeds less often than this is a poor fit."""


class FitFlag(IntFlag):
    """What to know about a fit; the sum of all that apply."""

    GOOD = 0
    NO_DATA = 1
    """Too few valid channels: everything is NaN."""
    AT_BOUND = 2
    """Velocity or width ran to the end of its range: everything is NaN."""
    NOT_CONVERGED = 4
    """No minimum was found: everything is NaN."""
    UNRESOLVED = 8
    """The line is not wider than the line-spread function: fluxes stand, the width is NaN."""
    PARTIAL = 16
    """Some line is masked or off the grid over more than half of its core: it is NaN."""
    POOR_FIT = 32
    """Noise alone explains the residuals in less than 1 of 1000 cases: the lines may not be
    Gaussians, or something else be there. Told by :attr:`LineFits.quality_flag` only; errors count
    it (:meth:`LineFits.with_errors_of_misfit`)."""
    FAINT_CONTINUUM = 64
    """Stellar absorption was corrected for by a continuum below 3 sigma."""
    BROAD_LINE = 128
    """There is a broad H-alpha as well; the lines are the narrow ones."""


def describe_flag(flag: int) -> str:
    """Spell a flag for tables, as in ``unresolved+partial``; empty when all is good."""
    return "+".join(
        member.name.lower() for member in FitFlag if member.name is not None and member & flag
    )


def join_flags(first: ArrayLike, second: ArrayLike) -> StrArray:
    """Put flags beside one another, as in ``unresolved+truncated``; empty ones leave no trace."""
    one, other = np.broadcast_arrays(first, second)
    pairs = zip(one.ravel().tolist(), other.ravel().tolist(), strict=True)
    joined = ["+".join(filter(None, pair)) for pair in pairs]
    return np.array(joined, dtype=np.str_).reshape(one.shape)


@dataclass(frozen=True, eq=False)
class LineFluxes:
    """Fluxes of individual lines, tied members and the [OII] sum included.

    Parameters
    ----------
    names : tuple of str
        The lines.
    flux : array, shape (n_spec, n_lines)
        Integrated flux, flux density times um.
    covariance : array, shape (n_spec, n_lines, n_lines)
        Of the fluxes; singular between members of a tied group.
    """

    __repr__ = short_repr

    names: tuple[str, ...]
    flux: Array
    covariance: Array

    @cached_property
    def flux_err(self) -> Array:
        """Standard error, shape (n_spec, n_lines)."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))

    @cached_property
    def snr(self) -> Array:
        """Flux over its error, shape (n_spec, n_lines)."""
        return self.flux / self.flux_err


@dataclass(frozen=True, eq=False)
class LineFits:
    """Simultaneous line fits of many spectra of one band.

    A fit that did not succeed is NaN throughout and says why in ``flag``.

    Parameters
    ----------
    model : BandLineModel
        What was fitted.
    flux : array, shape (n_spec, n_groups)
        Flux of each group's name line, flux density times um.
    flux_covariance : array, shape (n_spec, n_groups, n_groups)
        Marginalised over everything else that was fitted.
    continuum : array, shape (n_spec, n_windows)
        Flux density of the flat continuum of each window.
    velocity_kms, velocity_err_kms, sigma_kms, sigma_err_kms : array, shape (n_spec,)
        Shared kinematics; errors are NaN where they were held fixed.
    chi2 : array, shape (n_spec,)
        Of the best fit.
    dof : int array, shape (n_spec,)
        Valid channels less fitted parameters.
    flag : int array, shape (n_spec,)
        Sum of :class:`FitFlag`.
    kinematics : str array, shape (n_spec,)
        ``free`` or ``fixed``.
    """

    __repr__ = short_repr

    model: BandLineModel
    flux: Array
    flux_covariance: Array
    continuum: Array
    velocity_kms: Array
    velocity_err_kms: Array
    sigma_kms: Array
    sigma_err_kms: Array
    chi2: Array
    dof: IntArray
    flag: IntArray
    kinematics: StrArray

    @property
    def names(self) -> tuple[str, ...]:
        """Name line of each group."""
        return self.model.group_names

    @cached_property
    def flux_err(self) -> Array:
        """Standard error of the fluxes, shape (n_spec, n_groups)."""
        return np.sqrt(np.diagonal(self.flux_covariance, axis1=1, axis2=2))

    @cached_property
    def snr(self) -> Array:
        """Flux over its error, shape (n_spec, n_groups)."""
        return self.flux / self.flux_err

    @cached_property
    def converged(self) -> BoolArray:
        """Whether each fit succeeded, shape (n_spec,)."""
        failed = FitFlag.NO_DATA | FitFlag.AT_BOUND | FitFlag.NOT_CONVERGED
        return np.asarray((self.flag & int(failed)) == 0)

    @cached_property
    def reduced_chi2(self) -> Array:
        """chi2 over degrees of freedom, shape (n_spec,); NaN where the fit failed."""
        unknown = np.full(self.chi2.shape, np.nan)
        return np.asarray(np.divide(self.chi2, self.dof, out=unknown, where=self.dof > 0))

    @cached_property
    def p_value(self) -> Array:
        """Probability of a larger chi2 by noise alone, shape (n_spec,); NaN where it failed.

        It takes channels as independent and their errors as right.
        """
        known = np.isfinite(self.chi2) & (self.dof > 0)
        return np.asarray(np.where(known, chdtrc(self.dof, self.chi2), np.nan))

    @cached_property
    def quality_flag(self) -> IntArray:
        """``flag`` with ``POOR_FIT`` added where chi2 is too large for noise, shape (n_spec,)."""
        return np.asarray(self.flag | np.where(self._is_poor, int(FitFlag.POOR_FIT), 0))

    @property
    def _is_poor(self) -> BoolArray:
        return np.asarray(self.p_value < POOR_FIT_PROBABILITY)

    def with_errors_of_misfit(self) -> "LineFits":
        """Return the fits with larger errors where the model leaves more than noise.

        A residual of the sky under the lines, say, is in no channel's error. Poor fits have their
        errors multiplied by the root of the reduced chi2 (as the Review of Particle Physics does
        where measurements disagree; Workman et al. 2022, "Unconstrained averaging").

        Returns
        -------
        LineFits
            Good fits are as before; fluxes, kinematics and chi2 of all are.
        """
        power = np.where(self._is_poor, self.reduced_chi2, 1.0)
        scale = np.sqrt(power)
        return replace(
            self,
            flux_covariance=self.flux_covariance * power[:, None, None],
            velocity_err_kms=self.velocity_err_kms * scale,
            sigma_err_kms=self.sigma_err_kms * scale,
        )

    def to_lines(self) -> LineFluxes:
        """Return the flux of every line, with ``oii`` where both of its lines were fitted."""
        weights = self._weights_of_lines()
        matrix = np.array(list(weights.values()))
        flux = np.nan_to_num(self.flux, nan=0.0) @ matrix.T
        covariance = matrix @ np.nan_to_num(self.flux_covariance, nan=0.0) @ matrix.T
        missing = (np.isnan(self.flux) @ (matrix != 0.0).T).astype(bool)
        flux[missing] = np.nan
        covariance[missing[:, :, None] | missing[:, None, :]] = np.nan
        return LineFluxes(tuple(weights), flux, covariance)

    def _weights_of_lines(self) -> dict[str, Array]:
        """Give each line's flux as a weighted sum of the groups' fluxes."""
        unit = np.eye(len(self.names))
        weights = {
            name: ratio * unit[index]
            for index, group in enumerate(self.model.groups)
            for name, ratio in group.members
        }
        if all(name in weights for name in OII_PAIR):
            weights["oii"] = weights[OII_PAIR[0]] + weights[OII_PAIR[1]]
        return weights

    def model_spectra(self) -> Array:
        """Return the fitted spectra on the full grid.

        Returns
        -------
        array, shape (n_spec, n_channels)
            NaN outside the windows and where the fit did not succeed; groups without a flux
            count as zero. An unresolved line is drawn with no width of its own.
        """
        sigma = np.where(self.flag & FitFlag.UNRESOLVED, 0.0, self.sigma_kms)
        good = self.converged
        spectra = np.full((self.flag.size, self.model.wavelength_um.size), np.nan)
        if not np.any(good):
            return spectra
        design = self.model.design(self.velocity_kms[good], sigma[good])
        amplitudes = np.nan_to_num(np.concatenate([self.flux, self.continuum], axis=1)[good])
        fitted = np.full((int(good.sum()), self.model.wavelength_um.size), np.nan)
        fitted[:, self.model.channels] = np.einsum("nup,np->nu", design, amplitudes)
        spectra[good] = fitted
        return spectra

    @classmethod
    def joined(cls, blocks: Sequence["LineFits"]) -> "LineFits":
        """Join fits of the same model, one after the other.

        Parameters
        ----------
        blocks : sequence of LineFits
            In order.

        Returns
        -------
        LineFits
        """
        arrays = {
            field.name: np.concatenate([getattr(block, field.name) for block in blocks])
            for field in fields(cls)
            if field.name != "model"
        }
        return cls(model=blocks[0].model, **arrays)

    def chosen(self, rows: BoolArray) -> "LineFits":
        """Return some of the fits.

        Parameters
        ----------
        rows : bool array, shape (n_spec,)
            True where a fit is kept.
        """
        arrays = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if field.name != "model"
        }
        return LineFits(model=self.model, **arrays)

    def replaced(self, rows: BoolArray, other: "LineFits") -> "LineFits":
        """Return a copy whose chosen rows are those of ``other``, in order.

        Parameters
        ----------
        rows : bool array, shape (n_spec,)
            The rows to replace.
        other : LineFits
            As many fits as there are rows to replace, of the same model.
        """
        merged = {}
        for field in fields(self):
            if field.name != "model":
                merged[field.name] = getattr(self, field.name).copy()
                merged[field.name][rows] = getattr(other, field.name)
        return LineFits(model=self.model, **merged)


def line_ratio(fits: LineFits, numerator: str, denominator: str) -> tuple[Array, Array]:
    """Return the ratio of two groups' fluxes and its error, with their covariance.

    Both have shape (n_spec,), detected or not; NaN where a line was not fitted.
    """
    if numerator not in fits.names or denominator not in fits.names:
        return np.full(len(fits.flag), np.nan), np.full(len(fits.flag), np.nan)
    i, j = fits.names.index(numerator), fits.names.index(denominator)
    top, bottom, covariance = fits.flux[:, i], fits.flux[:, j], fits.flux_covariance
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = top / bottom
        variance = (
            covariance[:, i, i] - 2.0 * ratio * covariance[:, i, j] + ratio**2 * covariance[:, j, j]
        ) / bottom**2
        return ratio, np.sqrt(np.maximum(variance, 0.0))
