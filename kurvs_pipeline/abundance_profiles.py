"""Abundances of apertures, and the gradients through the annuli."""

from collections.abc import Sequence

import numpy as np
from astropy import units as u
from astropy.table import QTable
from numpy.typing import NDArray

from kurvs_pipeline.abundances import DIAGNOSTICS
from kurvs_pipeline.gradients import Slope, weighted_slope
from kurvs_pipeline.line_fits import LineFits, line_ratio
from kurvs_pipeline.line_fluxes import DETECTION_SNR
from kurvs_pipeline.smearing import DiskSmearing

Array = NDArray[np.float64]

MEASURED_DIAGNOSTICS = ("n2", "n2_analogues", "n2_marino13")
"""Those that need no correction for dust."""


def abundance_table(fits: LineFits, apertures: Sequence[str]) -> QTable:
    """Return 12 + log(O/H) of every aperture by every diagnostic of [N II]/H-alpha.

    Parameters
    ----------
    fits : LineFits
        Of the band with H-alpha, one fit an aperture.
    apertures : sequence of str
        Their names.

    Returns
    -------
    QTable
        ``aperture, diagnostic, value, err_low, err_high, limit``. Where [N II] is not
        detected, ``value`` is the 4-sigma upper limit, ``limit`` is ``upper`` and the
        errors are NaN. Where H-alpha is not detected either, ``value`` is NaN and ``limit``
        is ``none``.
    """
    ratio, error, limit = _nii_to_halpha(fits)
    table = QTable()
    table["aperture"] = np.repeat(apertures, len(MEASURED_DIAGNOSTICS))
    table["diagnostic"] = np.tile(MEASURED_DIAGNOSTICS, len(apertures))
    columns = [_abundances(name, ratio, error) for name in MEASURED_DIAGNOSTICS]
    for name, values in zip(("value", "err_low", "err_high"), zip(*columns, strict=True),
                            strict=True):  # fmt: skip
        table[name] = np.stack(values, axis=1).ravel() * u.dex
    table["limit"] = np.repeat(limit, len(MEASURED_DIAGNOSTICS))
    return table


def _nii_to_halpha(fits: LineFits) -> tuple[Array, Array, NDArray[np.str_]]:
    """Return the ratio (or its limit), its error (NaN for a limit) and the kind of limit."""
    if "nii_6584" not in fits.names:
        missing = np.full(len(fits.flag), np.nan)
        return missing, missing, np.full(len(fits.flag), "none")
    ratio, error = line_ratio(fits, "nii_6584", "halpha")
    i, j = fits.names.index("nii_6584"), fits.names.index("halpha")
    has_halpha = fits.snr[:, j] > DETECTION_SNR
    has_nii = fits.snr[:, i] > DETECTION_SNR
    with np.errstate(invalid="ignore", divide="ignore"):
        ceiling = DETECTION_SNR * fits.flux_err[:, i] / fits.flux[:, j]
    value = np.where(has_halpha, np.where(has_nii, ratio, ceiling), np.nan)
    limited = np.where(np.isfinite(value), np.where(has_nii, "", "upper"), "none")
    return value, np.where(has_halpha & has_nii, error, np.nan), limited


def _abundances(name: str, ratio: Array, error: Array) -> tuple[Array, Array, Array]:
    """Carry a ratio and its one-sigma interval through a diagnostic that rises with it."""

    def abundance(values: Array) -> Array:
        return DIAGNOSTICS[name].from_fluxes({"nii_6584": values, "halpha": np.ones_like(values)})

    value = abundance(ratio)
    return value, value - abundance(ratio - error), abundance(ratio + error) - value


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
        f_grad, f_grad_reference_gradient, flag``. Bins without [N II] are left out, which
        flattens faint negative gradients; errors leave out that of f_grad itself.
    """
    rows = []
    for name in MEASURED_DIAGNOSTICS:
        rows.extend(_gradients(name, abundances, radius_kpc, smearing))
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
    # All diagnostics of [N II]/H-alpha are straight lines in its logarithm.
    ends = DIAGNOSTICS[name].oxygen_abundance(np.array([0.0, 1.0]))
    return smearing.f_grad(slope.coefficients, abundance_per_log_ratio=float(ends[1] - ends[0]))
