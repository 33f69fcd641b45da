"""Lines, attenuation and abundances of a stack, with errors from its bootstrap.

The lines of the stack and of all its draws are fitted in one call a band. Errors are those of
the draws: noise, and how galaxies differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from astropy import units as u
from astropy.table import QTable, Table

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS, Diagnostic
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.dust import transmitted_fraction
from kurvs_pipeline.errors import CoverageError
from kurvs_pipeline.fitting.fit import fit_lines
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.outcome import LineFits, describe_flag
from kurvs_pipeline.gas.abundances import AT_TURNOVER, TURNOVER
from kurvs_pipeline.gas.attenuation import balmer_a_v
from kurvs_pipeline.lines import DETECTION_SNR, OII_PAIR, REST_WAVELENGTH_UM, SII_PAIR
from kurvs_pipeline.representation import short_repr
from kurvs_pipeline.robust import ONE_SIGMA_PERCENTILES
from kurvs_pipeline.stacking.stack import Stack, StackedBand

MINIMUM_SNR_OF_KINEMATICS = 10.0
"""Least S/N of a band's brightest line; fainter bands take velocity and width of the first.

Galaxies are at rest before they are stacked, so a band gains little from kinematics of its own,
and the blended pair of [O II] may trade its ratio for velocity.
"""

MOST_LOST_DRAWS = 0.1
FEWEST_EFFECTIVE = 3.0
"""With fewer galaxies a bootstrap over them hardly measures their scatter."""

PAIRS = dict.fromkeys(OII_PAIR, "oii") | dict.fromkeys(SII_PAIR, "sii")
"""Lines that diagnostics use by their sum, which is what must be detected."""

_PERCENTILES = (ONE_SIGMA_PERCENTILES[0], 50.0, ONE_SIGMA_PERCENTILES[1])

_BALMER = ("halpha", "hbeta")
_LOST = "over a tenth of the draws without a value"


@dataclass(frozen=True, eq=False)
class StackedLines:
    """Lines, attenuation and abundances of a stack.

    Parameters
    ----------
    fits : mapping of str to LineFits
        Fits by band; the stack first, then its draws.
    fluxes : QTable
        ``line, flux, flux_err, snr, flux_err_noise, band, velocity_kms, sigma_kms, flag``: errors
        from the draws, beside those of noise alone.
    attenuation : Table
        One row ``a_v, a_v_err_low, a_v_err_high, flag``, mag: A_V of the Balmer decrement, negative
        where it is below that of case B.
    abundances : Table
        ``diagnostic, value, err_low, err_high, a_v, flag``: 12 + log(O/H) after correction for
        ``a_v``, which is never below 0. Flags name lines below 4 sigma, and say ``turnover`` where
        the interval ends where a two-valued relation turns over; the scatter of the calibration
        is not in the errors.
    """

    __repr__ = short_repr

    fits: Mapping[str, LineFits]
    fluxes: QTable
    attenuation: Table
    abundances: Table

    @cached_property
    def model_flux_density(self) -> dict[str, Array]:
        """Best fit of the stack by band, each of shape (n_channels,); NaN away from lines."""
        return {band: fit.model_spectra()[0] for band, fit in self.fits.items()}


def measure_stack(stack: Stack) -> StackedLines:
    """Return lines, Balmer decrement and abundances of a stack.

    For a single galaxy all errors are NaN, except those of noise alone.

    Parameters
    ----------
    stack : Stack
        Stacked spectra of any bands.

    Raises
    ------
    CoverageError
        If the stack covers no line.
    """
    fits = _fit_bands(stack.bands)
    fluxes = _flux_table(stack, fits)
    drawn = _lines_of(fits)
    snr = dict(zip(fluxes["line"], np.asarray(fluxes["snr"], dtype=float), strict=True))
    few = stack.n_effective < FEWEST_EFFECTIVE
    fluxes["flag"] = [_joined(flag, _few(few=few)) for flag in fluxes["flag"]]
    a_v = _a_v(drawn)
    return StackedLines(
        fits=fits,
        fluxes=fluxes,
        attenuation=_attenuation_table(a_v, snr, few=few),
        abundances=_abundance_table(drawn, a_v, snr, few=few),
    )


def _fit_bands(bands: Mapping[str, StackedBand]) -> dict[str, LineFits]:
    """Fit stack and draws in each band, faint bands with the kinematics of the first."""
    fits: dict[str, LineFits] = {}
    for name, band in bands.items():
        try:
            model = BandLineModel.for_band(band.wavelength_um, band.lsf_sigma_um, 0.0)
        except CoverageError:
            continue
        reference = next(iter(fits.values())) if fits else None
        fits[name] = _fit_band(model, band, reference)
    if not fits:
        raise CoverageError(
            f"the stack of {', '.join(bands)} covers no emission line at rest; expected one of "
            f"{', '.join(REST_WAVELENGTH_UM)}"
        )
    return fits


def _fit_band(model: BandLineModel, band: StackedBand, reference: LineFits | None) -> LineFits:
    flux, variance = band.flux_density[None], band.noise[None] ** 2
    free = fit_lines(model, flux, variance)
    known = free.converged[0] and np.nanmax(free.snr[0]) >= MINIMUM_SNR_OF_KINEMATICS
    if known or reference is None:
        start = (free.velocity_kms[0], free.sigma_kms[0])
        draws = fit_lines(model, band.draws, band.draws_noise**2, start_kms=start)
        return LineFits.joined([free, draws])
    # An unresolved line has no width of its own to pass on.
    width = np.where(np.isfinite(reference.sigma_kms), reference.sigma_kms, 0.0)
    return fit_lines(
        model,
        np.concatenate([flux, band.draws]),
        np.concatenate([variance, band.draws_noise**2]),
        velocity_kms=reference.velocity_kms,
        sigma_kms=width,
    )


def _lines_of(fits: Mapping[str, LineFits]) -> dict[str, Array]:
    """Return the flux of every line, stack and draws, from the first band that holds it."""
    lines: dict[str, Array] = {}
    for fit in fits.values():
        of_band = fit.to_lines()
        for index, name in enumerate(of_band.names):
            lines.setdefault(name, of_band.flux[:, index])
    return lines


def _flux_table(stack: Stack, fits: Mapping[str, LineFits]) -> QTable:
    rows = []
    for band, fit in fits.items():
        lines = fit.to_lines()
        for index, name in enumerate(lines.names):
            error, failed = _scatter(lines.flux[:, index])
            flux = float(lines.flux[0, index])
            flag = _joined(describe_flag(int(fit.flag[0])), failed)
            rows.append((name, flux, error, flux / error, lines.flux_err[0, index], band,
                         fit.velocity_kms[0], fit.sigma_kms[0], flag))  # fmt: skip
    names = ("line", "flux", "flux_err", "snr", "flux_err_noise", "band", "velocity_kms",
             "sigma_kms", "flag")  # fmt: skip
    table = QTable(rows=rows, names=names)
    unit = u.Unit(stack.unit) * u.um
    for name in ("flux", "flux_err", "flux_err_noise"):
        table[name] = u.Quantity(table[name], unit)
    for name in ("velocity_kms", "sigma_kms"):
        table[name] = u.Quantity(table[name], u.km / u.s)
    return table


def _scatter(values: Array) -> tuple[float, str]:
    """Return half the width of the middle 68 % of the draws, and a flag."""
    low, high, flag = _errors(values)
    return 0.5 * (low + high), flag


def _errors(values: Array) -> tuple[float, float, str]:
    """Return the errors below and above of a value of the stack, followed by the draws, and a flag.

    They are distances from the median of the draws. NaN where there is no value, and where
    all draws are alike, as those of one galaxy are.
    """
    if not np.isfinite(values[0]):
        return float("nan"), float("nan"), "no value"
    draws = values[1:][np.isfinite(values[1:])]
    flag = _LOST if draws.size < (1.0 - MOST_LOST_DRAWS) * (values.size - 1) else ""
    if draws.size < 2 or np.ptp(draws) <= 1e-6 * np.max(np.abs(draws)):
        return float("nan"), float("nan"), flag
    low, middle, high = np.percentile(draws, _PERCENTILES)
    return float(middle - low), float(high - middle), flag


def _a_v(lines: Mapping[str, Array]) -> Array:
    """Return A_V of stack and draws, NaN where a Balmer line was not covered."""
    if not set(_BALMER) <= set(lines):
        return np.full(next(iter(lines.values())).size, np.nan)
    return balmer_a_v(lines["halpha"], lines["hbeta"])


def _attenuation_table(a_v: Array, snr: Mapping[str, float], *, few: bool) -> Table:
    low, high, failed = _errors(a_v)
    flag = _joined(_undetected(_BALMER, snr), failed, _few(few=few))
    columns = {"a_v": a_v[0], "a_v_err_low": low, "a_v_err_high": high}
    table = Table({name: [float(value)] * u.mag for name, value in columns.items()})
    table["flag"] = [flag]
    return table


def _abundance_table(
    lines: Mapping[str, Array], a_v: Array, snr: Mapping[str, float], *, few: bool
) -> Table:
    """Return 12 + log(O/H) by every diagnostic whose lines the stack covers."""
    # Draws without a decrement are lost; a stack without one is not corrected at all.
    known = bool(np.isfinite(a_v[0]))
    correction = np.maximum(a_v, 0.0) if known else np.zeros_like(a_v)
    dust_free = {
        name: flux / transmitted_fraction(REST_WAVELENGTH_UM[name], correction)
        for name, flux in lines.items()
        if name in REST_WAVELENGTH_UM
    }
    rows = []
    for diagnostic in DIAGNOSTICS.values():
        if set(diagnostic.lines) <= set(dust_free):
            value, turnover = _held_at_turnover(diagnostic, dust_free)
            low, high, failed = _errors(value)
            uncorrected = "" if known else "not corrected for dust"
            faint = _undetected(diagnostic.lines, snr)
            flag = _joined(turnover, faint, failed, uncorrected, _few(few=few))
            rows.append((diagnostic.name, value[0], low, high, correction[0], flag))
    names = ("diagnostic", "abundance", "err_low", "err_high", "a_v", "flag")
    name_type = f"U{max(map(len, DIAGNOSTICS))}"
    table = Table(rows=rows or None, names=names, dtype=(name_type, *4 * ("f8",), "U200"))
    table["a_v"].unit = u.mag
    return table


def _held_at_turnover(diagnostic: Diagnostic, dust_free: Mapping[str, Array]) -> tuple[Array, str]:
    """Return the abundance of stack and draws, at the turnover for ratios beyond it, and a flag.

    Left out, ratios beyond would leave the draws that noise has moved away. Where the whole
    interval lies beyond, the stack has no abundance.
    """
    value = diagnostic.nearest_from_fluxes(dust_free)
    beyond = diagnostic.is_beyond_turnover(dust_free)[1:].mean()
    if beyond > 1.0 - AT_TURNOVER:
        value[0] = np.nan
    return value, TURNOVER if beyond > AT_TURNOVER else ""


def _undetected(lines: tuple[str, ...], snr: Mapping[str, float]) -> str:
    """Name the lines, or pairs, that are not covered or below 4 sigma."""
    absent = [line for line in lines if line not in snr]
    names = {PAIRS.get(line, line): None for line in lines if line in snr}
    faint = [name for name in names if not _snr_of(name, snr) > DETECTION_SNR]
    return _joined(
        f"{' and '.join(absent)} not covered" if absent else "",
        f"{' and '.join(faint)} below {DETECTION_SNR:g} sigma" if faint else "",
    )


def _snr_of(name: str, snr: Mapping[str, float]) -> float:
    # Both lines of the [S II] pair are resolved: the brighter stands for their sum.
    if name == "sii":
        return max(snr.get("sii_6716", np.nan), snr.get("sii_6731", np.nan))
    return snr.get(name, float("nan"))


def _few(*, few: bool) -> str:
    return f"fewer than {FEWEST_EFFECTIVE:g} effective galaxies" if few else ""


def _joined(*flags: str) -> str:
    return "; ".join(filter(None, flags))
