"""Rows of the forward estimators for the table of gradients."""

import logging

import numpy as np

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.arrays import StrArray
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.errors import FitError
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.gradients.forward.dusty_profiles import JointProfiles, profiles_of
from kurvs_pipeline.gradients.forward.estimator import ForwardFit, ForwardGradient
from kurvs_pipeline.gradients.forward.fluxes import ApertureFluxes, has_lines, single_lines
from kurvs_pipeline.gradients.forward.model import ForwardModel
from kurvs_pipeline.gradients.forward.profiles import InverseCalibration, LineProfiles
from kurvs_pipeline.smearing.correction import DiskSmearing
from kurvs_pipeline.smearing.matrix import InclinedDisk
from kurvs_pipeline.smearing.sky_apertures import SpaxelApertures

logger = logging.getLogger(__name__)

MODELLED_DIAGNOSTICS = ("n2", "o3n2", "r23", "n2o2")
"""One of each ratio that there is a model of; the survey's own calibrations."""

JOINT, JOINT_DIAGNOSTICS = "joint", ("n2", "o3n2", "n2o2")
"""The row of one gradient from the lines of all of these that were measured, two at least."""

FEWEST_ANNULI = 2


def forward_rows(
    fluxes: JointFluxes, smearing: DiskSmearing, random: np.random.Generator
) -> list[dict[str, object]]:
    """Return the rows of ``forward`` and ``forward_prior`` for every diagnostic with a model.

    They have the columns of :func:`~kurvs_pipeline.gradients.table.gradient_table`, without units.
    Diagnostics whose lines were not measured have no rows, nor has a galaxy without effective
    radius or seeing. ``joint`` is one gradient from several diagnostics
    (:class:`~kurvs_pipeline.gradients.forward.dusty_profiles.JointProfiles`).
    """
    rows: list[dict[str, object]] = []
    if not smearing.is_known:
        return rows
    model: ForwardModel | None = None
    for name, profiles in _fitted(fluxes).items():
        model = model.with_profiles(profiles) if model else _model(smearing, profiles)
        lines = ApertureFluxes.of_annuli(fluxes, profiles.lines)
        found = _of_diagnostic(name, model, lines, random)
        rows += _with_flags_of_lines(found, fluxes.annuli.flags_of(*single_lines(profiles.lines)))
    return rows


def _fitted(fluxes: JointFluxes) -> dict[str, LineProfiles]:
    """Return the profiles of every diagnostic whose lines were measured, and of them jointly."""
    known = {name: profiles_of(DIAGNOSTICS[name]) for name in MODELLED_DIAGNOSTICS}
    fitted = {
        name: profiles for name, profiles in known.items()
        if profiles is not None and has_lines(fluxes, profiles.lines)
    }  # fmt: skip
    together = [
        InverseCalibration(DIAGNOSTICS[name]) for name in JOINT_DIAGNOSTICS if name in fitted
    ]
    if len(together) > 1:
        fitted[JOINT] = JointProfiles(together[0], tuple(together[1:]))
    return fitted


def _with_flags_of_lines(
    rows: list[dict[str, object]], of_annuli: StrArray
) -> list[dict[str, object]]:
    """Add the flags of the lines to those of the fit."""
    flags = {flag for text in of_annuli.tolist() for flag in text.split("+")} - {""}
    return [row | {"flag": _joined(str(row["flag"]), flags)} for row in rows]


def _joined(of_fit: str, of_lines: set[str]) -> str:
    return "+".join([*({of_fit} - {"ok"}), *sorted(of_lines - {of_fit})]) or "ok"


def _model(smearing: DiskSmearing, profiles: LineProfiles) -> ForwardModel:
    metadata = smearing.metadata
    model = ForwardModel(
        disk=InclinedDisk.of(metadata),
        effective_radius_arcsec=metadata.effective_radius_arcsec,
        kpc_per_arcsec=kpc_per_arcsec(metadata.redshift),
        seeing=smearing.seeing_with_errors,
        apertures=SpaxelApertures(smearing.weights, smearing.x_arcsec, smearing.y_arcsec),
        profiles=profiles,
        inclination_err_deg=metadata.inclination_err_deg,
    )
    # The correction of slopes has worked out the same matrices.
    vars(model)["smearing"] = smearing.variations
    return model


def _of_diagnostic(
    name: str, model: ForwardModel, fluxes: ApertureFluxes, random: np.random.Generator
) -> list[dict[str, object]]:
    """Return both rows of a diagnostic; without numbers where nothing can be fitted."""
    n_bins = int(fluxes.measured.all(axis=0).sum())
    estimators = "forward", "forward_prior"
    if n_bins < FEWEST_ANNULI:
        return [_row(name, estimator, n_bins, "too_few_bins") for estimator in estimators]
    try:
        fit = ForwardFit.of(model, fluxes, random)
    except FitError as error:
        logger.warning("no forward gradient by %s: %s", name, error)
        return [_row(name, estimator, n_bins, "no_fit") for estimator in estimators]
    found = fit.flat, fit.with_prior()
    return [
        _row(name, estimator, n_bins, str(one.flag[0]), one)
        for estimator, one in zip(estimators, found, strict=True)
    ]


def _row(
    diagnostic: str, estimator: str, n_bins: int, flag: str, found: ForwardGradient | None = None
) -> dict[str, object]:
    numbers = ("gradient", "error", "low", "high")
    gradient, error, low, high = (
        float(getattr(found, number)[0]) if found else float("nan") for number in numbers
    )
    return {
        "diagnostic": diagnostic, "estimator": estimator, "gradient": gradient,
        "gradient_err": error, "gradient_low": low, "gradient_high": high, "n_bins": n_bins,
        "drawn_fraction": float("nan"), "f_grad": float("nan"),
        "f_grad_reference_gradient": float("nan"), "flag": flag,
    }  # fmt: skip
