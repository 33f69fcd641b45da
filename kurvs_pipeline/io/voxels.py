"""Fluxes, variances and mask of a cube: what was seen, and what is only there to fill it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.flux_units import flux_scale
from kurvs_pipeline.io.keywords import is_own
from kurvs_pipeline.io.raw_cube import RawCube

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Voxels:
    """What a cube holds, brought to order one.

    Parameters
    ----------
    flux, variance : array, shape (n_channels, n_y, n_x)
        0 and NaN where masked; all variances are NaN where the file has no noise.
    mask : bool array, same shape
        True where a voxel holds no data.
    units : str
        Of the flux, as astropy parses it.
    assumptions : tuple of str
        What the file left open.
    """

    flux: Array
    variance: Array
    mask: NDArray[np.bool_]
    units: str
    assumptions: tuple[str, ...]


def voxels_of(raw: RawCube) -> Voxels:
    """Set invalid voxels aside, and scale the others.

    Parameters
    ----------
    raw : RawCube
        As found in a file.

    Raises
    ------
    CubeFormatError
        If no voxel holds data.
    """
    mask = _mask(raw)
    if mask.all():
        raise CubeFormatError(
            f"{raw.where}: no voxel holds data: of {mask.size}, {np.isnan(raw.data).sum()} are "
            f"NaN, {np.isinf(raw.data).sum()} infinite, {(raw.data == 0.0).sum()} zero, the rest "
            "without finite noise > 0; choose another cube (--extension)"
        )
    factor, units, notes = flux_scale(raw.header, np.where(mask, 0.0, raw.data))
    if raw.noise is None:
        notes.append("no noise extension: the noise is estimated from the cube")
    noise = np.full(mask.shape, np.nan) if raw.noise is None else raw.noise
    return Voxels(
        flux=np.where(mask, 0.0, raw.data) * factor,
        variance=(np.where(mask, np.nan, noise) * factor) ** 2,
        mask=mask,
        units=units,
        assumptions=tuple(notes),
    )


def _mask(raw: RawCube) -> NDArray[np.bool_]:
    """Return where a voxel holds no data: what is not finite, zero, or without noise > 0."""
    mask = ~np.isfinite(raw.data)
    zero = raw.data == 0.0
    # Where this project wrote a cube, what was not seen is NaN, and a noise-free mock has zeros
    # between its lines; but a spaxel of nothing but zeros was not seen.
    mask |= (zero | mask).all(axis=0) if is_own(raw.primary) else zero
    if raw.noise is not None:
        mask |= ~(np.isfinite(raw.noise) & (raw.noise > 0.0))
    return mask
