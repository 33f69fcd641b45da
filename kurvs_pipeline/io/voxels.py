"""Fluxes, variances and mask of a cube: what was seen, and what is only there to fill it."""

from dataclasses import dataclass

import numpy as np
from astropy.io.fits import Header
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


def voxels_of(raw: RawCube, *, flux_unit: str | None = None) -> Voxels:
    """Set invalid voxels aside, and scale the others.

    Parameters
    ----------
    raw : RawCube
        As found in a file.
    flux_unit : str, optional
        In place of BUNIT.

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
    seen = np.where(mask, 0.0, raw.data)
    factor, units, notes = flux_scale(_unit_header(raw), seen, stated=flux_unit)
    if raw.noise is None:
        notes.append("no noise extension: the noise is estimated from the cube")
    noise = np.full(mask.shape, np.nan) if raw.noise is None else raw.noise
    return Voxels(
        flux=seen * factor,
        variance=(np.where(mask, np.nan, noise) * factor) ** 2,
        mask=mask,
        units=units,
        assumptions=tuple(notes),
    )


def _unit_header(raw: RawCube) -> Header:
    """Return the header that BUNIT is in: a file may state it once for all extensions."""
    return raw.primary if "BUNIT" not in raw.header else raw.header


def _mask(raw: RawCube) -> NDArray[np.bool_]:
    """Return where a voxel holds no data: not finite, zero, flagged, or without noise > 0."""
    mask = ~np.isfinite(raw.data)
    zero = raw.data == 0.0
    # Where this project wrote a cube, what was not seen is NaN, and a noise-free mock has zeros
    # between its lines; but a spaxel of nothing but zeros was not seen.
    mask |= (zero | mask).all(axis=0) if is_own(raw.primary) else zero
    if raw.noise is not None:
        mask |= ~(np.isfinite(raw.noise) & (raw.noise > 0.0))
    if raw.flagged is not None:
        mask |= raw.flagged
    return mask
