"""Line fluxes of the annuli with their full covariance, for the fit of a forward model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.errors import CoverageError, FitError
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.lines import members_of
from kurvs_pipeline.representation import short_repr


@dataclass(frozen=True, eq=False)
class ApertureFluxes:
    """Line fluxes of one galaxy, in one or many realisations of their noise.

    Parameters
    ----------
    flux : array, shape (n_realisations, n_lines, n_apertures)
        Line fluxes, H-alpha first. They may be negative; NaN in all realisations where nothing was
        measured.
    covariance : array, shape (n_lines, n_apertures, n_lines, n_apertures)
        Covariance, the same for all realisations.
    """

    __repr__ = short_repr

    flux: Array
    covariance: Array

    @classmethod
    def of_annuli(cls, fluxes: JointFluxes, lines: Sequence[str]) -> Self:
        """Take lines of the annuli of a measured galaxy.

        Parameters
        ----------
        fluxes : JointFluxes
            Line fluxes of all apertures, behind dust.
        lines : sequence of str
            Names of lines; ``oii`` is the sum of the pair.

        Raises
        ------
        CoverageError
            If a line was not measured.
        """
        pick = _pick(fluxes.names, lines)
        # A line that was not measured is not to spoil those that do without it.
        flux = np.stack([fluxes.annuli.flux[:, used].sum(axis=1) for used in pick > 0.0])
        covariance = np.einsum("pl,lamb,qm->paqb", pick, fluxes.covariance_of_annuli, pick)
        return cls(flux[None], covariance)

    @property
    def _square(self) -> Array:
        size = self.flux[0].size
        return self.covariance.reshape(size, size)

    @cached_property
    def measured(self) -> BoolArray:
        """Whether each flux was measured, shape (n_lines, n_apertures)."""
        known = np.isfinite(self.flux).all(axis=0)
        return np.asarray(known & (np.diagonal(self._square) > 0.0).reshape(known.shape))

    @cached_property
    def total_halpha(self) -> Array:
        """H-alpha flux summed over the apertures, shape (n_realisations,)."""
        return np.asarray(self.flux[:, 0, self.measured[0]].sum(axis=1))

    @cached_property
    def total_halpha_err(self) -> float:
        """Standard error of the summed H-alpha flux.

        Raises
        ------
        FitError
            If H-alpha was measured in no aperture.
        """
        known = self.measured[0]
        if not known.any():
            raise FitError("H-alpha was measured in no aperture; expected a finite flux in one")
        return float(np.sqrt(self.covariance[0, known][:, 0, known].sum()))

    @property
    def total_halpha_snr(self) -> Array:
        """S/N of the summed H-alpha flux, shape (n_realisations,)."""
        return self.total_halpha / self.total_halpha_err

    @cached_property
    def _whitening(self) -> Array:
        used = self.measured.ravel()
        try:
            root = np.linalg.cholesky(self._square[np.ix_(used, used)])
        except np.linalg.LinAlgError as error:
            raise FitError(
                "the covariance of the line fluxes is singular; expected apertures that do not "
                "share their light and lines that are measured apart"
            ) from error
        return np.asarray(np.linalg.inv(root))

    @cached_property
    def white(self) -> Array:
        """Whitened fluxes: independent, with errors of 1, shape (n_realisations, n_measured)."""
        return self.whiten(self.flux)

    def whiten(self, flux: Array) -> Array:
        """Return whitened fluxes, shape (..., n_measured).

        Parameters
        ----------
        flux : array, shape (..., n_lines, n_apertures)
            Fluxes, such as those of a model, in the unit of the measured ones.
        """
        return np.asarray(flux[..., self.measured] @ self._whitening.T)


def has_lines(fluxes: JointFluxes, lines: Sequence[str]) -> bool:
    """Return whether lines, or the members of their sums such as ``oii``, were measured."""
    return set(single_lines(lines)) <= set(fluxes.names)


def single_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """Return single lines, with sums such as ``oii`` replaced by their members."""
    return tuple(part for line in lines for part in members_of(line))


def _pick(measured: Sequence[str], wanted: Sequence[str]) -> Array:
    """Return the matrix that selects or adds up lines, shape (n_wanted, n_measured)."""
    pick = np.zeros((len(wanted), len(measured)))
    for row, line in enumerate(wanted):
        for part in members_of(line):
            if part not in measured:
                raise CoverageError(f"{part} was not measured; there are {', '.join(measured)}")
            pick[row, list(measured).index(part)] = 1.0
    return pick
