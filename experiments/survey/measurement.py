"""One mock measured in several binnings, by the pipeline's line fits and by the survey's.

Cubes, velocities and line fits are shared by all binnings; from the line fluxes of the annuli
follow slopes corrected by f_grad, whatever fluxes and errors they are given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.fluxes.band_fit import BandFit, fit_bands
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.gas.attenuation import survey_attenuation_of
from kurvs_pipeline.gas.draws import AbundanceDraws
from kurvs_pipeline.gas.quantities import interval, value_and_limit
from kurvs_pipeline.gradients.forward.rows import forward_rows
from kurvs_pipeline.gradients.slope import weighted_slope
from kurvs_pipeline.gradients.table import correction_of, drawn_slopes
from kurvs_pipeline.kinematics.apertures import PlacedApertures
from kurvs_pipeline.kinematics.frame import GalaxyFrame
from kurvs_pipeline.pipeline import Pipeline
from kurvs_pipeline.smearing.correction import DiskSmearing

FEWEST_DRAWS = 0.1
"""Of the draws must have a gradient, for its error to be told."""


@dataclass(frozen=True)
class CorrectedSlope:
    """A line through the annuli that are detected, times f_grad.

    Parameters
    ----------
    gradient, gradient_err : float
        dex/kpc; NaN with fewer than two annuli. The error is half the central 68 per cent of
        draws of the noise.
    n_bins : int
        Annuli with every line above 4 sigma.
    f_grad : float
        Intrinsic over observed gradient; NaN where there is none.
    """

    gradient: float
    gradient_err: float
    n_bins: int
    f_grad: float


@dataclass(frozen=True)
class Abundance:
    """12 + log(O/H) of the integrated aperture.

    Parameters
    ----------
    value, error : float
        NaN where a line is below 4 sigma.
    """

    value: float
    error: float


@dataclass(frozen=True, eq=False)
class BinnedGalaxy:
    """A galaxy whose lines were fitted in the annuli of several binnings.

    Its redshift must be right, as a mock's is: ``frame.doubtful_redshift`` is not looked at.

    Parameters
    ----------
    frame : GalaxyFrame
        Geometry and velocities.
    placed : mapping of BinningScheme to PlacedApertures
        The integrated aperture and the annuli of every binning.
    fits : mapping of str to BandFit
        Of the integrated aperture, then of the annuli of all binnings, one after the other.
    """

    frame: GalaxyFrame
    placed: Mapping[BinningScheme, PlacedApertures]
    fits: Mapping[str, BandFit]

    @classmethod
    def of(cls, observation: xr.DataTree, schemes: Sequence[BinningScheme]) -> "BinnedGalaxy":
        """Measure the lines of one galaxy.

        Parameters
        ----------
        observation : DataTree
            All bands.
        schemes : sequence of BinningScheme
            The first is what the background lies outside of.

        Raises
        ------
        CoverageError
            If H-alpha or an annulus lies outside the data.
        """
        cubes, frame, first = Pipeline(schemes[0]).locate(observation)
        valid = cubes.halpha.valid_spaxels
        others = {scheme: PlacedApertures.of(frame, scheme, valid) for scheme in schemes[1:]}
        placed = {schemes[0]: first, **others}
        weights = np.concatenate(
            [first.weights[:1], *(apertures.weights[1:] for apertures in placed.values())]
        )
        fits = fit_bands(
            cubes.bands, weights, redshift=frame.metadata.redshift,
            velocity_kms=frame.maps.velocity_kms,
        )  # fmt: skip
        return cls(frame, placed, fits)

    @cached_property
    def fluxes(self) -> JointFluxes:
        """Lines as the pipeline fits them, with calibrated errors."""
        return JointFluxes.of(self.fits)

    def rows(self, scheme: BinningScheme) -> list[int]:
        """Return where the integrated aperture and the annuli of a binning stand in ``fits``.

        Parameters
        ----------
        scheme : BinningScheme
            One of those that were measured.
        """
        first = 1
        for other, placed in self.placed.items():
            n_annuli = len(placed.apertures) - 1
            if other == scheme:
                return [0, *range(first, first + n_annuli)]
            first += n_annuli
        raise KeyError(scheme)

    def smearing(self, scheme: BinningScheme) -> DiskSmearing:
        """Return what the seeing does to the annuli of a binning.

        Parameters
        ----------
        scheme : BinningScheme
            One of those that were measured.
        """
        return self._smearings[scheme]

    @cached_property
    def _smearings(self) -> dict[BinningScheme, DiskSmearing]:
        return {scheme: placed.smearing(self.frame) for scheme, placed in self.placed.items()}

    def draws(self, fluxes: JointFluxes, scheme: BinningScheme, seed: int) -> AbundanceDraws:
        """Draw the lines of a binning, and the attenuation that the survey takes for them.

        Parameters
        ----------
        fluxes : JointFluxes
            Of all apertures, the pipeline's or others.
        scheme : BinningScheme
            Which annuli.
        seed : int
            Of the draws.
        """
        chosen = fluxes.chosen(self.rows(scheme))
        attenuation = survey_attenuation_of(chosen, self.placed[scheme].apertures)
        random = np.random.default_rng(np.random.SeedSequence(seed))
        return AbundanceDraws.of(chosen, attenuation, random)

    def corrected_slope(
        self, diagnostic: str, draws: AbundanceDraws, scheme: BinningScheme
    ) -> CorrectedSlope:
        """Return the slope of an abundance through the detected annuli, times f_grad.

        Parameters
        ----------
        diagnostic : str
            Name, such as ``n2``.
        draws : AbundanceDraws
            By :meth:`draws`, of the same binning.
        scheme : BinningScheme
            The annuli.
        """
        quantity = DIAGNOSTICS[diagnostic]
        if not set(quantity.lines) <= set(draws.fluxes.names):
            return CorrectedSlope(np.nan, np.nan, 0, np.nan)
        value, limit = value_and_limit(quantity, draws.fluxes, draws.attenuation.a_v)
        of_apertures = draws.of_diagnostic(quantity)
        error = 0.5 * (of_apertures.high - of_apertures.low)[1:]
        radius_kpc = self.placed[scheme].radius_kpc(self.frame.metadata.redshift)
        slope = weighted_slope(radius_kpc, np.where(limit == "", value, np.nan)[1:], error)
        if slope.n_bins < 2:
            return CorrectedSlope(np.nan, np.nan, slope.n_bins, np.nan)
        smearing = self.smearing(scheme)
        factor = correction_of(quantity, slope.coefficients, smearing)
        drawn = drawn_slopes(quantity, draws, radius_kpc, error, smearing).corrected
        known = drawn[np.isfinite(drawn)]
        gradient_err = np.nan
        if known.size > FEWEST_DRAWS * drawn.size:
            low, high = interval(known[:, None])
            gradient_err = 0.5 * float(high[0] - low[0])
        return CorrectedSlope(factor * slope.gradient, gradient_err, slope.n_bins, factor)

    def forward(
        self, diagnostics: Sequence[str], scheme: BinningScheme, seed: int
    ) -> list[dict[str, object]]:
        """Return the forward estimators by some diagnostics, as rows of the table of gradients.

        Parameters
        ----------
        diagnostics : sequence of str
            Of those that have a forward model.
        scheme : BinningScheme
            The annuli.
        seed : int
            Of the draws that check posteriors.
        """
        wanted = {line for name in diagnostics for line in DIAGNOSTICS[name].lines}
        wanted |= {"hbeta"} if wanted - {"halpha", "nii_6584"} else set()
        chosen = self.fluxes.chosen(self.rows(scheme), tuple(wanted))
        random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))
        rows = forward_rows(chosen, self.smearing(scheme), random)
        return [row for row in rows if row["diagnostic"] in diagnostics]


def integrated_abundance(diagnostic: str, draws: AbundanceDraws) -> Abundance:
    """Return the abundance of the integrated aperture where every line is detected.

    Parameters
    ----------
    diagnostic : str
        Name, such as ``n2``.
    draws : AbundanceDraws
        The integrated aperture first.
    """
    quantity = DIAGNOSTICS[diagnostic]
    if not set(quantity.lines) <= set(draws.fluxes.names):
        return Abundance(np.nan, np.nan)
    value, limit = value_and_limit(quantity, draws.fluxes, draws.attenuation.a_v)
    if limit[0] != "":
        return Abundance(np.nan, np.nan)
    drawn = draws.of_diagnostic(quantity)
    return Abundance(float(value[0]), 0.5 * float(drawn.high[0] - drawn.low[0]))
