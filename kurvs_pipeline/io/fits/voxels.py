"""Fluxes, variances and mask of a cube: what was seen, and what is only there to fill it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.io.fits import Header
from numpy.typing import NDArray

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.fits.flux_units import flux_scale
from kurvs_pipeline.io.fits.keywords import is_own
from kurvs_pipeline.io.fits.raw_cube import RawCube
from kurvs_pipeline.observation import FLUX_DENSITY_UNIT
from kurvs_pipeline.robust import MAD_TO_SIGMA

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
    """

    flux: Array
    variance: Array
    mask: BoolArray
    units: str
    assumptions: tuple[str, ...]


def voxels_of(raw: RawCube, *, flux_unit: str | None = None) -> Voxels:
    """Set invalid voxels aside, and scale the others; CubeFormatError if none holds data.

    ``flux_unit`` takes the place of BUNIT.
    """
    mask = _mask(raw)
    if mask.all():
        raise CubeFormatError(f"{raw.where}: {_why_nothing(raw)}")
    seen = np.where(mask, 0.0, raw.data)
    factor, units, notes = flux_scale(_unit_header(raw), seen, stated=flux_unit)
    flux = seen * factor
    _check_unit(flux, units, raw, flux_unit)
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


def _check_unit(flux: Array, units: str, raw: RawCube, stated: str | None) -> None:
    """Refuse a unit in which most squares are not held."""
    if is_own(raw.primary):
        return
    typical = float(np.median(np.abs(flux[flux != 0.0])))
    if not 1.0 / LARGEST_HELD < typical < LARGEST_HELD:
        source = f"BUNIT = '{_unit_header(raw).get('BUNIT', '')}'"
        if stated is not None:
            source = f"--flux-unit '{stated}'"
        raise CubeFormatError(
            f"{raw.where}: fluxes are about {typical:.2g} x {units} by the unit that is stated "
            f"({source}), which no galaxy has; state another (--flux-unit)"
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


def _has_noise(noise: Array) -> BoolArray:
    return np.isfinite(noise) & (noise > 0.0)


def _unit_header(raw: RawCube) -> Header:
    """Return the header that BUNIT is in: a file may state it once for all extensions."""
    return raw.primary if "BUNIT" not in raw.header else raw.header


def _mask(raw: RawCube) -> BoolArray:
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


N_SPAXELS = 100
"""As many are looked at, spread over the field: medians need no more."""

NOISE_WITHIN_FACTOR = 10.0
"""Stated noise of KMOS is within 20 per cent; a variance for a deviation is far beyond this."""

SCATTER_RANGE = (1e-3, 1e4)
"""In 1e-16 erg/s/cm2/um: cubes of KMOS, of minutes to 100 hours, scatter by 0.1 to 100."""

EMPTY_FROM = 1.0 / 3.0
"""Of the spaxels of a cube that the pipeline combined, up to a quarter lie outside the field."""


def doubts_of(voxels: Voxels) -> list[str]:
    """Return what is doubtful about a cube, a line each."""
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
    ratio = MAD_TO_SIGMA * float(np.median(pulls)) if pulls.size else 1.0
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
    scatter = MAD_TO_SIGMA / np.sqrt(2.0) * np.median(differences) if differences.size else 0.0
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
