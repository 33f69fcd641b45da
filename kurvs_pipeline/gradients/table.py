"""The table of gradients: every diagnostic by every estimator, with flags."""

from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable
from numpy.typing import NDArray

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS, Diagnostic
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.binning import INTEGRATED
from kurvs_pipeline.gas.abundances import TURNOVER
from kurvs_pipeline.gas.draws import AbundanceDraws
from kurvs_pipeline.gas.properties import GasProperties
from kurvs_pipeline.gradients.corrected import (
    CorrectedSlope,
    central_interval,
    intrinsic_gradients,
)
from kurvs_pipeline.gradients.forward.assumptions import forward_assumptions
from kurvs_pipeline.gradients.forward.rows import forward_rows
from kurvs_pipeline.gradients.slope import Slope
from kurvs_pipeline.kinematics.redshift import DOUBTFUL_REDSHIFT
from kurvs_pipeline.smearing.correction import LARGEST_GRADIENT, DiskSmearing
from kurvs_pipeline.smearing.seeing import SeeingKnowledge

MOST_DRAWS = 0.8
"""Fraction of draws with a gradient below which ``few_draws`` is flagged: the error is then that of
a selected few."""

USED_COLUMNS = ("abundance", "limit", "branch_check", "flag")
"""Columns of the table of abundances that gradients need."""

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
"""Columns of every diagnostic and estimator, without units."""


def gradients_of(
    gas: GasProperties, seeing: SeeingKnowledge | None, random: np.random.Generator
) -> QTable:
    """Return the gradients of a galaxy by every estimator, as in :func:`gradient_table`.

    Without ``seeing`` the one that the observation states is taken, with errors assumed; the random
    numbers check the forward fits. ``assumptions`` in the table's ``meta`` lists what the
    forward estimators take as known. Rows are without numbers, and with the flag
    ``doubtful_redshift``, where a line is brighter than any can be beside H-alpha.
    """
    located = gas.lines.located
    of_annuli = gas.abundances[gas.abundances["aperture"] != INTEGRATED]
    smearing = located.smearing(seeing)
    table = gradient_table(of_annuli, located.radius_kpc, smearing, gas.draws, random)
    if located.frame.doubtful_redshift:
        return _without_gradients(table)
    fitted = {str(row["diagnostic"]) for row in table if row["estimator"] == "forward"}
    table.meta["assumptions"] = forward_assumptions(smearing, fitted)
    return table


def gradient_table(
    abundances: QTable,
    radius_kpc: Array,
    smearing: DiskSmearing,
    draws: AbundanceDraws,
    random: np.random.Generator,
) -> QTable:
    """Return the gradient through the annuli by every diagnostic and estimator.

    ``slope`` is a line through the bins, ``slope_fgrad`` the same times the smearing correction
    f_grad; ``forward`` and ``forward_prior`` fit a disk to the line fluxes
    (:mod:`kurvs_pipeline.gradients.forward.estimator`), for diagnostics that have a model.

    Parameters
    ----------
    abundances : QTable
        Abundances of the annuli alone, outwards, from
        :func:`~kurvs_pipeline.gas.abundances.abundance_table`.
    radius_kpc : array, shape (n_annuli,)
        Radius of each annulus.
    smearing : DiskSmearing
        Disk, seeing and annuli of the galaxy.
    draws : AbundanceDraws
        Draws of the noise of all apertures.
    random : Generator
        Random generator for the draws that check the forward fits.

    Returns
    -------
    QTable
        ``diagnostic, estimator, gradient, gradient_err, gradient_low, gradient_high, n_bins,
        drawn_fraction, f_grad, f_grad_reference_gradient, flag``, without rows where there are
        no abundances.

        Slopes leave out bins with a limit, which flattens faint negative gradients.
        ``gradient_low`` and ``gradient_high`` hold the central 68 per cent of draws of the noise,
        each with the bins that it would have detected, and ``gradient_err`` is half their distance;
        ``drawn_fraction`` of the draws have a gradient at all. Draws of ``slope_fgrad`` are
        corrected for a size of H-alpha, a seeing and an inclination drawn from their errors, and by
        the f_grad of the gradient that comes out, not of the reference gradient
        (:meth:`~kurvs_pipeline.smearing.correction.DiskSmearing.intrinsic_gradients`). Intervals
        reach to the gradient itself where draws do not.

        As in the survey, diagnostics of other lines take the f_grad of [N II]/H-alpha, for
        their own bins and weights.

        The flag of a slope is ``ok``, ``too_few_bins``, or all that makes it doubtful, joined by
        ``+``: ``two_bins``; ``no_psf_or_radius``; ``unconstrained``, corrected to more than
        0.4 dex/kpc, so that the seeing left no gradient to correct; ``turnover``, an annulus whose
        interval ends where a two-valued relation turns over; ``wrong_side`` and ``side_unknown`` of
        such a relation by the nitrogen lines; ``few_draws``, less than 80 per cent with a gradient;
        and those of the lines (:class:`~kurvs_pipeline.fluxes.joint.JointFluxes`), which forward
        estimators carry too.

        Forward estimators have no f_grad and no drawn fraction. They use every annulus that was
        measured, detected or not, and include the uncertainty of seeing and scale length; for their
        flags see :class:`~kurvs_pipeline.gradients.forward.estimator.ForwardGradient`.
    """
    diagnostic = np.asarray(abundances["diagnostic"])
    # Rows of a table with units are slow to take out, and there are dozens of diagnostics.
    columns = {name: np.asarray(abundances[name]) for name in USED_COLUMNS}
    rows: list[dict[str, object]] = []
    for name in dict.fromkeys(diagnostic.tolist()):
        here = {column: values[diagnostic == name] for column, values in columns.items()}
        rows.extend(_of_diagnostic(DIAGNOSTICS[name], here, radius_kpc, smearing, draws))
    rows.extend(forward_rows(draws.fluxes, smearing, random))
    table = QTable({
        name: np.array([row[name] for row in rows], dtype=kind) for name, kind in COLUMNS.items()
    })  # fmt: skip
    for name in (*GRADIENTS, "f_grad_reference_gradient"):
        table[name] = table[name] * (u.dex / u.kpc)
    return table


def _without_gradients(table: QTable) -> QTable:
    """Remove gradients and errors: the lines that they come from are in doubt."""
    refused = table.copy()
    for name in GRADIENTS:
        refused[name] = np.nan * table[name].unit
    refused["flag"] = np.full(len(table), DOUBTFUL_REDSHIFT)
    return refused


def _of_diagnostic(
    diagnostic: Diagnostic,
    abundances: dict[str, NDArray[Any]],
    radius_kpc: Array,
    smearing: DiskSmearing,
    draws: AbundanceDraws,
) -> list[dict[str, object]]:
    """Return the rows of a diagnostic: the slope before and after correction."""
    abundance = np.where(abundances["limit"] == "", abundances["abundance"], np.nan)
    found = CorrectedSlope.of(diagnostic, draws, abundance, radius_kpc, smearing)
    slope, fraction = found.slope, found.drawn.drawn_fraction
    common = {"n_bins": slope.n_bins, "drawn_fraction": fraction}
    doubts = _doubts(slope, abundances, fraction)
    intrinsic = intrinsic_gradients(diagnostic, found.drawn, smearing)
    corrected = _row(diagnostic.name, "slope_fgrad", found.gradient, intrinsic)
    undone = {
        "no_psf_or_radius": slope.n_bins >= 2 and not np.isfinite(found.f_grad),
        "unconstrained": abs(found.gradient) > LARGEST_GRADIENT,
    }
    uncorrected = [doubt for doubt, applies in undone.items() if applies]
    return [
        _row(diagnostic.name, "slope", slope.gradient, found.drawn.observed)
        | common | _correction_columns(1.0, smearing) | {"flag": "+".join(doubts) or "ok"},
        corrected | common | _correction_columns(found.f_grad, smearing)
        | {"flag": "+".join(uncorrected + doubts) or "ok"},
    ]  # fmt: skip


def _doubts(slope: Slope, abundances: dict[str, NDArray[Any]], drawn_fraction: float) -> list[str]:
    if slope.n_bins < 2:
        return [slope.flag]
    used = {name: values[slope.coefficients != 0.0] for name, values in abundances.items()}
    of_annuli = {flag for text in used["flag"] for flag in str(text).split("+")} - {""}
    doubts = {
        slope.flag: slope.flag != "ok",
        TURNOVER: TURNOVER in of_annuli,
        "wrong_side": np.any(used["branch_check"] == "wrong"),
        "side_unknown": np.any(used["branch_check"] == "unknown"),
        "few_draws": drawn_fraction < MOST_DRAWS,
    }
    of_slope = (doubt for doubt, applies in doubts.items() if applies)
    return [*of_slope, *sorted(of_annuli - {TURNOVER})]


def _row(diagnostic: str, estimator: str, gradient: float, drawn: Array) -> dict[str, object]:
    low, high = central_interval(drawn)
    # The value is part of what is stated: draws of other annuli, or of other corrections, may
    # all lie to one side of it.
    low, high = min(low, gradient), max(high, gradient)
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
