"""Which side of two-valued calibrations the gas is on, by its nitrogen lines."""

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from kurvs_pipeline.dust import transmitted_fraction
from kurvs_pipeline.joint_fluxes import JointFluxes
from kurvs_pipeline.line_fluxes import DETECTION_SNR
from kurvs_pipeline.line_quantities import needed_a_v
from kurvs_pipeline.line_ratios import N2, N2O2
from kurvs_pipeline.lines import REST_WAVELENGTH_UM

Array = NDArray[np.float64]
Names = NDArray[np.str_]

BRANCH_LOG_N2O2 = -1.2
BRANCH_LOG_N2 = (-1.3, -1.1)
"""Kewley & Ellison (2008), Appendix A: below is metal-poor, above metal-rich, between unknown."""

OII = ("oii_3726", "oii_3729")


def metallicity_branch(fluxes: JointFluxes, a_v: Array) -> Names:
    """Return the side of R23 on which each aperture lies.

    [N II]/[O II] decides where it is known, [N II]/H-alpha elsewhere. A line that is not
    detected takes its 4-sigma limit, and decides only what the limit bounds.

    Parameters
    ----------
    fluxes : JointFluxes
        Of the apertures.
    a_v : array, shape (n_apertures,)
        Attenuation of the gas, mag; [N II]/[O II] tells nothing where it is NaN.

    Returns
    -------
    str array, shape (n_apertures,)
        ``upper`` (metal-rich), ``lower`` or ``unknown``.
    """
    nii = fluxes.detected("nii_6584")
    n2o2, n2 = (ratio.of(_with_limits(fluxes, needed_a_v(ratio, a_v))) for ratio in (N2O2, N2))
    by_n2o2 = _side(n2o2, (BRANCH_LOG_N2O2, BRANCH_LOG_N2O2))
    by_n2 = _side(n2, BRANCH_LOG_N2)
    measured = fluxes.detected(*OII)
    # Limits: [N II] bounds both ratios from above, [O II] the first from below.
    by_n2o2 = _allowed(by_n2o2, upper=nii, lower=measured)
    by_n2 = _allowed(by_n2, upper=nii, lower=fluxes.detected("halpha"))
    return np.where(by_n2o2 != "unknown", by_n2o2, by_n2)


def on_their_branch(abundances: QTable) -> QTable:
    """Return the rows that are not on the wrong side of a two-valued diagnostic.

    Parameters
    ----------
    abundances : QTable
        From :func:`kurvs_pipeline.abundance_profiles.abundance_table`.

    Returns
    -------
    QTable
        One side where the nitrogen lines decide, both where ``branch_check`` is ``unknown``.
    """
    return abundances[abundances["branch_check"] != "wrong"]


def _with_limits(fluxes: JointFluxes, a_v: Array) -> dict[str, Array]:
    """Return dust-free lines, those that are not detected at their 4-sigma limit."""
    lines = {}
    for group in (("nii_6584",), ("halpha",), OII):
        ceiling = DETECTION_SNR * fluxes.error_of(*group) / len(group)
        for name in group:
            flux = fluxes.of_line(name)
            observed = np.where(fluxes.detected(*group) | np.isnan(flux), flux, ceiling)
            lines[name] = observed / transmitted_fraction(REST_WAVELENGTH_UM[name], a_v)
    return lines


def _side(log_ratio: Array, limits: tuple[float, float]) -> Names:
    with np.errstate(invalid="ignore"):
        return np.select([log_ratio > limits[1], log_ratio < limits[0]], ["upper", "lower"],
                         "unknown")  # fmt: skip


def _allowed(side: Names, *, upper: NDArray[np.bool_], lower: NDArray[np.bool_]) -> Names:
    """Return the side where the lines that it hangs on are measured."""
    known = ((side == "upper") & upper) | ((side == "lower") & lower)
    return np.where(known, side, "unknown")
