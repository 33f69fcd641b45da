"""What in a cube is hard to believe: empty fields, noise that is not, a unit that cannot be."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.io.voxels import Voxels
from kurvs_pipeline.observation import FLUX_DENSITY_UNIT

Array = NDArray[np.float64]

N_SPAXELS = 100
"""As many are looked at, spread over the field: medians need no more."""

SIGMA_PER_MEDIAN = 1.4826
"""Of Gaussian noise: its standard deviation over the median of its absolute values."""

NOISE_WITHIN_FACTOR = 10.0
"""Stated noise of KMOS is within 20 per cent; a variance for a deviation is far beyond this."""

SCATTER_RANGE = (1e-3, 1e4)
"""In 1e-16 erg/s/cm2/um: cubes of KMOS, of minutes to 100 hours, scatter by 0.1 to 100."""

EMPTY_FROM = 1.0 / 3.0
"""Of the spaxels of a cube that the pipeline combined, up to a quarter lie outside the field."""


def doubts_of(voxels: Voxels) -> list[str]:
    """Return what is doubtful about a cube, a line each.

    Parameters
    ----------
    voxels : Voxels
        Of a real cube.
    """
    found = (_of_the_field(voxels), _of_the_noise(voxels), _of_the_unit(voxels))
    return [doubt for doubt in found if doubt]


def _of_the_field(voxels: Voxels) -> str:
    empty = voxels.mask.all(axis=0)
    if empty.mean() < EMPTY_FROM:
        return ""
    return (
        f"{empty.sum()} of {empty.size} spaxels hold no data: the field was cut, padded or "
        "partly off the detector; apertures are measured on what is inside (state --centre where "
        "the galaxy itself is cut)"
    )


def _of_the_noise(voxels: Voxels) -> str:
    """Compare the noise with how much neighbouring channels differ."""
    flux, variance = _sample(voxels)
    with np.errstate(invalid="ignore", divide="ignore"):
        pulls = np.diff(flux, axis=0) / np.sqrt(variance[1:] + variance[:-1])
    pulls = np.abs(pulls[np.isfinite(pulls)])
    ratio = SIGMA_PER_MEDIAN * float(np.median(pulls)) if pulls.size else 1.0
    if 1.0 / NOISE_WITHIN_FACTOR <= ratio <= NOISE_WITHIN_FACTOR or ratio == 0.0:
        return ""
    return (
        f"doubtful: neighbouring channels scatter by {ratio:.2g} times the stated noise: is it a "
        "variance or a standard deviation, and in the unit of the fluxes (--noise-kind)?"
    )


def _of_the_unit(voxels: Voxels) -> str:
    """Compare calibrated fluxes with those of any cube of KMOS."""
    flux, _ = _sample(voxels)
    differences = np.abs(np.diff(flux, axis=0))
    differences = differences[np.isfinite(differences)]
    scatter = SIGMA_PER_MEDIAN / np.sqrt(2.0) * np.median(differences) if differences.size else 0.0
    low, high = SCATTER_RANGE
    if voxels.units != FLUX_DENSITY_UNIT or scatter == 0.0 or low <= scatter <= high:
        return ""
    return (
        f"doubtful: channels scatter by {scatter:.2g} x {FLUX_DENSITY_UNIT}, cubes of KMOS by 0.1 "
        "to 100: is BUNIT right (--flux-unit)?"
    )


def _sample(voxels: Voxels) -> tuple[Array, Array]:
    """Return flux and variance of some spaxels with data, shape (n_channels, n), NaN if masked."""
    seen = np.flatnonzero(~voxels.mask.all(axis=0))
    some = seen[:: max(1, seen.size // N_SPAXELS)]
    n_channels = voxels.mask.shape[0]

    def of_some(cube: NDArray[Any]) -> NDArray[Any]:
        return cube.reshape(n_channels, -1)[:, some]

    return np.where(of_some(voxels.mask), np.nan, of_some(voxels.flux)), of_some(voxels.variance)
