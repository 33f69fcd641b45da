"""Residuals of sky lines that the stated noise does not know, measured on the spectra themselves.

Subtraction leaves a few per cent of every OH line, shared by the whole field, so it does not
average down in an aperture. How much is left is measured where the galaxy has no lines, and
added to the variance of all channels in proportion to the sky that fell into them.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from kurvs_pipeline.sky_templates import sky_lines
from kurvs_pipeline.spectra import ApertureSpectra

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

LARGEST_PULL = 20.0
"""Beyond it a spectrum holds something else than a residual: it may not decide alone."""

ITERATIONS = 4

FEWEST_CHANNELS = 100
"""Free of lines, for residuals to be measured."""


def with_sky_residuals(
    spectra: ApertureSpectra, line_free: Mask, *, line_sigma_channels: float
) -> ApertureSpectra:
    """Add to the variance what subtraction left of the sky's lines.

    The residual of a channel is taken as a fraction of its sky
    (:func:`~kurvs_pipeline.sky_templates.sky_lines`). The fraction is the likeliest for fits of
    a line of known width wherever the galaxy has none: errors of lines are what it is for.

    Parameters
    ----------
    spectra : ApertureSpectra
        Co-added, without continuum.
    line_free : bool array, shape (n_channels,)
        Channels without lines of the galaxy.
    line_sigma_channels : float
        Observed width of a line.

    Returns
    -------
    ApertureSpectra
        Never with less variance than before; as it was where too few channels are free.
    """
    variance = spectra.variance.copy()
    for index, valid in enumerate(spectra.valid):
        free = valid & line_free
        if free.sum() < FEWEST_CHANNELS:
            continue
        sky = sky_lines(variance[index], valid)
        variance[index] = _with_residuals(
            spectra.flux[index], variance[index], sky, free, line_sigma_channels
        )
    return replace(spectra, variance=variance)


def _with_residuals(
    flux: Array, variance: Array, sky: Array, free: Mask, line_sigma_channels: float
) -> Array:
    """Return the variance of one spectrum with the likeliest residual."""
    total = variance
    # The larger the residual, the less weight its channels have in the fits that tell it.
    for _ in range(ITERATIONS):
        pull, share = _line_pulls(flux, (variance, sky**2), total, free, line_sigma_channels)
        total = variance + _likeliest_power(pull, share) * sky**2
    return total


def _line_pulls(
    flux: Array, parts: tuple[Array, Array], total: Array, free: Mask, line_sigma_channels: float
) -> tuple[Array, Array]:
    """Fit a line to every free channel, with the weights of a total variance.

    ``parts`` are the variance without residuals, and what a residual of unit power adds.
    Returns the flux of each line over the error that comes from the first, and the variance
    that the second adds in units of that error's, shapes (n_free,).
    """
    weight = np.divide(1.0, total, out=np.zeros_like(total), where=free & (total > 0.0))
    reach = int(np.ceil(4.0 * line_sigma_channels))
    profile = np.exp(-0.5 * (np.arange(-reach, reach + 1) / line_sigma_channels) ** 2)

    def seen(values: Array, filter_: Array) -> Array:
        return np.asarray(ndimage.correlate1d(values, filter_, mode="constant"))

    known = seen(weight**2 * parts[0], profile**2)
    # A fit that has lost half of its line says little.
    used = free & (seen(free.astype(float), profile) > 0.5 * profile.sum()) & (known > 0.0)
    pull = seen(weight * flux, profile)[used] / np.sqrt(known[used])
    share = seen(weight**2 * parts[1], profile**2)[used] / known[used]
    return np.clip(pull, -LARGEST_PULL, LARGEST_PULL), share


def _likeliest_power(pull: Array, share: Array) -> float:
    """Return the power p >= 0 for which pulls are likeliest, their variance being 1 + p share."""
    scale = float(np.mean(share))
    if not scale > 0.0:
        return 0.0

    def badness(power: float) -> float:
        spread = 1.0 + power * share / scale
        return float(np.mean(np.log(spread) + pull**2 / spread))

    found = optimize.minimize_scalar(
        lambda log_power: badness(np.exp(log_power)), bounds=(-7.0, 12.0), method="bounded"
    )
    power = float(np.exp(found.x))
    return power / scale if badness(power) < badness(0.0) else 0.0
