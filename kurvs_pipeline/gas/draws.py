"""Draws of lines, attenuation and abundances from their errors, from which intervals follow."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kurvs_pipeline.abundances.diagnostics import Diagnostic
from kurvs_pipeline.arrays import Array, BoolArray, IntArray
from kurvs_pipeline.binning import annuli_among
from kurvs_pipeline.fluxes.joint import N_DRAWS, JointFluxes
from kurvs_pipeline.gas.attenuation import Attenuation
from kurvs_pipeline.gas.quantities import dust_free, interval, needed_a_v, parts_of
from kurvs_pipeline.lines import DETECTION_SNR
from kurvs_pipeline.representation import short_repr


@dataclass(frozen=True, eq=False)
class DrawnAbundance:
    """The abundance by one diagnostic in every draw.

    Parameters
    ----------
    values : array, shape (n_draws, n_apertures)
        12 + log(O/H); NaN where a line is not positive. Ratios beyond the turnover of a two-valued
        relation count as at the turnover: left out, they would leave only the draws that noise has
        moved away from it.
    low, high : array, shape (n_apertures,)
        Ends of the central 68 per cent.
    beyond_turnover : array, shape (n_apertures,)
        Fraction of the draws beyond the turnover; NaN where the attenuation is needed and not
        known.
    """

    values: Array
    low: Array
    high: Array
    beyond_turnover: Array


@dataclass(frozen=True, eq=False)
class AbundanceDraws:
    """Draws of the lines from their covariance, with the attenuation that each draw implies.

    Parameters
    ----------
    fluxes : JointFluxes
        Line fluxes as measured, behind dust.
    attenuation : Attenuation
        Attenuation of the same apertures.
    drawn : dict of str to array, shape (n_draws, n_apertures)
        Drawn fluxes by line, behind dust.
    a_v : array, shape (n_draws, n_apertures)
        Drawn attenuation in V, mag.
    """

    __repr__ = short_repr

    fluxes: JointFluxes
    attenuation: Attenuation
    drawn: dict[str, Array]
    a_v: Array

    @classmethod
    def of(
        cls, fluxes: JointFluxes, attenuation: Attenuation, random: np.random.Generator
    ) -> "AbundanceDraws":
        """Draw lines and attenuation 2000 times.

        Parameters
        ----------
        fluxes : JointFluxes
            Lines of all apertures, with their covariance.
        attenuation : Attenuation
            Attenuation of the same apertures.
        random : Generator
            Random generator for the noise.
        """
        drawn = fluxes.draws(random, N_DRAWS)
        return cls(fluxes, attenuation, drawn, attenuation.draws(random, drawn, N_DRAWS))

    @property
    def annuli(self) -> IntArray:
        """Indices of the annuli among the apertures, shape (n_annuli,)."""
        return annuli_among(self.fluxes.apertures)

    @cached_property
    def dust_free(self) -> dict[str, Array]:
        """Drawn fluxes corrected for dust, each of shape (n_draws, n_apertures)."""
        return dust_free(self.drawn, self.a_v)

    def _dust_free_for(self, diagnostic: Diagnostic) -> dict[str, Array]:
        """Return the dust-free lines of a diagnostic, recomputed only where dust is not known."""
        if np.isfinite(self.attenuation.a_v).all():
            return self.dust_free
        drawn = {name: self.drawn[name] for name in diagnostic.lines}
        return dust_free(drawn, needed_a_v(diagnostic, self.a_v))

    @cached_property
    def _known(self) -> dict[str, DrawnAbundance]:
        """Abundances by diagnostic, which tables and gradients share."""
        return {}

    def of_diagnostic(self, diagnostic: Diagnostic) -> DrawnAbundance:
        """Return the abundance of every draw; each diagnostic is computed once.

        Parameters
        ----------
        diagnostic : Diagnostic
            Calibration of the abundance.
        """
        if diagnostic.name not in self._known:
            lines = self._dust_free_for(diagnostic)
            values = diagnostic.nearest_from_fluxes(lines)
            unknown = np.isnan(needed_a_v(diagnostic, self.attenuation.a_v))
            beyond = np.where(unknown, np.nan, diagnostic.is_beyond_turnover(lines).mean(axis=0))
            self._known[diagnostic.name] = DrawnAbundance(values, *interval(values), beyond)
        return self._known[diagnostic.name]

    def detected(self, diagnostic: Diagnostic) -> BoolArray:
        """Return where draws detect all lines (pairs by their sum), shape (n_draws, n_apertures).

        Parameters
        ----------
        diagnostic : Diagnostic
            Calibration whose lines are needed.
        """
        found = [
            np.sum([self.drawn[name] for name in lines], axis=0)
            > DETECTION_SNR * self.fluxes.error_of(*lines)
            for lines in parts_of(diagnostic)
        ]
        return np.asarray(np.logical_and.reduce(found))
