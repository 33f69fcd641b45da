"""A broad H-alpha beside the narrow lines, as in KURVS 12 (Li et al. 2025, Section 3).

It is kept only where the data require it; elsewhere the fit of narrow lines is unchanged.
"""

from dataclasses import dataclass

import numpy as np

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.fitting.fit import SIGMA_RANGE_KMS
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.outcome import FitFlag, LineFits
from kurvs_pipeline.fluxes.broad_model import BroadLineModel, BroadLineProblem, Solution
from kurvs_pipeline.spectra.calibration import CalibratedBand
from kurvs_pipeline.spectra.coadded_continuum import coadded_continuum, subtracted_continuum
from kurvs_pipeline.spectra.coaddition import ApertureSpectra

LEAST_BIC_DIFFERENCE = 10.0
"""Difference by which a broad line must lower the Bayesian information criterion: 'very strong'
evidence (Kass & Raftery 1995)."""

LEAST_SNR = 5.0
"""Least S/N of the flux of a broad line."""

FREE_NARROW_SNR = 5.0
"""Least S/N of the brightest narrow line for the narrow lines to have free kinematics."""

HIDDEN_KMS = 1500.0
"""Half-width about H-alpha within which no estimate of the continuum is used."""


@dataclass(frozen=True)
class BroadHalpha:
    """The broad H-alpha of every aperture, and the narrow lines beside it.

    Parameters
    ----------
    narrow : LineFits
        Narrow lines: of the joint fit, flagged ``BROAD_LINE``, where a broad line was kept. There
        the continuum is that of :data:`~kurvs_pipeline.fluxes.broad_model.WINDOW_KMS` about the
        lines, and chi2 and degrees of freedom are those of these channels.
    flux, flux_err : array, shape (n_apertures,)
        Flux of the broad line, flux density times um; NaN where none was kept.
    velocity_kms, velocity_err_kms, sigma_kms, sigma_err_kms : array, shape (n_apertures,)
        Kinematics of the broad line, without the line-spread function; NaN where none was kept.
    bic_difference : array, shape (n_apertures,)
        Difference by which a broad line lowers the Bayesian information criterion; NaN where it was
        not tried.
    light : array, shape (n_apertures, n_channels)
        Light beside narrow lines and constants: the broad line and the slope of the continuum, less
        what the subtracted continuum had taken away.
    """

    narrow: LineFits
    flux: Array
    flux_err: Array
    velocity_kms: Array
    velocity_err_kms: Array
    sigma_kms: Array
    sigma_err_kms: Array
    bic_difference: Array
    light: Array

    @property
    def kept(self) -> BoolArray:
        """Whether each aperture has a broad line, shape (n_apertures,)."""
        return np.isfinite(self.flux)


def fit_broad_halpha(
    spectra: ApertureSpectra,
    narrow: LineFits,
    *,
    fallback_kms: tuple[Array, Array],
    hidden: Array | None = None,
) -> BroadHalpha:
    """Return fits with a broad H-alpha in every aperture where the data require one.

    One Gaussian is added to the narrow lines: velocity within 500 km/s, width (sigma) of
    300-2500 km/s, flux >= 0; the narrow lines may be 300 km/s wide. It is kept where it lowers
    the Bayesian information criterion by more than 10 and has S/N > 5, no velocity nor width
    at the end of its range. Narrow lines whose brightest has S/N < 5 beside it are held at the
    velocity and width of the fallback, shape (n_apertures,) each.

    Spectra are co-added, without continuum; ``hidden``, shape (n_apertures, n_channels), is the
    part of the broad line in the subtracted continuum, see :func:`hidden_by_continuum`.
    """
    model = BroadLineModel.beside(narrow.model)
    hidden = np.zeros(spectra.flux.shape) if hidden is None else hidden
    tried = [
        _compare(
            _problem(model, spectra, hidden, row),
            _narrow_kinematics(narrow, row),
            np.array([fallback_kms[0][row], fallback_kms[1][row]]),
        )
        for row in range(len(spectra.flux))
    ]
    return _collected(model, narrow, hidden, tried)


def hidden_by_continuum(band: CalibratedBand, weights: Array, halpha_um: float) -> Array:
    """Return the part of a broad line in the continuum under H-alpha, (n_apertures, n_channels).

    Calibration excludes 700 km/s about the lines: a median about H-alpha includes the wings of a
    broad line, and subtracts part of them. The result is the co-added continuum less that
    interpolated over the medians that reach within 1500 km/s of H-alpha.
    """
    continuum = subtracted_continuum(band)
    reach = HIDDEN_KMS / SPEED_OF_LIGHT_KMS
    first, last = np.searchsorted(
        band.wavelength_um, [halpha_um * (1.0 - reach), halpha_um * (1.0 + reach)]
    )
    bridged = coadded_continuum(band, weights, continuum.bridged(int(first), int(last)))
    return coadded_continuum(band, weights) - bridged


@dataclass(frozen=True)
class _Trial:
    """A fit with a broad line, and whether to keep it."""

    solution: Solution | None
    bic_difference: float
    kept: bool


def _problem(
    model: BroadLineModel, spectra: ApertureSpectra, hidden: Array, row: int
) -> BroadLineProblem:
    """Put one spectrum on the channels of the model."""
    used = model.narrow.channels
    flux = (spectra.flux[row] + hidden[row])[used]
    variance = spectra.variance[row][used]
    valid = spectra.valid[row][used] & np.isfinite(flux) & (variance > 0.0)
    weight = np.divide(1.0, variance, out=np.zeros_like(variance), where=valid)
    return BroadLineProblem(model, np.where(valid, flux, 0.0), weight)


def _narrow_kinematics(narrow: LineFits, row: int) -> Array:
    sigma = 0.0 if narrow.flag[row] & FitFlag.UNRESOLVED else narrow.sigma_kms[row]
    return np.array([narrow.velocity_kms[row], sigma])


def _compare(problem: BroadLineProblem, narrow: Array, fallback: Array) -> _Trial:
    """Fit one spectrum with and without a broad line."""
    start = np.where(np.isfinite(narrow).all(), narrow, fallback)
    halpha = problem.model.narrow.group_names.index("halpha")
    if not (np.isfinite(start).all() and problem.covered(*start)[halpha]):
        return _Trial(None, float("nan"), kept=False)
    alone = problem.fit_narrow(start, free=True, sigma_range_kms=SIGMA_RANGE_KMS)
    both = problem.fit_both(start, free=True)
    n_groups = problem.model.n_groups
    if np.max(_snr(both)[:n_groups]) < FREE_NARROW_SNR:
        alone = problem.fit_narrow(fallback, free=False, sigma_range_kms=SIGMA_RANGE_KMS)
        both = problem.fit_both(fallback, free=False)
    difference = alone.bayesian_information - both.bayesian_information
    # A narrow width at its lower end belongs to an unresolved line.
    at_end = np.any(both.at_upper) or np.any(both.at_lower[[0, 2, 3]])
    significant = difference > LEAST_BIC_DIFFERENCE and _snr(both)[n_groups] > LEAST_SNR
    return _Trial(both, difference, kept=bool(significant and not at_end))


def _snr(solution: Solution) -> Array:
    """Return the S/N of every amplitude, 0 where it was not fitted."""
    error = np.sqrt(np.diagonal(solution.covariance))[: solution.amplitudes.size]
    return np.divide(solution.amplitudes, error, out=np.zeros_like(error), where=error > 0.0)


def _collected(
    model: BroadLineModel, narrow: LineFits, hidden: Array, tried: list[_Trial]
) -> BroadHalpha:
    kept = np.array([trial.kept for trial in tried])
    solutions = [trial.solution for trial in tried if trial.kept and trial.solution is not None]
    values = np.full((6, len(tried)), np.nan)
    light = np.zeros(hidden.shape)
    if solutions:
        joint = LineFits.joined([_narrow_lines(model, narrow.model, one) for one in solutions])
        narrow = narrow.replaced(kept, joint)
        values[:, kept] = np.transpose([_of_broad_line(model, one) for one in solutions])
        light[np.ix_(kept, model.narrow.channels)] = [_light(model, one) for one in solutions]
        light[kept] -= hidden[kept]
    differences = np.array([trial.bic_difference for trial in tried])
    flux, flux_err, velocity, velocity_err, sigma, sigma_err = values
    return BroadHalpha(
        narrow, flux, flux_err, velocity, velocity_err, sigma, sigma_err, differences, light
    )


def _of_broad_line(model: BroadLineModel, solution: Solution) -> Array:
    """Return flux, velocity and width of the broad line, each with its error, shape (6,)."""
    n_linear = solution.amplitudes.size
    errors = np.sqrt(np.diagonal(solution.covariance))
    index, velocity, sigma = model.n_groups, n_linear + 2, n_linear + 3
    return np.array([
        solution.amplitudes[index], errors[index],
        solution.kinematics[2], errors[velocity],
        solution.kinematics[3], errors[sigma],
    ])  # fmt: skip


def _light(model: BroadLineModel, solution: Solution) -> Array:
    """Return the broad line and the slope of the continuum, shape (n_used_channels,)."""
    columns = model.columns(solution.kinematics)
    broad, slope = model.n_groups, -1
    return np.asarray(solution.amplitudes[[broad, slope]] @ columns[[broad, slope]])


def _narrow_lines(model: BroadLineModel, of_band: BandLineModel, solution: Solution) -> LineFits:
    """Return the narrow lines of a joint fit as a fit of the band's own model."""
    n_groups, n_linear = model.n_groups, solution.amplitudes.size
    fitted = solution.fitted[:n_groups]
    free = solution.fitted[n_linear : n_linear + 2]
    unresolved = bool(solution.at_lower[1])
    errors = np.where(free, np.sqrt(np.diagonal(solution.covariance))[n_linear:][:2], np.nan)
    covariance = solution.covariance[:n_groups, :n_groups]
    flag = FitFlag.BROAD_LINE
    flag |= FitFlag.UNRESOLVED if unresolved else FitFlag.GOOD
    flag |= FitFlag.GOOD if fitted.all() else FitFlag.PARTIAL
    held = not (free.any() or unresolved)
    return LineFits(
        model=of_band,
        flux=np.where(fitted, solution.amplitudes[:n_groups], np.nan)[None],
        flux_covariance=np.where(np.outer(fitted, fitted), covariance, np.nan)[None],
        continuum=_constants(model, of_band, solution)[None],
        velocity_kms=solution.kinematics[:1],
        velocity_err_kms=errors[:1],
        sigma_kms=np.array([np.nan if unresolved else solution.kinematics[1]]),
        sigma_err_kms=errors[1:],
        chi2=np.array([solution.chi2]),
        dof=np.array([solution.n_channels - int(solution.fitted.sum())]),
        flag=np.array([int(flag)]),
        kinematics=np.array(["fixed" if held else "free"], dtype="<U5"),
    )


def _constants(model: BroadLineModel, of_band: BandLineModel, solution: Solution) -> Array:
    """Return the constant of the wide window that holds each window of the band."""
    constants = solution.amplitudes[model.n_groups + 1 : -1]
    ends = [window.channels.stop for window in model.narrow.windows]
    starts = [window.channels.start for window in of_band.windows]
    return np.asarray(constants[np.searchsorted(ends, starts, side="right")])
