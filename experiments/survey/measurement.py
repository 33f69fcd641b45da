"""One mock measured in several binnings, by the pipeline's line fits and by the survey's.

Noise, velocities and redshift are shared by all binnings; from the line fluxes of the annuli
follow slopes corrected by f_grad, whatever fluxes and errors they are given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.binning import INTEGRATED, BinningScheme
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.fluxes.measured import MeasuredLines
from kurvs_pipeline.gas.attenuation import survey_attenuation_of
from kurvs_pipeline.gas.draws import AbundanceDraws
from kurvs_pipeline.gas.quantities import value_and_limit
from kurvs_pipeline.gradients.corrected import CorrectedSlope
from kurvs_pipeline.gradients.forward.rows import forward_rows
from kurvs_pipeline.kinematics.located import LocatedGalaxy
from kurvs_pipeline.pipeline import Pipeline


@dataclass(frozen=True)
class Abundance:
    """12 + log(O/H) of the integrated aperture; NaN where a line is below 4 sigma."""

    value: float
    error: float


BinnedGalaxy = Mapping[BinningScheme, MeasuredLines]
"""The lines of one galaxy by binning.

Its redshift must be right, as a mock's is: ``frame.doubtful_redshift`` is ignored.
"""


def measure_binnings(observation: xr.DataTree, schemes: Sequence[BinningScheme]) -> BinnedGalaxy:
    """Measure the lines of one galaxy in several binnings; the background lies outside the first.

    Raises
    ------
    CoverageError
        If H-alpha or an annulus lies outside the data.
    """
    pipeline = Pipeline(schemes[0])
    located = pipeline.locate(observation)
    return {scheme: pipeline.fit(located.with_scheme(scheme)) for scheme in schemes}


def survey_draws(fluxes: JointFluxes, located: LocatedGalaxy, seed: int) -> AbundanceDraws:
    """Draw lines, and the attenuation that the survey takes for them."""
    attenuation = survey_attenuation_of(fluxes, located.apertures.apertures)
    random = np.random.default_rng(np.random.SeedSequence(seed))
    return AbundanceDraws.of(fluxes, attenuation, random)


def corrected_slope(
    diagnostic: str, draws: AbundanceDraws, located: LocatedGalaxy
) -> CorrectedSlope | None:
    """Return the slope of an abundance through the detected annuli, times f_grad.

    The result is None where a line of the diagnostic is in no band.
    """
    quantity = DIAGNOSTICS[diagnostic]
    fluxes = draws.fluxes.annuli
    if not set(quantity.lines) <= set(fluxes.names):
        return None
    a_v = draws.attenuation.a_v[draws.annuli]
    value, limit = value_and_limit(quantity, fluxes, a_v)
    abundance = np.where(limit == "", value, np.nan)
    return CorrectedSlope.of(quantity, draws, abundance, located.radius_kpc, located.smearing())


def forward_of(
    lines: MeasuredLines, diagnostics: Sequence[str], seed: int
) -> list[dict[str, object]]:
    """Return the forward estimators by some diagnostics, as rows of the table of gradients."""
    wanted = {line for name in diagnostics for line in DIAGNOSTICS[name].lines}
    wanted |= {"hbeta"} if wanted - {"halpha", "nii_6584"} else set()
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))
    rows = forward_rows(lines.joint.of_lines(tuple(wanted)), lines.located.smearing(), random)
    return [row for row in rows if row["diagnostic"] in diagnostics]


def integrated_abundance(diagnostic: str, draws: AbundanceDraws) -> Abundance:
    """Return the abundance of the integrated aperture if every line is detected there."""
    quantity = DIAGNOSTICS[diagnostic]
    if not set(quantity.lines) <= set(draws.fluxes.names):
        return Abundance(np.nan, np.nan)
    whole = draws.fluxes.apertures.index(INTEGRATED)
    value, limit = value_and_limit(quantity, draws.fluxes, draws.attenuation.a_v)
    if limit[whole] != "":
        return Abundance(np.nan, np.nan)
    drawn = draws.of_diagnostic(quantity)
    return Abundance(float(value[whole]), 0.5 * float(drawn.high[whole] - drawn.low[whole]))
