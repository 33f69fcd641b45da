"""Find the one cube of fluxes of a FITS file, and the noise and flags that belong to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.fits.extensions import (
    Ifu,
    NoiseKind,
    Role,
    described,
    ifu_of,
    noise_kind_of,
    partner_of,
    role_of,
    zero_is_good,
)
from kurvs_pipeline.io.fits.kmos3d import name_by_order
from kurvs_pipeline.io.fits.options import CubeOptions


@dataclass(frozen=True, eq=False)
class RawCube:
    """A cube as its file holds it.

    Parameters
    ----------
    name : str
        Of the extension; empty for an unnamed primary.
    data : array, shape (n_channels, n_y, n_x)
        Fluxes.
    noise : array, same shape, optional
        Standard deviations.
    flagged : bool array, same shape, optional
        True where the file says that a voxel is bad.
    psf : HDU, optional
        The image of the point-spread function.
    lsf_sigma_um : array, shape (n_channels,), optional
        Of the line-spread function, as this project writes it.
    """

    path: Path
    name: str
    primary: fits.Header
    header: fits.Header
    ifu: Ifu
    data: Array
    noise: Array | None
    flagged: BoolArray | None
    psf: Any | None
    lsf_sigma_um: Array | None
    assumptions: tuple[str, ...]

    @property
    def where(self) -> str:
        """File and extension, for messages."""
        return f"{self.path} [{self.name or 'PRIMARY'}]"


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A cube that may be the one to read."""

    hdu: Any
    ifu: Ifu

    def __str__(self) -> str:
        name = self.hdu.name or "PRIMARY"
        return f"{self.ifu} in {name}" if str(self.ifu) else name

    def fits(self, options: CubeOptions) -> bool:
        """Whether it is of the extension, the arm and the target that were asked for."""
        if options.extension is not None:
            wanted = options.extension.upper().removesuffix(".DATA")
            if self.hdu.name.upper().removesuffix(".DATA") != wanted:
                return False
        if options.arm not in {None, self.ifu.arm}:
            return False
        return options.target is None or self.ifu.is_on(options.target)

    def holds_data(self) -> bool:
        """Whether anything was seen: the pipeline keeps a cube for every idle arm."""
        return bool(np.any(np.isfinite(self.hdu.data) & (self.hdu.data != 0.0)))


def find_cube(hdus: fits.HDUList, path: Path, options: CubeOptions) -> RawCube:
    """Return the one cube of fluxes, or the one that was asked for.

    CubeFormatError if there is no cube, more than one, a single channel or row of spaxels, or noise
    of another shape.
    """
    order = name_by_order(hdus)
    images = [hdu for hdu in hdus if hdu.is_image and hdu.data is not None]
    candidates = _candidates(images, hdus[0].header, options)
    if not candidates:
        raise CubeFormatError(
            f"{path}: no cube with two spatial axes and one spectral axis (found "
            f"{described(images, hdus[0].header)}; expected an image with NAXIS = 3)"
        )
    chosen = _choose(candidates, options, path)
    hdu = chosen.hdu
    where = f"{path} [{hdu.name or 'PRIMARY'}]"
    _check_size(hdu.data.shape, where)
    noise, notes = _noise(partner_of(images, hdu, Role.NOISE), hdu, options, where)
    flagged, more = _flagged(partner_of(images, hdu, Role.QUALITY), hdu, options)
    return RawCube(
        path=path,
        name=hdu.name,
        primary=hdus[0].header,
        header=hdu.header,
        ifu=chosen.ifu,
        data=np.asarray(hdu.data, dtype=float),
        noise=noise,
        flagged=flagged,
        psf=_star(images),
        lsf_sigma_um=_line_spread(images, hdu),
        assumptions=(*order, *notes, *more),
    )


def _candidates(
    images: Sequence[Any], primary: fits.Header, options: CubeOptions
) -> list[_Candidate]:
    """Return the cubes of fluxes; any cube of unknown role where none says that it is one."""
    cubes = [hdu for hdu in images if hdu.data.ndim == 3]
    if options.extension is None:
        fluxes = [hdu for hdu in cubes if role_of(hdu) is Role.FLUX]
        cubes = fluxes or [hdu for hdu in cubes if role_of(hdu) is Role.UNKNOWN]
    return [_Candidate(hdu, ifu_of(primary, hdu.header, hdu.name)) for hdu in cubes]


def _choose(candidates: Sequence[_Candidate], options: CubeOptions, path: Path) -> _Candidate:
    fitting = [candidate for candidate in candidates if candidate.fits(options)]
    if len(fitting) > 1:
        # Of several idle arms any will do: what follows says that it holds no data.
        fitting = [candidate for candidate in fitting if candidate.holds_data()] or fitting[:1]
    if len(fitting) == 1:
        return fitting[0]
    wanted = _wanted(options)
    if not fitting:
        seen = [candidate for candidate in candidates if candidate.holds_data()]
        found = ", ".join(map(str, seen)) or "none with data"
        raise CubeFormatError(f"{path}: no cube{wanted} (found {found})")
    raise CubeFormatError(
        f"{path}: holds {len(fitting)} cubes{wanted}, expected one: choose with --arm, --target "
        f"or --extension (found {', '.join(map(str, fitting))})"
    )


def _wanted(options: CubeOptions) -> str:
    stated = {"arm": options.arm, "target": options.target, "extension": options.extension}
    named = [f"{name} {value}" for name, value in stated.items() if value is not None]
    return f" of {', '.join(named)}" if named else ""


def _check_size(shape: tuple[int, int, int], where: str) -> None:
    n_channels, n_y, n_x = shape
    if min(shape) < 2:
        raise CubeFormatError(
            f"{where}: NAXIS1, NAXIS2, NAXIS3 are {n_x}, {n_y}, {n_channels}; expected at least "
            "2 x 2 spaxels and 2 channels: choose another cube (--extension)"
        )


def _noise(
    hdu: Any | None,  # noqa: ANN401 - astropy has no types
    cube: Any,  # noqa: ANN401
    options: CubeOptions,
    where: str,
) -> tuple[Array | None, tuple[str, ...]]:
    """Return standard deviations, and what was assumed of them."""
    if hdu is None:
        return None, ()
    if options.noise_kind == "none":
        return None, (f"{hdu.name} is left out, as given",)
    if hdu.data.shape != cube.data.shape:
        raise CubeFormatError(
            f"{where}: noise {hdu.name} has shape {hdu.data.shape}, expected that of the data, "
            f"{cube.data.shape}: replace the extension, or leave it out (--noise-kind none)"
        )
    kind, is_stated = noise_kind_of(hdu)
    why = "by its name (--noise-kind)"
    if options.noise_kind is not None:
        kind, is_stated, why = NoiseKind.of(options.noise_kind), False, "as given"
    note = f"{hdu.name} is taken as the {kind.label.replace('-', ' ')}, {why}"
    return kind.standard_deviation(hdu.data), () if is_stated else (note,)


def _flagged(
    hdu: Any | None,  # noqa: ANN401
    cube: Any,  # noqa: ANN401
    options: CubeOptions,
) -> tuple[BoolArray | None, tuple[str, ...]]:
    """Return which voxels are flagged, and what was assumed of it."""
    if hdu is None:
        return None, ()
    if not options.use_quality:
        return None, (f"{hdu.name} is left out, as given",)
    if hdu.data.shape != cube.data.shape or not zero_is_good(hdu):
        return None, (f"{hdu.name} is not used: its flags are not a bit mask of the cube's shape",)
    flagged = np.asarray(hdu.data != 0)
    share = f"{flagged.mean():.1%}"
    return flagged, (f"{share} of the voxels are left out, flagged in {hdu.name} by not being 0",)


def _star(images: Sequence[Any]) -> Any | None:  # noqa: ANN401
    """Return the image of a point-spread function, the first if there are several."""
    stars = (hdu for hdu in images if "PSF" in hdu.name.upper() and hdu.data.ndim == 2)
    return next(stars, None)


def _line_spread(images: Sequence[Any], cube: Any) -> Array | None:  # noqa: ANN401
    for hdu in images:
        if hdu.name.endswith(".LSF") and hdu.data.shape == cube.data.shape[:1]:
            return np.asarray(hdu.data, dtype=float)
    return None
