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

LARGEST_HELD = 1e18
"""Its square, and that of its inverse, are numbers of single precision, with room for sums."""

NOTED_FROM = 1e-3
"""Share of voxels that is worth a word."""


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

    Returns
    -------
    Voxels

    Raises
    ------
    CubeFormatError
        If no voxel holds data.
    """
    mask = _mask(raw)
    if mask.all():
        raise CubeFormatError(f"{raw.where}: {_why_nothing(raw)}")
    seen = np.where(mask, 0.0, raw.data)
    factor, units, notes = flux_scale(_unit_header(raw), seen, stated=flux_unit)
    flux = seen * factor
    _check_unit(flux, units, raw)
    noise = np.full(mask.shape, np.nan) if raw.noise is None else raw.noise * factor
    wild = ~mask & ((np.abs(flux) > LARGEST_HELD) | (noise > LARGEST_HELD))
    if wild.any():
        notes.append(f"{wild.sum()} voxels beyond {LARGEST_HELD:g} x {units} are left out")
        mask |= wild
    return Voxels(
        flux=np.where(mask, 0.0, flux),
        variance=np.where(mask, np.nan, noise) ** 2,
        mask=mask,
        units=units,
        assumptions=(*notes, *_notes_on_noise(raw)),
    )


def _check_unit(flux: Array, units: str, raw: RawCube) -> None:
    """Refuse a unit in which most squares are not held."""
    if is_own(raw.primary):
        return
    typical = float(np.median(np.abs(flux[flux != 0.0])))
    if not 1.0 / LARGEST_HELD < typical < LARGEST_HELD:
        raise CubeFormatError(
            f"{raw.where}: fluxes are about {typical:.2g} x {units} by the unit that is stated "
            f"(BUNIT = '{_unit_header(raw).get('BUNIT', '')}'), which no galaxy has; state another "
            "(--flux-unit)"
        )


def _why_nothing(raw: RawCube) -> str:
    """Say why no voxel can be used, and what to do."""
    data = raw.data
    with_flux = np.isfinite(data) & (data != 0.0)
    if raw.noise is not None and with_flux.any() and not _has_noise(raw.noise).any():
        return (
            f"no voxel holds data: of {data.size}, {with_flux.sum()} have a flux but none a finite "
            "noise > 0, which every voxel needs; if the noise extension was not filled, give "
            "--noise-kind none to have the noise estimated from the cube"
        )
    flagged = 0 if raw.flagged is None else int(raw.flagged.sum())
    return (
        f"no voxel holds data: of {data.size}, {np.isnan(data).sum()} are NaN, "
        f"{np.isinf(data).sum()} infinite, {(data == 0.0).sum()} zero, {flagged} flagged, the rest "
        "without finite noise > 0; choose another cube (--arm, --extension)"
    )


def _notes_on_noise(raw: RawCube) -> list[str]:
    if raw.noise is None:
        return ["no noise extension: the noise is estimated from the cube"]
    with_flux = np.isfinite(raw.data) & (raw.data != 0.0)
    lacking = 1.0 - np.count_nonzero(with_flux & _has_noise(raw.noise)) / with_flux.sum()
    if lacking < NOTED_FROM:
        return []
    return [f"{lacking:.1%} of the voxels with a flux have no noise > 0 and are left out"]


def _has_noise(noise: Array) -> NDArray[np.bool_]:
    return np.isfinite(noise) & (noise > 0.0)


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
        mask |= ~_has_noise(raw.noise)
    if raw.flagged is not None:
        mask |= raw.flagged
    return mask
