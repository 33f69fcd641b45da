"""Oxygen abundances of every aperture by every calibration, with errors and limits.

Nitrogen lines tell on which side of a two-valued calibration the gas lies.
"""

from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable
from numpy.typing import NDArray

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS, Diagnostic
from kurvs_pipeline.abundances.ratios import N2, N2O2
from kurvs_pipeline.arrays import Array, BoolArray, StrArray
from kurvs_pipeline.dust import transmitted_fraction
from kurvs_pipeline.fitting.outcome import join_flags
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.gas.attenuation import NEGATIVE_HBETA, NO_ATTENUATION
from kurvs_pipeline.gas.draws import AbundanceDraws, DrawnAbundance
from kurvs_pipeline.gas.quantities import needed_a_v, value_and_limit
from kurvs_pipeline.lines import DETECTION_SNR, OII_PAIR, REST_WAVELENGTH_UM

BRANCH_LOG_N2O2 = -1.2
BRANCH_LOG_N2 = (-1.3, -1.1)
"""Below is metal-poor, above metal-rich, between unknown (Kewley & Ellison 2008, Appendix A)."""

FARTHEST_BEYOND_DEX = 0.5
BRANCHED_RATIOS = ("R23", "R3")
"""Ratios that turn over at 12 + log(O/H) of 7.9 to 8.1, where nitrogen distinguishes the sides."""

AT_TURNOVER = 0.16
"""Fraction of draws beyond the turnover of a relation above which the 68 per cent interval ends
there."""

TURNOVER = "turnover"
"""Flag of such an abundance, and of what hangs on it."""

COLUMNS: dict[str, type] = {
    "diagnostic": str,
    "abundance": float,
    "err_low": float,
    "err_high": float,
    "limit": str,
    "extrapolated": bool,
    "calibration_scatter": float,
    "branch": str,
    "branch_check": str,
    "beyond_turnover": float,
    "flag": str,
}
"""Columns of every diagnostic, without units."""

IN_DEX = ("abundance", "err_low", "err_high", "calibration_scatter")


def metallicity_branch(fluxes: JointFluxes, a_v: Array) -> StrArray:
    """Return the side of R23 on which each aperture lies, shape (n_apertures,).

    ``upper`` is metal-rich, ``lower`` metal-poor, or ``unknown``. [N II]/[O II] decides where it
    and the attenuation (mag in V) are known, [N II]/H-alpha elsewhere. A line that is not detected
    takes its 4-sigma limit, and decides only what the limit bounds.
    """
    nii = fluxes.detected("nii_6584")
    n2o2, n2 = (ratio.of(_with_limits(fluxes, needed_a_v(ratio, a_v))) for ratio in (N2O2, N2))
    by_n2o2 = _side(n2o2, (BRANCH_LOG_N2O2, BRANCH_LOG_N2O2))
    by_n2 = _side(n2, BRANCH_LOG_N2)
    measured = fluxes.detected(*OII_PAIR)
    # Limits: [N II] bounds both ratios from above, [O II] the first from below.
    by_n2o2 = _allowed(by_n2o2, upper=nii, lower=measured)
    by_n2 = _allowed(by_n2, upper=nii, lower=fluxes.detected("halpha"))
    return np.where(by_n2o2 != "unknown", by_n2o2, by_n2)


def abundance_table(draws: AbundanceDraws) -> QTable:
    """Return 12 + log(O/H) of every aperture by every diagnostic whose lines were measured.

    Errors are percentiles of draws from the covariance of all lines and of the attenuation;
    the scatter of the calibration is not in them.

    Parameters
    ----------
    draws : AbundanceDraws
        Draws of the lines and the attenuation of all apertures.

    Returns
    -------
    QTable
        ``aperture, diagnostic, abundance, err_low, err_high, limit, extrapolated,
        calibration_scatter, branch, branch_check, beyond_turnover, flag``, without rows where
        no diagnostic has its lines.

        ``limit``: where one line (or pair) of the diagnostic is not detected, ``abundance`` is that
        of its 4-sigma limit, ``limit`` says which way the abundance is bounded, ``upper`` or
        ``lower``, and the errors are NaN. Where more are missing, ``abundance`` is NaN and
        ``limit`` is ``none``.

        ``extrapolated``: beyond the range in which the calibration is used; more than half a dex
        beyond, ``abundance`` is NaN and ``limit`` is ``none``.

        ``branch``: two-valued diagnostics have a row for each side, ``upper`` or ``lower``. For
        those of R23 and [O III]/H-beta ``branch_check`` is ``right``, ``wrong`` or ``unknown`` by
        the nitrogen lines (:func:`metallicity_branch`).

        ``beyond_turnover``: fraction of draws whose ratio is larger than a two-valued relation
        reaches. They count as at the turnover, and so does a measured ratio that noise can have
        carried there: monotonic in the ratio, the interval stays one of 68 per cent. Where the
        whole interval lies beyond, ``abundance`` is NaN and ``limit`` is ``none``. The fraction is
        NaN where an attenuation is needed and not known.

        ``flag``: the flags of the lines (:class:`~kurvs_pipeline.fluxes.joint.JointFluxes`), and
        ``attenuation_limit`` where the diagnostic needs an attenuation of which only a lower limit
        is known, ``negative_hbeta`` where not even that is, or ``attenuation_unknown`` where it is
        neither known nor assumed: ``abundance`` is then NaN. ``turnover`` where all lines are
        detected and more than 16 per cent of the draws lie beyond the turnover: the interval ends
        there, and the gas may as well lie on the other side.
    """
    branch = metallicity_branch(draws.fluxes, draws.attenuation.a_v)
    measured = [d for d in DIAGNOSTICS.values() if set(d.lines) <= set(draws.fluxes.names)]
    rows = [_of_diagnostic(diagnostic, draws, branch) for diagnostic in measured]
    columns: dict[str, NDArray[Any]] = {
        # Aperture by aperture, as results are read.
        name: np.array([row[name] for row in rows], dtype=kind).T.ravel()
        for name, kind in COLUMNS.items()
    }
    return QTable({
        "aperture": np.repeat(draws.fluxes.apertures, len(measured)),
        **{name: c * u.dex if name in IN_DEX else c for name, c in columns.items()},
    })  # fmt: skip


def _with_limits(fluxes: JointFluxes, a_v: Array) -> dict[str, Array]:
    """Return dust-free lines, with undetected ones at their 4-sigma limit."""
    lines = {}
    for group in (("nii_6584",), ("halpha",), OII_PAIR):
        ceiling = DETECTION_SNR * fluxes.error_of(*group) / len(group)
        for name in group:
            flux = fluxes.of_line(name)
            observed = np.where(fluxes.detected(*group) | np.isnan(flux), flux, ceiling)
            lines[name] = observed / transmitted_fraction(REST_WAVELENGTH_UM[name], a_v)
    return lines


def _side(log_ratio: Array, limits: tuple[float, float]) -> StrArray:
    with np.errstate(invalid="ignore"):
        return np.select([log_ratio > limits[1], log_ratio < limits[0]], ["upper", "lower"],
                         "unknown")  # fmt: skip


def _allowed(side: StrArray, *, upper: BoolArray, lower: BoolArray) -> StrArray:
    """Return the side where the lines that decide it are measured, ``unknown`` elsewhere."""
    known = ((side == "upper") & upper) | ((side == "lower") & lower)
    return np.where(known, side, "unknown")


def _of_diagnostic(
    diagnostic: Diagnostic, draws: AbundanceDraws, branch: StrArray
) -> dict[str, NDArray[Any]]:
    """Return the columns of one diagnostic, without units, each of shape (n_apertures,)."""
    value, limit = value_and_limit(diagnostic, draws.fluxes, draws.attenuation.a_v)
    drawn = draws.of_diagnostic(diagnostic)
    at_turnover = (limit == "") & (drawn.beyond_turnover > AT_TURNOVER)
    value = _held_at_turnover(diagnostic, value, limit, drawn)
    first, last = diagnostic.valid_range
    # A polynomial far from its galaxies gives numbers that mean nothing.
    with np.errstate(invalid="ignore"):
        near = (value >= first - FARTHEST_BEYOND_DEX) & (value <= last + FARTHEST_BEYOND_DEX)
    value, limit = np.where(near, value, np.nan), np.where(near, limit, "none")
    known = limit == ""
    return {
        "diagnostic": np.full(value.shape, diagnostic.name),
        "abundance": value,
        "err_low": np.where(known, value - drawn.low, np.nan),
        "err_high": np.where(known, drawn.high - value, np.nan),
        "limit": limit,
        "extrapolated": np.isfinite(value) & ~((value >= first) & (value <= last)),
        "calibration_scatter": np.full(value.shape, diagnostic.scatter_dex),
        "branch": np.full(value.shape, diagnostic.branch),
        "branch_check": _branch_check(diagnostic, branch),
        "beyond_turnover": drawn.beyond_turnover,
        "flag": join_flags(np.where(at_turnover, TURNOVER, ""), _flags(diagnostic, draws)),
    }


def _flags(diagnostic: Diagnostic, draws: AbundanceDraws) -> StrArray:
    """Return the flags of the lines, and of an attenuation that is needed and missing."""
    of_lines = draws.fluxes.flags_of(*diagnostic.lines)
    missing = np.isnan(needed_a_v(diagnostic, draws.attenuation.a_v))
    flags = {NEGATIVE_HBETA: NEGATIVE_HBETA, NO_ATTENUATION: "attenuation_unknown"}
    of_dust = np.select(
        [missing & (draws.attenuation.source == source) for source in flags] + [missing],
        [*flags.values(), "attenuation_limit"], "",
    )  # fmt: skip
    return join_flags(of_dust, of_lines)


def _held_at_turnover(
    diagnostic: Diagnostic, value: Array, limit: StrArray, drawn: DrawnAbundance
) -> Array:
    """Move detected ratios that noise may have carried beyond the turnover to the turnover."""
    if diagnostic.turnover is None:
        return value
    turnover = diagnostic.turnover[0]
    # The side's other end is the turnover itself: equal ends leave no abundance at all.
    reached = np.isfinite(drawn.low) & (drawn.high > drawn.low)
    missing = (limit == "") & np.isnan(value) & reached
    return np.where(missing & (drawn.beyond_turnover > 0.0), turnover, value)


def _branch_check(diagnostic: Diagnostic, branch: StrArray) -> StrArray:
    """Return whether each aperture lies on the side of a diagnostic."""
    if not diagnostic.branch or diagnostic.ratio.symbol not in BRANCHED_RATIOS:
        return np.full(branch.shape, "", dtype="<U7")
    check = np.where(branch == diagnostic.branch, "right", "wrong")
    return np.where(branch == "unknown", "unknown", check)
