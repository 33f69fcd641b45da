"""Batched simultaneous fits of emission lines to spectra of one band.

Gaussians integrated over each channel, one velocity and intrinsic width a band, doublets tied,
a flat continuum in each window, inverse-variance weights (Li et al. 2025, Section 3). All
spectra of a batch are fitted together by variable projection.
"""

import numpy as np
from numpy.typing import ArrayLike

from kurvs_pipeline.arrays import Array, BoolArray, IntArray
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.fitting.engines import Engine, engine_for
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.outcome import FitFlag, LineFits
from kurvs_pipeline.fitting.start import search_grid
from kurvs_pipeline.fitting.variable_projection import (
    Bounds,
    Minimum,
    Spectra,
    core_coverage,
    covariance,
)

VELOCITY_RANGE_KMS = (-400.0, 400.0)
SIGMA_RANGE_KMS = (5.0, 400.0)


def fit_lines(
    model: BandLineModel,
    flux: ArrayLike,
    variance: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    velocity_kms: ArrayLike | None = None,
    sigma_kms: ArrayLike | None = None,
    start_kms: tuple[ArrayLike, ArrayLike] | None = None,
    velocity_range_kms: tuple[float, float] = VELOCITY_RANGE_KMS,
    sigma_range_kms: tuple[float, float] = SIGMA_RANGE_KMS,
    compiled: bool = True,
) -> LineFits:
    """Fit all lines of a band in many spectra at once.

    Parameters
    ----------
    model : BandLineModel
        Lines, channels and line-spread function.
    flux, variance : array, shape (n_spec, n_channels)
        Flux density and its variance on the model's wavelength grid. A channel that is NaN,
        or whose variance is not positive, has no weight. Fluxes near 1e-20 belong in float64
        or in a scaled unit: their squares underflow float32.
    mask : bool array, shape (n_spec, n_channels), optional
        True where a channel must not be used.
    velocity_kms, sigma_kms : float or array, shape (n_spec,), optional
        Both given: kinematics are held at these values and the fit is linear.
    start_kms : tuple of two float or array, shape (n_spec,), optional
        Velocity and width from which free kinematics start, as for refits of a bootstrap.
        Where either is NaN, and by default, the start is the best point of a coarse grid over
        the ranges. A start far from the best fit may end in a minimum beside it.
    velocity_range_kms, sigma_range_kms : tuple of float
        Limits of free kinematics. The lower limit of the width stands for 'unresolved'.
    compiled : bool
        Whether to use compiled code where numba is installed. ``False`` takes the search in
        plain numpy, as in a browser: the same answer within rounding, several times slower.

    Returns
    -------
    LineFits
        Without warnings, whatever the data: failures are NaN with a flag.

    Raises
    ------
    ConfigurationError
        If shapes do not fit the model, one of velocity and width is given alone, or a range
        is empty.
    """
    spectra = _prepare(model, flux, variance, mask)
    n_spec = spectra.flux.shape[0]
    bounds = Bounds(
        _checked_range("velocity_range_kms", velocity_range_kms, smallest=-np.inf),
        _checked_range("sigma_range_kms", sigma_range_kms, smallest=0.0),
    )
    fixed = _fixed_kinematics(velocity_kms, sigma_kms, n_spec)
    start = _stacked(start_kms or (np.nan, np.nan), n_spec)
    engine = engine_for(compiled=compiled)
    blocks = []
    for first in range(0, max(1, n_spec), engine.BLOCK_SIZE):
        rows = slice(first, first + engine.BLOCK_SIZE)
        block = Spectra(spectra.flux[rows], spectra.weight[rows])
        if fixed is None:
            blocks.append(_fit_free(engine, model, block, start[:, rows], bounds))
        else:
            blocks.append(_fit_fixed(engine, model, block, fixed[:, rows]))
    return LineFits.joined(blocks)


def fit_lines_or_fix(
    model: BandLineModel,
    flux: ArrayLike,
    variance: ArrayLike,
    *,
    fallback_velocity_kms: ArrayLike,
    fallback_sigma_kms: ArrayLike,
    mask: ArrayLike | None = None,
    minimum_snr: float = 5.0,
    free_if_bright: bool = False,
    start_kms: tuple[ArrayLike, ArrayLike] | None = None,
    velocity_range_kms: tuple[float, float] = VELOCITY_RANGE_KMS,
    sigma_range_kms: tuple[float, float] = SIGMA_RANGE_KMS,
) -> LineFits:
    """Fit with free kinematics where a line is bright enough, with given kinematics elsewhere.

    Free kinematics follow the noise below a signal-to-noise ratio of about 5: errors come out
    too small and limits too bright. Spectra in which no line reaches ``minimum_snr``, or whose
    free fit failed, are fitted again with the fallback's velocity and width.

    Parameters
    ----------
    model : BandLineModel
        As for :func:`fit_lines`, like the next seven.
    flux, variance : array_like, shape (n_spec, n_channels)
        Spectra and their variances.
    mask : bool array_like, the same shape, optional
        Channels to leave out.
    start_kms : tuple of array_like, optional
        Velocity and width to start from.
    velocity_range_kms, sigma_range_kms : tuple of float
        Limits of the search.
    fallback_velocity_kms, fallback_sigma_kms : float or array, shape (n_spec,)
        Kinematics of the galaxy's strongest line, say.
    minimum_snr : float
        Of the brightest line, for its own kinematics to be trusted.
    free_if_bright : bool
        Whether spectra that reach ``minimum_snr`` with the fallback's kinematics alone stay free:
        an error that leaves out how uncertain kinematics are is wrong for a bright line, unless
        the fallback's were measured on a brighter one.

    Returns
    -------
    LineFits
        ``kinematics`` says which spectra were fitted how.
    """
    free = fit_lines(
        model, flux, variance, mask=mask, start_kms=start_kms,
        velocity_range_kms=velocity_range_kms, sigma_range_kms=sigma_range_kms,
    )  # fmt: skip
    bright = np.any(np.nan_to_num(free.snr, nan=-np.inf) >= minimum_snr, axis=1)
    faint = ~(free.converged & bright)
    if not np.any(faint):
        return free
    n_spec = faint.size
    fixed = fit_lines(
        model,
        np.asarray(flux)[faint],
        np.asarray(variance)[faint],
        mask=None if mask is None else np.asarray(mask)[faint],
        velocity_kms=np.broadcast_to(fallback_velocity_kms, n_spec)[faint],
        sigma_kms=np.broadcast_to(fallback_sigma_kms, n_spec)[faint],
    )
    found = free.replaced(faint, fixed)
    if not free_if_bright:
        return found
    reached = np.any(np.nan_to_num(found.snr, nan=-np.inf) >= minimum_snr, axis=1)
    unsure = faint & free.converged & reached
    return found.replaced(unsure, free.chosen(unsure))


def _prepare(
    model: BandLineModel, flux: ArrayLike, variance: ArrayLike, mask: ArrayLike | None
) -> Spectra:
    """Turn variance and mask into weights on the channels used."""
    values = np.asarray(flux, dtype=float)
    noise = np.asarray(variance, dtype=float)
    masked = np.zeros(values.shape, dtype=bool) if mask is None else np.asarray(mask, dtype=bool)
    expected = ("n_spec", model.wavelength_um.size)
    for name, array in (("flux", values), ("variance", noise), ("mask", masked)):
        if array.ndim != 2 or array.shape != values.shape or array.shape[1] != expected[1]:
            raise ConfigurationError(
                f"{name} has shape {array.shape}; expected {expected}, the same for flux, "
                "variance and mask"
            )
    values, noise = values[:, model.channels], noise[:, model.channels]
    valid = np.isfinite(values) & np.isfinite(noise) & (noise > 0.0) & ~masked[:, model.channels]
    weight = np.divide(1.0, noise, out=np.zeros_like(noise), where=valid)
    return Spectra(np.where(valid, values, 0.0), weight)


def _checked_range(
    name: str, limits: tuple[float, float], *, smallest: float
) -> tuple[float, float]:
    if not smallest < limits[0] < limits[1]:
        raise ConfigurationError(f"{name} is {limits}; expected two values that increase, in km/s")
    return float(limits[0]), float(limits[1])


def _fixed_kinematics(
    velocity_kms: ArrayLike | None, sigma_kms: ArrayLike | None, n_spec: int
) -> Array | None:
    """Stack given kinematics as velocity and squared width, shape (2, n_spec)."""
    if velocity_kms is None and sigma_kms is None:
        return None
    if velocity_kms is None or sigma_kms is None:
        raise ConfigurationError(
            "velocity_kms and sigma_kms must be given together (fixed kinematics) or not at all"
        )
    return _stacked((velocity_kms, sigma_kms), n_spec)


def _stacked(kinematics_kms: tuple[ArrayLike, ArrayLike], n_spec: int) -> Array:
    velocity, sigma = (np.asarray(values, dtype=float) for values in kinematics_kms)
    return np.stack([np.broadcast_to(velocity, n_spec), np.broadcast_to(sigma**2, n_spec)])


def _fit_free(
    engine: Engine, model: BandLineModel, spectra: Spectra, start: Array, bounds: Bounds
) -> LineFits:
    """Fit one block with its own kinematics."""
    start, active = _first_guess(engine, model, spectra, start, bounds)
    minimum = engine.descend(model, spectra, active, start, bounds)
    lower, upper = bounds.at_lower(minimum.kinematics), bounds.at_upper(minimum.kinematics)
    unresolved = lower[1]
    flag = np.where(lower[0] | upper[0] | upper[1], FitFlag.AT_BOUND, 0)
    flag |= np.where(minimum.converged, 0, FitFlag.NOT_CONVERGED)
    flag |= np.where(unresolved, FitFlag.UNRESOLVED, 0)
    held = np.stack([np.zeros_like(unresolved), unresolved])
    return _collect(model, spectra, active, minimum, held, flag)


def _first_guess(
    engine: Engine, model: BandLineModel, spectra: Spectra, start: Array, bounds: Bounds
) -> tuple[Array, BoolArray]:
    """Search the grid where no start is given; return kinematics and the groups to fit."""
    unknown = ~np.all(np.isfinite(start), axis=0)
    if np.all(unknown):
        return search_grid(model, spectra, bounds, engine.choose_start)
    guess = np.clip(np.where(unknown, bounds.lower, start), bounds.lower, bounds.upper)
    active = core_coverage(model, spectra.weight, guess[0], np.sqrt(guess[1]))
    if np.any(unknown):
        guess[:, unknown], active[unknown] = search_grid(
            model, spectra.rows(unknown), bounds, engine.choose_start
        )
    return guess, active


def _fit_fixed(
    engine: Engine, model: BandLineModel, spectra: Spectra, kinematics: Array
) -> LineFits:
    """Fit one block at given kinematics; what has none is flagged as without data."""
    known = np.all(np.isfinite(kinematics), axis=0)
    spectra = Spectra(spectra.flux, spectra.weight * known[:, None])
    kinematics = np.where(known, kinematics, 0.0)
    active = core_coverage(model, spectra.weight, kinematics[0], np.sqrt(kinematics[1]))
    minimum = Minimum(kinematics, engine.project(model, spectra, active, kinematics), known)
    held = np.ones_like(kinematics, dtype=bool)
    return _collect(model, spectra, active, minimum, held, np.zeros(known.size, dtype=int))


def _collect(
    model: BandLineModel,
    spectra: Spectra,
    active: BoolArray,
    minimum: Minimum,
    held: BoolArray,
    flag: IntArray,
) -> LineFits:
    """Make results of a minimum, NaN wherever they cannot be trusted."""
    velocity, sigma = minimum.kinematics[0], np.sqrt(minimum.kinematics[1])
    n_groups = active.shape[1]
    matrix = covariance(minimum.point, held)
    fitted = np.einsum("ppn->np", matrix) > 0.0
    dof = np.sum(spectra.weight > 0.0, axis=1) - fitted.sum(axis=1)
    covered = active & core_coverage(model, spectra.weight, velocity, sigma)
    measured = covered & fitted[:, :n_groups]
    flag = _with_missing_data(flag, measured, fitted, held, dof)
    failed = (flag & (FitFlag.NO_DATA | FitFlag.AT_BOUND | FitFlag.NOT_CONVERGED)) != 0
    resolved = ~failed & ((flag & FitFlag.UNRESOLVED) == 0)
    keep = measured & ~failed[:, None]
    flux_covariance = matrix[:n_groups, :n_groups].transpose(2, 0, 1)
    amplitudes = minimum.point.amplitudes
    continuum_known = fitted[:, n_groups:-2] & ~failed[:, None]
    velocity_err, sigma_err = _kinematic_errors(matrix, held, sigma)
    return LineFits(
        model=model,
        flux=np.where(keep, amplitudes[:, :n_groups], np.nan),
        flux_covariance=np.where(keep[:, :, None] & keep[:, None, :], flux_covariance, np.nan),
        continuum=np.where(continuum_known, amplitudes[:, n_groups:], np.nan),
        velocity_kms=np.where(failed, np.nan, velocity),
        velocity_err_kms=np.where(failed, np.nan, velocity_err),
        sigma_kms=np.where(resolved, sigma, np.nan),
        sigma_err_kms=np.where(resolved, sigma_err, np.nan),
        chi2=np.where(failed, np.nan, minimum.point.chi2),
        dof=np.maximum(dof, 0),
        flag=flag,
        kinematics=np.full(flag.size, "fixed" if held.all() else "free", dtype="<U5"),
    )


def _with_missing_data(
    flag: IntArray,
    measured: BoolArray,
    fitted: BoolArray,
    held: BoolArray,
    dof: IntArray,
) -> IntArray:
    """Add to the flags what the data did not determine."""
    flag = np.where((dof <= 0) | ~measured.any(axis=1), FitFlag.NO_DATA, flag)
    flag |= np.where(measured.all(axis=1), 0, FitFlag.PARTIAL)
    # Without any light, nothing says where the lines are.
    undetermined = np.any(~held & ~fitted[:, -2:].T, axis=0)
    return np.asarray(flag | np.where(undetermined, FitFlag.NOT_CONVERGED, 0))


def _kinematic_errors(matrix: Array, held: BoolArray, sigma: Array) -> tuple[Array, Array]:
    """Return the errors of velocity and width (fitted squared), NaN where they were held."""
    errors = np.where(held, np.nan, np.sqrt(np.einsum("iin->in", matrix[-2:, -2:])))
    with np.errstate(divide="ignore", invalid="ignore"):
        return errors[0], 0.5 * errors[1] / sigma
