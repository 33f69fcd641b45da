"""Abundances of apertures by every diagnostic, and the gradients through the annuli."""

from collections.abc import Sequence

import numpy as np
from astropy import units as u
from astropy.table import QTable, vstack
from numpy.typing import NDArray

from kurvs_pipeline.abundances import DIAGNOSTICS, Diagnostic
from kurvs_pipeline.attenuation import Attenuation
from kurvs_pipeline.dust import transmitted_fraction
from kurvs_pipeline.gradients import Slope, weighted_slope
from kurvs_pipeline.joint_fluxes import PAIRS, JointFluxes
from kurvs_pipeline.line_fluxes import DETECTION_SNR
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.smearing import DiskSmearing

Array = NDArray[np.float64]

FARTHEST_BEYOND_DEX = 0.5
N_DRAWS = 2000
"""Errors are then known to three per cent."""

ONE_SIGMA_PERCENTILES = (15.865, 84.135)
NII_LINES = {"nii_6584", "halpha"}

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
        ``aperture, diagnostic, value, err_low, err_high, limit, extrapolated``. Where one line
        (or pair) of the diagnostic is not detected, ``value`` is that of its 4-sigma limit,
        ``limit`` says which way the abundance is bounded, ``upper`` or ``lower``, and the
        errors are NaN. Where more are missing, ``value`` is NaN and ``limit`` is ``none``.
        ``extrapolated`` is true beyond the range that the calibration is used for; more than
        half a dex beyond, ``value`` is NaN and ``limit`` is ``none`` too.
    """
    drawn = fluxes.draws(random, N_DRAWS)
    a_v = attenuation.draws(random, drawn, N_DRAWS)
    measured = [d for d in DIAGNOSTICS.values() if set(d.lines) <= set(fluxes.names)]
    tables = [
        _of_diagnostic(diagnostic, fluxes, attenuation.a_v, _dust_free(drawn, a_v), apertures)
        for diagnostic in measured
    ]
    table = vstack(tables)
    # Aperture by aperture, as results are read.
    order = np.argsort(np.tile(np.arange(len(apertures)), len(measured)), kind="stable")
    return table[order]


def _of_diagnostic(
    diagnostic: Diagnostic,
    fluxes: JointFluxes,
    a_v: Array,
    drawn: dict[str, Array],
    apertures: Sequence[str],
) -> QTable:
    """Return the rows of one diagnostic."""
    missing = np.stack([~fluxes.detected(*lines) for lines in _parts(diagnostic)])
    n_missing = missing.sum(axis=0)
    observed = {name: fluxes.of_line(name) for name in diagnostic.lines}
    value = np.where(n_missing == 0, diagnostic.from_fluxes(_dust_free(observed, a_v)), np.nan)
    limit = np.where(n_missing == 0, "", "none").astype("<U5")
    for lines, undetected in zip(_parts(diagnostic), missing, strict=True):
        bound, kind = _bound(diagnostic, fluxes, a_v, lines)
        here = undetected & (n_missing == 1) & np.isfinite(bound)
        value, limit = np.where(here, bound, value), np.where(here, kind, limit)
    first, last = diagnostic.valid_range
    # A polynomial far from its galaxies gives numbers that mean nothing.
    with np.errstate(invalid="ignore"):
        near = (value >= first - FARTHEST_BEYOND_DEX) & (value <= last + FARTHEST_BEYOND_DEX)
    value, limit = np.where(near, value, np.nan), np.where(near, limit, "none")
    low, high = _interval(diagnostic.from_fluxes(drawn))
    known = limit == ""
    return QTable({
        "aperture": list(apertures),
        "diagnostic": [diagnostic.name] * len(apertures),
        "value": value * u.dex,
        "err_low": np.where(known, value - low, np.nan) * u.dex,
        "err_high": np.where(known, high - value, np.nan) * u.dex,
        "limit": limit,
        "extrapolated": np.isfinite(value) & ~((value >= first) & (value <= last)),
    })  # fmt: skip


def _parts(diagnostic: Diagnostic) -> list[tuple[str, ...]]:
    """Return the lines of a diagnostic, pairs together."""
    pairs = [pair for pair in PAIRS if set(pair) <= set(diagnostic.lines)]
    paired = {name for pair in pairs for name in pair}
    return [*pairs, *((name,) for name in diagnostic.lines if name not in paired)]


def _dust_free(fluxes: dict[str, Array], a_v: Array) -> dict[str, Array]:
    return {
        name: flux / transmitted_fraction(REST_WAVELENGTH_UM[name], a_v)
        for name, flux in fluxes.items()
    }


def _bound(
    diagnostic: Diagnostic, fluxes: JointFluxes, a_v: Array, lines: tuple[str, ...]
) -> tuple[Array, NDArray[np.str_]]:
    """Return the abundance with lines at their 4-sigma limit, and which side it bounds."""
    ceiling = DETECTION_SNR * fluxes.error_of(*lines) / len(lines)

    def abundance(factor: float) -> Array:
        observed = {
            name: factor * ceiling if name in lines else fluxes.of_line(name)
            for name in diagnostic.lines
        }
        return diagnostic.from_fluxes(_dust_free(observed, a_v))

    bound = abundance(1.0)
    with np.errstate(invalid="ignore"):
        return bound, np.where(abundance(0.9) < bound, "upper", "lower")


def _interval(values: Array) -> tuple[Array, Array]:
    """Return the central 68 per cent of draws, shape (number, n); NaN where most are NaN."""
    enough = np.isfinite(values).mean(axis=0) > 0.5
    low, high = np.nanpercentile(np.where(enough, values, 0.0), ONE_SIGMA_PERCENTILES, axis=0)
    return np.where(enough, low, np.nan), np.where(enough, high, np.nan)


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
    rows = []
    for name in dict.fromkeys(abundances["diagnostic"]):
        rows.extend(_gradients(str(name), abundances, radius_kpc, smearing))
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
    name: str, abundances: QTable, radius_kpc: Array, smearing: DiskSmearing
) -> list[tuple[str, str, float, float, int, float, str]]:
    of_diagnostic = abundances[abundances["diagnostic"] == name]
    detected = of_diagnostic["limit"] == ""
    value = np.where(detected, of_diagnostic["value"].value, np.nan)
    error = 0.5 * (of_diagnostic["err_low"].value + of_diagnostic["err_high"].value)
    slope = weighted_slope(radius_kpc, value, error)
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
