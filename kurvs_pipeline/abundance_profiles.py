"""Abundances of apertures by every diagnostic, and the gradients through the annuli."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable
from numpy.typing import NDArray

from kurvs_pipeline.abundances import DIAGNOSTICS, Diagnostic
from kurvs_pipeline.attenuation import Attenuation
from kurvs_pipeline.branches import metallicity_branch
from kurvs_pipeline.gradients import Slope, weighted_slope
from kurvs_pipeline.joint_fluxes import JointFluxes
from kurvs_pipeline.line_quantities import dust_free, interval, value_and_limit
from kurvs_pipeline.smearing import DiskSmearing

Array = NDArray[np.float64]

FARTHEST_BEYOND_DEX = 0.5
N_DRAWS = 2000
"""Errors are then known to three per cent."""

NII_LINES = {"nii_6584", "halpha"}

BRANCHED_RATIOS = ("R23", "R3")
"""They turn over at 7.9 to 8.1, where nitrogen tells the sides apart."""

TYPICAL_LOG_N2 = -0.75
"""log([N II]/H-alpha) of the survey: where the slope of curved diagnostics is taken."""


def abundance_table(
    fluxes: JointFluxes,
    attenuation: Attenuation,
    apertures: Sequence[str],
    random: np.random.Generator,
) -> QTable:
    """Return 12 + log(O/H) of every aperture by every diagnostic whose lines it holds.

    Errors are percentiles of draws from the covariance of all lines and of the attenuation;
    the scatter of the calibration is not in them.

    Parameters
    ----------
    fluxes : JointFluxes
        Of the apertures.
    attenuation : Attenuation
        Of the same apertures.
    apertures : sequence of str
        Their names.
    random : Generator
        Of the draws.

    Returns
    -------
    QTable
        ``aperture, diagnostic, value, err_low, err_high, limit, extrapolated,
        calibration_scatter, branch, branch_check``. Where one line (or pair) of the diagnostic
        is not detected, ``value`` is that of its 4-sigma limit,
        ``limit`` says which way the abundance is bounded, ``upper`` or ``lower``, and the
        errors are NaN. Where more are missing, ``value`` is NaN and ``limit`` is ``none``.
        ``extrapolated`` is true beyond the range that the calibration is used for; more than
        half a dex beyond, ``value`` is NaN and ``limit`` is ``none`` too. Two-valued
        diagnostics have a row for each side, named by ``branch``, ``upper`` or ``lower``. For
        those of R23 and [O III]/H-beta ``branch_check`` is ``right``, ``wrong`` or
        ``unknown`` by the nitrogen lines, see :func:`metallicity_branch`.
    """
    drawn = fluxes.draws(random, N_DRAWS)
    a_v = attenuation.draws(random, drawn, N_DRAWS)
    without_dust = dust_free(drawn, a_v)
    branch = metallicity_branch(fluxes, attenuation.a_v)
    measured = [d for d in DIAGNOSTICS.values() if set(d.lines) <= set(fluxes.names)]
    rows = [_of_diagnostic(d, fluxes, attenuation.a_v, without_dust, branch) for d in measured]
    # Aperture by aperture, as results are read.
    columns = {name: np.stack([row[name] for row in rows], axis=1).ravel() for name in rows[0]}
    in_dex = {"value", "err_low", "err_high", "calibration_scatter"}
    return QTable({
        "aperture": np.repeat(list(apertures), len(measured)),
        **{name: c * u.dex if name in in_dex else c for name, c in columns.items()},
    })  # fmt: skip


def _of_diagnostic(
    diagnostic: Diagnostic,
    fluxes: JointFluxes,
    a_v: Array,
    drawn: dict[str, Array],
    branch: NDArray[np.str_],
) -> dict[str, NDArray[Any]]:
    """Return the columns of one diagnostic, without units, shape (n_apertures,)."""
    value, limit = value_and_limit(diagnostic, fluxes, a_v)
    first, last = diagnostic.valid_range
    # A polynomial far from its galaxies gives numbers that mean nothing.
    with np.errstate(invalid="ignore"):
        near = (value >= first - FARTHEST_BEYOND_DEX) & (value <= last + FARTHEST_BEYOND_DEX)
    value, limit = np.where(near, value, np.nan), np.where(near, limit, "none")
    low, high = interval(diagnostic.from_fluxes(drawn))
    known = limit == ""
    return {
        "diagnostic": np.full(value.shape, diagnostic.name),
        "value": value,
        "err_low": np.where(known, value - low, np.nan),
        "err_high": np.where(known, high - value, np.nan),
        "limit": limit,
        "extrapolated": np.isfinite(value) & ~((value >= first) & (value <= last)),
        "calibration_scatter": np.full(value.shape, diagnostic.scatter_dex),
        "branch": np.full(value.shape, diagnostic.branch),
        "branch_check": _branch_check(diagnostic, branch),
    }


def _branch_check(diagnostic: Diagnostic, branch: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return whether the side of a diagnostic is that of each aperture."""
    if not diagnostic.branch or diagnostic.ratio.symbol not in BRANCHED_RATIOS:
        return np.full(branch.shape, "", dtype="<U7")
    check = np.where(branch == diagnostic.branch, "right", "wrong")
    return np.where(branch == "unknown", "unknown", check)


def gradient_table(abundances: QTable, radius_kpc: Array, smearing: DiskSmearing) -> QTable:
    """Return the gradient through the annuli, before and after the smearing correction.

    Parameters
    ----------
    abundances : QTable
        Of the annuli only, from :func:`abundance_table`, outwards.
    radius_kpc : array, shape (n_annuli,)
        Where each annulus is placed.
    smearing : DiskSmearing
        The galaxy's disk, seeing and annuli.

    Returns
    -------
    QTable
        ``diagnostic, estimator, gradient, gradient_err, gradient_low, gradient_high, n_bins,
        f_grad, f_grad_reference_gradient, flag``. Bins with a limit are left out, which
        flattens faint negative gradients; errors leave out that of f_grad itself. As in the
        survey, diagnostics of other lines take the f_grad of [N II]/H-alpha, for their own
        bins and weights.
    """
    diagnostic, detected = np.asarray(abundances["diagnostic"]), abundances["limit"] == ""
    value = np.where(detected, abundances["value"].value, np.nan)
    error = 0.5 * (abundances["err_low"].value + abundances["err_high"].value)
    rows = []
    for name in dict.fromkeys(diagnostic.tolist()):
        here = diagnostic == name
        slope = weighted_slope(radius_kpc, value[here], error[here])
        rows.extend(_gradients(name, slope, smearing))
    names = ("diagnostic", "estimator", "gradient", "gradient_err", "n_bins", "f_grad", "flag")
    table = QTable(rows=rows, names=names)
    unit = u.dex / u.kpc
    table["gradient"] = table["gradient"] * unit
    table["gradient_err"] = table["gradient_err"] * unit
    low, high = table["gradient"] - table["gradient_err"], table["gradient"] + table["gradient_err"]
    table.add_column(low, name="gradient_low", index=4)
    table.add_column(high, name="gradient_high", index=5)
    table["f_grad_reference_gradient"] = np.full(len(table), smearing.reference_gradient) * unit
    return table


def _gradients(
    name: str, slope: Slope, smearing: DiskSmearing
) -> list[tuple[str, str, float, float, int, float, str]]:
    """Return the rows of a diagnostic: the slope as it is, and corrected."""
    factor = _correction(name, slope, smearing)
    flag = slope.flag if np.isfinite(factor) or slope.n_bins < 2 else "no_psf_or_radius"
    return [
        (name, "slope", slope.gradient, slope.gradient_err, slope.n_bins, 1.0, slope.flag),
        (name, "slope_fgrad", factor * slope.gradient, abs(factor) * slope.gradient_err,
         slope.n_bins, factor, flag),
    ]  # fmt: skip


def _correction(name: str, slope: Slope, smearing: DiskSmearing) -> float:
    """Return f_grad for the bins and weights that the slope was fitted with."""
    if slope.n_bins < 2:
        return float("nan")
    of_nii = name if set(DIAGNOSTICS[name].lines) == NII_LINES else "n2"
    beside = DIAGNOSTICS[of_nii].oxygen_abundance(TYPICAL_LOG_N2 + np.array([-0.05, 0.05]))
    per_log_ratio = float(beside[1] - beside[0]) / 0.1
    return smearing.f_grad(slope.coefficients, abundance_per_log_ratio=per_log_ratio)
