"""What the forward estimators take as known, in words."""

from collections.abc import Collection

from kurvs_pipeline.gas.attenuation import SURVEY_REDSHIFTS
from kurvs_pipeline.gradients.forward.dusty_profiles import (
    A_V_SLOPE_ERR,
    TYPICAL_A_V,
    TYPICAL_A_V_ERR,
)
from kurvs_pipeline.gradients.forward.estimator import POPULATION_MEAN, POPULATION_SCATTER
from kurvs_pipeline.gradients.forward.model import TYPICAL_ABUNDANCE, TYPICAL_ABUNDANCE_ERR
from kurvs_pipeline.smearing.correction import DiskSmearing
from kurvs_pipeline.smearing.variations import SCALE_LENGTH_ERR

WITHOUT_DUST = "n2"
"""The one modelled diagnostic that does not hang on dust."""


def forward_assumptions(smearing: DiskSmearing, diagnostics: Collection[str]) -> list[str]:
    """Return the priors of the forward estimators, one line each; none without such estimators.

    Parameters
    ----------
    smearing : DiskSmearing
        Disk and seeing of the galaxy.
    diagnostics : collection of str
        Diagnostics that have a forward gradient.
    """
    if not diagnostics:
        return []
    first, last = SURVEY_REDSHIFTS
    redshift = smearing.metadata.redshift
    population = (
        f"forward_prior takes gradients to be those of galaxies at z ~ 1.5, {POPULATION_MEAN:g} ± "
        f"{POPULATION_SCATTER:g} dex/kpc"
    )
    if not first < redshift < last:
        population += f"; at z = {redshift:.3g} nothing says that they are: do not quote it"
    return [f"forward takes {', '.join(_priors(smearing, diagnostics))}", population]


def _priors(smearing: DiskSmearing, diagnostics: Collection[str]) -> list[str]:
    """Return the priors that both estimators share."""
    radius = smearing.metadata.effective_radius_arcsec
    priors = [
        f"the effective radius of H-alpha as {radius:.3g} arcsec within {SCALE_LENGTH_ERR:.0%}",
        f"12 + log(O/H) there as {TYPICAL_ABUNDANCE:g} ± {TYPICAL_ABUNDANCE_ERR:g}",
    ]
    if set(diagnostics) != {WITHOUT_DUST}:
        priors.append(
            f"A_V as {TYPICAL_A_V:g} ± {TYPICAL_A_V_ERR:g} mag, changing by 0 ± "
            f"{A_V_SLOPE_ERR:g} mag/kpc"
        )
    seeing = smearing.seeing_with_errors
    if seeing is not None:
        priors.append(
            f"seeing as {seeing.fwhm_arcsec:.3g} arcsec within {seeing.log_fwhm_err:.1%} and 1 / "
            f"beta of its wings as {seeing.inverse_beta:.2f} ± {seeing.inverse_beta_err:.2f}"
        )
    return priors
