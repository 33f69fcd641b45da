"""Errors from residuals of sky lines that the stated noise leaves out.

Subtraction leaves a few per cent of every OH line, shared by the whole field, so it does not
average down in an aperture. The residual is measured where the galaxy has no lines, and
added to the variance of all channels in proportion to the sky in them.
"""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.spectra.coaddition import ApertureSpectra
from kurvs_pipeline.spectra.sky_templates import sky_lines

LARGEST_PULL = 20.0
"""Largest pull, in sigma: a larger one is not a sky residual and is not to decide alone."""

ITERATIONS = 4

REACH_OF_RESIDUALS = (0.25, 0.5, 0.25)
"""Weights of neighbouring channels: errors of position and width leave most of their residual
beside the peak of a line, where fits that avoid the peak would take it for noise."""

LOG_MULTIPLES = (-7.0, 12.0, 1.0)
FINE_GRID = 11
"""Grids of the logarithm of the strength of the residual."""

FEWEST_CHANNELS = 100
"""Least number of line-free channels to measure residuals on."""

LINE_REACH_SIGMA = 4.0
"""Half-length of the filter of a line, in standard deviations."""


def with_sky_residuals(
    spectra: ApertureSpectra, line_free: BoolArray, *, line_sigma_channels: float
) -> ApertureSpectra:
    """Return spectra with the residuals of sky lines added to the variance.

    Spectra are without continuum. The residual of a channel is taken as a fraction of the sky
    (:func:`~kurvs_pipeline.spectra.sky_templates.sky_lines`) in it and its neighbours. The fraction
    is the likeliest for fits of a line of known width wherever the galaxy has none (``line_free``):
    errors of lines are what it is for. The variance never falls, and stays as it is where too few
    channels are free.
    """
    variance = spectra.variance.copy()
    for index, valid in enumerate(spectra.valid):
        free = valid & line_free
        if free.sum() < FEWEST_CHANNELS:
            continue
        power = ndimage.correlate1d(sky_lines(variance[index], valid) ** 2, REACH_OF_RESIDUALS)
        variance[index] = _with_residuals(
            spectra.flux[index], variance[index], power, free, line_sigma_channels
        )
    return replace(spectra, variance=variance)


def line_profile(line_sigma_channels: float) -> Array:
    """Return a Gaussian line of unit peak as a matched filter, odd in length."""
    reach = int(np.ceil(LINE_REACH_SIGMA * line_sigma_channels))
    return np.exp(-0.5 * (np.arange(-reach, reach + 1) / line_sigma_channels) ** 2)


def _with_residuals(
    flux: Array, variance: Array, power: Array, free: BoolArray, line_sigma_channels: float
) -> Array:
    """Return the variance of one spectrum with the likeliest multiple of a residual's power."""
    total = variance
    # The larger the residual, the less weight its channels have in the fits that tell it.
    for _ in range(ITERATIONS):
        pull, share = _line_pulls(flux, (variance, power), total, free, line_sigma_channels)
        total = variance + _likeliest_multiple(pull, share) * power
    return total


def _line_pulls(
    flux: Array,
    parts: tuple[Array, Array],
    total: Array,
    free: BoolArray,
    line_sigma_channels: float,
) -> tuple[Array, Array]:
    """Fit a line to every free channel, with the weights of a total variance.

    ``parts`` are the variance without residuals, and what a residual of unit power adds.
    Returns the flux of each line over the error that comes from the first, and the variance
    that the second adds in units of that error's, shapes (n_free,).
    """
    weight = np.divide(1.0, total, out=np.zeros_like(total), where=free & (total > 0.0))
    profile = line_profile(line_sigma_channels)

    def seen(values: Array, filter_: Array) -> Array:
        return np.asarray(ndimage.correlate1d(values, filter_, mode="constant"))

    known = seen(weight**2 * parts[0], profile**2)
    # A fit that has lost half of its line says little.
    used = free & (seen(free.astype(float), profile) > 0.5 * profile.sum()) & (known > 0.0)
    pull = seen(weight * flux, profile)[used] / np.sqrt(known[used])
    share = seen(weight**2 * parts[1], profile**2)[used] / known[used]
    return np.clip(pull, -LARGEST_PULL, LARGEST_PULL), share


def _likeliest_multiple(pull: Array, share: Array) -> float:
    """Return the m >= 0 for which pulls are likeliest if their variance is 1 + m share."""
    scale = float(np.mean(share))
    if not scale > 0.0:
        return 0.0

    def badness(multiple: Array) -> Array:
        spread = 1.0 + multiple[:, None] * (share / scale)
        return np.asarray(np.mean(np.log(spread) + pull**2 / spread, axis=1))

    coarse = np.arange(*LOG_MULTIPLES)
    best = coarse[badness(np.exp(coarse)).argmin()]
    fine = np.linspace(best - 1.0, best + 1.0, FINE_GRID)
    value = badness(np.exp(fine))
    at = int(np.clip(value.argmin(), 1, FINE_GRID - 2))
    before, here, after = value[at - 1 : at + 2]
    bend = before - 2.0 * here + after
    offset = 0.5 * (before - after) / bend if bend > 0.0 else 0.0
    multiple = float(np.exp(fine[at] + np.clip(offset, -1.0, 1.0) * (fine[1] - fine[0])))
    return multiple / scale if here < badness(np.zeros(1))[0] else 0.0
