"""Gradients through the annuli by every diagnostic, before and after the smearing correction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import QTable

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS, Diagnostic
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.gas.draws import AbundanceDraws
from kurvs_pipeline.gradients.forward.posterior import LARGEST_GRADIENT
from kurvs_pipeline.gradients.forward.rows import forward_rows
from kurvs_pipeline.gradients.slope import Slope, slope_coefficients, weighted_slope
from kurvs_pipeline.robust import ONE_SIGMA_PERCENTILES
from kurvs_pipeline.smearing.correction import DiskSmearing

NII_LINES = {"nii_6584", "halpha"}

FEWEST_DRAWS = 0.1
"""Of the draws must have a gradient, for its error to be told."""

MOST_DRAWS = 0.8
"""Of the draws should have a gradient: below it the error tells of a chosen few."""

AT_TURNOVER = 0.16
"""Of an annulus' draws beyond the turnover of the relation: its 68 per cent interval ends there."""

GRADIENTS = ("gradient", "gradient_err", "gradient_low", "gradient_high")

COLUMNS: dict[str, type] = {
    "diagnostic": str,
    "estimator": str,
    "gradient": float,
    "gradient_err": float,
    "gradient_low": float,
    "gradient_high": float,
    "n_bins": int,
    "drawn_fraction": float,
    "f_grad": float,
    "f_grad_reference_gradient": float,
    "flag": str,
}
"""Of every diagnostic and estimator."""


@dataclass(frozen=True)
class DrawnSlopes:
    """Slopes of every draw of the noise, with the cut in S/N applied to each draw anew.

    Parameters
    ----------
    observed, corrected : array, shape (n_draws,)
        dex/kpc, before and after the smearing correction that belongs to the draw's own bins;
        NaN where fewer than two bins are detected.
    """

    observed: Array
    corrected: Array


def gradient_table(
    abundances: QTable,
    radius_kpc: Array,
    smearing: DiskSmearing,
    draws: AbundanceDraws,
    random: np.random.Generator,
) -> QTable:
    """Return the gradient through the annuli by every estimator.

    ``slope`` is a line through the bins, ``slope_fgrad`` the same times the smearing correction;
    ``forward`` and ``forward_prior`` fit a disk to the line fluxes
    (:mod:`kurvs_pipeline.gradients.forward.estimator`), for the diagnostics that there is a model
    of.

    Parameters
    ----------
    abundances : QTable
        Of the annuli only, from :func:`abundance_table`, outwards.
    radius_kpc : array, shape (n_annuli,)
        Where each annulus is placed.
    smearing : DiskSmearing
        The galaxy's disk, seeing and annuli.
    draws : AbundanceDraws
        Of the integrated aperture, then of the annuli.
    random : Generator
        Of the draws that check the forward fits.

    Returns
    -------
    QTable
        ``diagnostic, estimator, gradient, gradient_err, gradient_low, gradient_high, n_bins,
        drawn_fraction, f_grad, f_grad_reference_gradient, flag``, without rows where there are
        no abundances. Bins with a limit are left
        out, which flattens faint negative gradients. ``gradient_low`` and ``gradient_high``
        hold the central 68 per cent of draws of the noise, each with the bins that it would
        have detected, and ``gradient_err`` is half their distance; ``drawn_fraction`` of the
        draws have a gradient at all. Errors leave out that of f_grad itself. As in the
        survey, diagnostics of other lines take the f_grad of [N II]/H-alpha, for their own
        bins and weights. Forward estimators have no f_grad and no drawn fraction, use every
        annulus that was measured, detected or not, and hold seeing and scale length as
        uncertain as they are; their flags are those of
        :class:`~kurvs_pipeline.gradients.forward.estimator.ForwardGradient`. The flag of a slope
        is ``ok``, ``too_few_bins``, or all that makes it doubtful, joined by ``+``: ``two_bins``,
        ``no_psf_or_radius``; ``unconstrained``, corrected to more than 0.4 dex/kpc, which tells
        that the seeing left no gradient to correct; ``turnover``, an annulus whose interval ends
        where a two-valued relation turns over; ``wrong_side`` and ``side_unknown`` of such a
        relation by the nitrogen lines; ``few_draws``, less than 80 per cent with a gradient; and
        those of the lines
        (:class:`~kurvs_pipeline.fluxes.joint.JointFluxes`), which forward estimators
        carry too.
    """
    diagnostic = np.asarray(abundances["diagnostic"])
    rows: list[dict[str, object]] = []
    for name in dict.fromkeys(diagnostic.tolist()):
        here = abundances[diagnostic == name]
        rows.extend(_of_diagnostic(DIAGNOSTICS[name], here, radius_kpc, smearing, draws))
    rows.extend(forward_rows(draws.fluxes, smearing, random))
    table = QTable({
        name: np.array([row[name] for row in rows], dtype=kind) for name, kind in COLUMNS.items()
    })  # fmt: skip
    for name in (*GRADIENTS, "f_grad_reference_gradient"):
        table[name] = table[name] * (u.dex / u.kpc)
    return table


def without_gradients(table: QTable, flag: str) -> QTable:
    """Return a table whose gradients are not to be told.

    Parameters
    ----------
    table : QTable
        From :func:`gradient_table`.
    flag : str
        Why.

    Returns
    -------
    QTable
        With NaN for gradients and their errors, and this flag in every row.
    """
    refused = table.copy()
    for name in GRADIENTS:
        refused[name] = np.nan * table[name].unit
    refused["flag"] = np.full(len(table), flag)
    return refused


def _of_diagnostic(
    diagnostic: Diagnostic,
    abundances: QTable,
    radius_kpc: Array,
    smearing: DiskSmearing,
    draws: AbundanceDraws,
) -> list[dict[str, object]]:
    """Return the rows of a diagnostic: the slope as it is, and corrected."""
    of_apertures = draws.of_diagnostic(diagnostic)
    abundance_err = 0.5 * (of_apertures.high - of_apertures.low)[1:]
    abundance = np.where(abundances["limit"] == "", abundances["value"].value, np.nan)
    slope = weighted_slope(radius_kpc, abundance, abundance_err)
    factor = correction_of(diagnostic, slope.coefficients, smearing)
    if slope.n_bins < 2:
        drawn = DrawnSlopes(np.full(1, np.nan), np.full(1, np.nan))
    else:
        drawn = drawn_slopes(diagnostic, draws, radius_kpc, abundance_err, smearing)
    drawn_fraction = float(np.isfinite(drawn.observed).mean())
    common = {"n_bins": slope.n_bins, "drawn_fraction": drawn_fraction}
    doubts = _doubts(slope, abundances, drawn_fraction)
    corrected = factor * slope.gradient
    undone = {
        "no_psf_or_radius": slope.n_bins >= 2 and not np.isfinite(factor),
        "unconstrained": abs(corrected) > LARGEST_GRADIENT,
    }
    uncorrected = [doubt for doubt, applies in undone.items() if applies]
    return [
        _row(diagnostic.name, "slope", slope.gradient, drawn.observed)
        | common | _correction_columns(1.0, smearing) | {"flag": "+".join(doubts) or "ok"},
        _row(diagnostic.name, "slope_fgrad", corrected, drawn.corrected)
        | common | _correction_columns(factor, smearing)
        | {"flag": "+".join(uncorrected + doubts) or "ok"},
    ]  # fmt: skip


def _doubts(slope: Slope, abundances: QTable, drawn_fraction: float) -> list[str]:
    """Return why a slope is not to be taken at its word."""
    if slope.n_bins < 2:
        return [slope.flag]
    used = abundances[slope.coefficients != 0.0]
    doubts = {
        slope.flag: slope.flag != "ok",
        "turnover": np.any(used["beyond_turnover"] > AT_TURNOVER),
        "wrong_side": np.any(used["branch_check"] == "wrong"),
        "side_unknown": np.any(used["branch_check"] == "unknown"),
        "few_draws": drawn_fraction < MOST_DRAWS,
    }
    of_lines = {flag for text in used["flag"] for flag in str(text).split("+")} - {""}
    return [*(doubt for doubt, applies in doubts.items() if applies), *sorted(of_lines)]


def _row(diagnostic: str, estimator: str, gradient: float, drawn: Array) -> dict[str, object]:
    finite = drawn[np.isfinite(drawn)]
    low = high = float("nan")
    if finite.size > FEWEST_DRAWS * drawn.size:
        low, high = map(float, np.percentile(finite, ONE_SIGMA_PERCENTILES))
    return {
        "diagnostic": diagnostic,
        "estimator": estimator,
        "gradient": gradient,
        "gradient_err": 0.5 * (high - low),
        "gradient_low": low,
        "gradient_high": high,
    }


def _correction_columns(factor: float, smearing: DiskSmearing) -> dict[str, object]:
    return {"f_grad": factor, "f_grad_reference_gradient": smearing.reference_gradient}


def drawn_slopes(
    diagnostic: Diagnostic,
    draws: AbundanceDraws,
    radius_kpc: Array,
    abundance_err: Array,
    smearing: DiskSmearing,
) -> DrawnSlopes:
    """Return the slope of every draw through the annuli that it would have detected.

    Parameters
    ----------
    diagnostic : Diagnostic
        Which abundance.
    draws : AbundanceDraws
        Of the integrated aperture, then of the annuli.
    radius_kpc, abundance_err : array, shape (n_annuli,)
        Where each annulus is placed, and the error that weighs it.
    smearing : DiskSmearing
        For the correction of each set of bins.

    Returns
    -------
    DrawnSlopes
    """
    abundance = draws.of_diagnostic(diagnostic).values[:, 1:]
    used = draws.detected(diagnostic)[:, 1:] & np.isfinite(abundance) & (abundance_err > 0.0)
    observed, corrected = np.full((2, len(used)), np.nan)
    for bins in np.unique(used, axis=0):
        if bins.sum() < 2:
            continue
        chosen = (used == bins).all(axis=1)
        coefficients = np.zeros(bins.size)
        coefficients[bins] = slope_coefficients(radius_kpc[bins], abundance_err[bins])
        observed[chosen] = abundance[np.ix_(chosen, bins)] @ coefficients[bins]
        corrected[chosen] = observed[chosen] * correction_of(diagnostic, coefficients, smearing)
    return DrawnSlopes(observed, corrected)


def correction_of(
    diagnostic: Diagnostic, coefficients: Sequence[float] | Array, smearing: DiskSmearing
) -> float:
    """Return f_grad for the bins and weights that a slope was fitted with; NaN for none.

    Parameters
    ----------
    diagnostic : Diagnostic
        Of the slope; those of other lines than [N II] and H-alpha take the f_grad of N2.
    coefficients : sequence of float or array, shape (n_annuli,)
        Of the abundances, in the slope.
    smearing : DiskSmearing
        The galaxy's disk, seeing and annuli.
    """
    if not np.any(coefficients):
        return float("nan")
    of_nii = diagnostic if set(diagnostic.lines) == NII_LINES else DIAGNOSTICS["n2"]
    return smearing.f_grad(
        np.asarray(coefficients), abundance_per_log_ratio=of_nii.abundance_per_log_ratio()
    )
