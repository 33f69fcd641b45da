"""The table of line fluxes: one row per line and aperture."""

from collections.abc import Mapping, Sequence

import numpy as np
from astropy import units as u
from astropy.table import QTable, vstack
from numpy.typing import ArrayLike

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.fitting.outcome import describe_flag, join_flags
from kurvs_pipeline.fluxes.band_fit import BandFit
from kurvs_pipeline.lines import DETECTION_SNR
from kurvs_pipeline.observation import line_flux_unit


def flux_table(
    fits: Mapping[str, BandFit], apertures: Sequence[str], coverage: ArrayLike
) -> QTable:
    """Return the table of every line in every aperture.

    Parameters
    ----------
    fits : mapping of str to BandFit
        Fits by band.
    apertures : sequence of str
        Names of the apertures, in the order of the fits.
    coverage : array_like, shape (n_apertures,)
        Fraction of each aperture's area on spaxels with data in the band of H-alpha.

    Returns
    -------
    QTable
        ``aperture, line, flux, flux_err, snr, upper_limit, statistical_flux,
        statistical_flux_err, band, coverage, velocity, sigma, kinematics, line_coverage,
        reduced_chi2, flag``.
        ``upper_limit`` is 4 sigma where S/N < 4, NaN otherwise; the flux is given either way.
        ``coverage`` is that of the aperture's area in the line's own band; light on the rest is
        not made up. ``statistical_flux`` sums over the line, whatever its shape, and is NaN
        where lines overlap (:func:`~kurvs_pipeline.fitting.sums.statistical_fluxes`).
        ``line_coverage`` is the fraction of the channels about a line that were used
        (:func:`~kurvs_pipeline.fitting.coverage.line_coverage`), and ``flag`` holds
        ``truncated`` and ``doublet_ratio`` of single lines beside the flags of the whole
        fit. Flagged lines are used all the same: fit and error account for the missing channels,
        and leaving out lines near sky lines would select redshifts. Abundances and gradients
        from them carry the flag, and ``poor_fit`` too.
        A broad H-alpha that was kept is a row ``halpha_broad`` with its own kinematics.
    """
    within = np.asarray(coverage, dtype=float)
    tables = [_band_table(name, fit, apertures, within) for name, fit in fits.items()]
    broad = [_broad_table(name, fit, apertures, within) for name, fit in fits.items()]
    return vstack(tables + [table for table in broad if table is not None])


def _band_table(band: str, fit: BandFit, apertures: Sequence[str], coverage: Array) -> QTable:
    lines = fit.fits.to_lines()
    n_lines = len(lines.names)
    unit = line_flux_unit(fit.units)
    detected = lines.snr > DETECTION_SNR
    table = QTable()
    table["aperture"] = np.repeat(apertures, n_lines)
    table["line"] = np.tile(lines.names, len(apertures))
    table["flux"] = lines.flux.ravel() * unit
    table["flux_err"] = lines.flux_err.ravel() * unit
    table["snr"] = lines.snr.ravel() * u.dimensionless_unscaled
    limit = np.where(detected, np.nan, DETECTION_SNR * lines.flux_err)
    table["upper_limit"] = limit.ravel() * unit
    table["statistical_flux"] = fit.sums.flux.ravel() * unit
    table["statistical_flux_err"] = fit.sums.flux_err.ravel() * unit
    table["band"] = band
    table["coverage"] = np.repeat(coverage * fit.coverage, n_lines)
    table["velocity"] = np.repeat(fit.fits.velocity_kms, n_lines) * u.km / u.s
    table["sigma"] = np.repeat(fit.fits.sigma_kms, n_lines) * u.km / u.s
    table["kinematics"] = np.repeat(fit.fits.kinematics, n_lines)
    table["line_coverage"] = fit.line_coverage.ravel()
    table["reduced_chi2"] = np.repeat(fit.fits.reduced_chi2, n_lines)
    of_fits = np.repeat([describe_flag(int(flag)) for flag in fit.fits.quality_flag], n_lines)
    table["flag"] = join_flags(of_fits, fit.line_flags.ravel())
    return table


def _broad_table(
    band: str, fit: BandFit, apertures: Sequence[str], coverage: Array
) -> QTable | None:
    """Return a row for every aperture with a broad H-alpha, if there is one."""
    broad = fit.broad
    if broad is None or not broad.kept.any():
        return None
    kept, unit = broad.kept, line_flux_unit(fit.units)
    table = QTable()
    table["aperture"] = np.asarray(apertures)[kept]
    table["line"] = "halpha_broad"
    table["flux"] = broad.flux[kept] * unit
    table["flux_err"] = broad.flux_err[kept] * unit
    table["snr"] = (broad.flux / broad.flux_err)[kept] * u.dimensionless_unscaled
    for name in ("upper_limit", "statistical_flux", "statistical_flux_err"):
        table[name] = np.full(len(table), np.nan) * unit
    table["band"] = band
    table["coverage"] = (coverage * fit.coverage)[kept]
    table["velocity"] = broad.velocity_kms[kept] * u.km / u.s
    table["sigma"] = broad.sigma_kms[kept] * u.km / u.s
    table["kinematics"] = "free"
    table["line_coverage"] = np.full(len(table), np.nan)
    table["reduced_chi2"] = fit.fits.reduced_chi2[kept]
    table["flag"] = np.array([describe_flag(int(flag)) for flag in fit.fits.quality_flag[kept]])
    return table
