"""Find the one cube of fluxes of a FITS file, and the noise and flags that belong to it."""

from collections.abc import Mapping, Sequence
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
    instrument_of,
    label_of,
    noise_kind_by_name,
    noise_kind_of,
    partner_of,
    roles_of,
    zero_is_good,
)
from kurvs_pipeline.io.fits.kmos3d import name_by_order
from kurvs_pipeline.io.fits.options import CubeOptions


@dataclass(frozen=True, eq=False)
class RawCube:
    """A cube as its file holds it.

    Parameters
    ----------
    label : str
        Name of the extension, or its number.
    headers : tuple of Header
        Of the cube, and then of all others in the file, the primary first.
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
    label: str
    primary: fits.Header
    headers: tuple[fits.Header, ...]
    ifu: Ifu
    data: Array
    noise: Array | None
    flagged: BoolArray | None
    psf: Any | None
    lsf_sigma_um: Array | None
    assumptions: tuple[str, ...]

    @property
    def header(self) -> fits.Header:
        """Header of the cube itself."""
        return self.headers[0]

    @property
    def where(self) -> str:
        """File and extension, for messages."""
        return f"{self.path} [{self.label}]"


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A cube that may be the one to read, with its number in the file."""

    hdu: Any
    number: int
    ifu: Ifu

    @property
    def label(self) -> str:
        """Name of the extension, or its number."""
        return label_of(self.hdu, self.number)

    def __str__(self) -> str:
        return f"{self.ifu} in {self.label}" if str(self.ifu) else self.label

    def fits(self, options: CubeOptions) -> bool:
        """Whether it is of the extension, the arm and the target that were asked for."""
        if options.extension is not None:
            wanted = options.extension.strip().upper()
            names = {self.label.upper(), str(self.number), f"EXTENSION {self.number}"}
            if self.number == 0:
                names.add("PRIMARY")
            if wanted.removesuffix(".DATA") not in {name.removesuffix(".DATA") for name in names}:
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
    images = {number: hdu for number, hdu in enumerate(hdus)
              if hdu.is_image and hdu.data is not None}  # fmt: skip
    candidates = _candidates(images, hdus[0].header, options)
    if not candidates:
        raise CubeFormatError(
            f"{path}: no cube with two spatial axes and one spectral axis (found "
            f"{described(images, hdus[0].header)}; expected an image with NAXIS = 3)"
        )
    chosen = _choose(candidates, options, path)
    hdu, every = chosen.hdu, list(images.values())
    where = f"{path} [{chosen.label}]"
    _check_size(hdu.data.shape, where)
    headers = (hdu.header, *(other.header for other in hdus if other is not hdu))
    noise, notes = _noise(images, hdu, headers, options, where)
    flagged, more = _flagged(partner_of(every, hdu, Role.QUALITY), hdu, options, where)
    return RawCube(
        path=path,
        label=chosen.label,
        primary=hdus[0].header,
        headers=headers,
        ifu=chosen.ifu,
        data=np.asarray(hdu.data, dtype=float),
        noise=noise,
        flagged=flagged,
        psf=_star(every),
        lsf_sigma_um=_line_spread(every, hdu),
        assumptions=(*order, *notes, *more),
    )


def _candidates(
    images: Mapping[int, Any], primary: fits.Header, options: CubeOptions
) -> list[_Candidate]:
    """Return the cubes of fluxes; any cube of unknown role where none says that it is one.

    Whole numbers are flags or counts of exposures where there is any other cube.
    """
    cubes = {number: hdu for number, hdu in images.items() if hdu.data.ndim == 3}
    if options.extension is None:
        roles = roles_of(list(images.values()))
        for role in (Role.FLUX, Role.UNKNOWN):
            found = {number: hdu for number, hdu in cubes.items() if roles[id(hdu)] is role}
            real = {number: hdu for number, hdu in found.items() if hdu.data.dtype.kind == "f"}
            if found:
                break
        cubes = real or found
    return [
        _Candidate(hdu, number, ifu_of(primary, hdu.header, hdu.name))
        for number, hdu in cubes.items()
    ]


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
        f"or --extension, which takes numbers too (found {', '.join(map(str, fitting))})"
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
    images: Mapping[int, Any],
    cube: Any,  # noqa: ANN401 - astropy has no types
    headers: Sequence[fits.Header],
    options: CubeOptions,
    where: str,
) -> tuple[Array | None, tuple[str, ...]]:
    """Return standard deviations, and what was assumed of them."""
    hdu = partner_of(list(images.values()), cube, Role.NOISE)
    unused: tuple[str, ...] = ()
    if hdu is None:
        hdu, unused = _unnamed_noise(images, cube, options)
    if hdu is None:
        return None, unused
    label = next(label_of(hdu, number) for number, image in images.items() if image is hdu)
    if options.noise_kind == "none":
        return None, (f"{label} is left out, as given",)
    if hdu.data.shape != cube.data.shape:
        raise CubeFormatError(
            f"{where}: noise {label} has shape {hdu.data.shape}, expected that of the data, "
            f"{cube.data.shape}: replace the extension, or leave it out (--noise-kind none)"
        )
    kind, why = _kind(hdu, headers, options)
    note = f"{label} is taken as the {kind.label.replace('-', ' ')}, {why}"
    return kind.standard_deviation(hdu.data), (note,) if why else ()


def _kind(
    hdu: Any,  # noqa: ANN401
    headers: Sequence[fits.Header],
    options: CubeOptions,
) -> tuple[NoiseKind, str]:
    """Return how noise is stated, and why that is assumed; nothing where the file says so."""
    if options.noise_kind is not None:
        return NoiseKind.of(options.noise_kind), "as given"
    by_class = noise_kind_of(hdu)
    if by_class is not None:
        return by_class, ""
    # The pipeline of KMOS defines what its NOISE is; other names are a convention.
    is_kmos = hdu.name.upper().endswith("NOISE") and instrument_of(headers) == "KMOS"
    return noise_kind_by_name(hdu), "" if is_kmos else "by its name (--noise-kind)"


def _unnamed_noise(
    images: Mapping[int, Any],
    cube: Any,  # noqa: ANN401
    options: CubeOptions,
) -> tuple[Any | None, tuple[str, ...]]:
    """Return what is noise if a user says how it is stated; otherwise name what could be noise."""
    roles = roles_of(list(images.values()))
    found = {
        label_of(hdu, number): hdu
        for number, hdu in images.items()
        if hdu is not cube and roles[id(hdu)] is not Role.QUALITY and _could_be_noise(hdu, cube)
    }
    if options.noise_kind in {None, "none"}:
        return None, tuple(
            f"doubtful: {label}, of the cube's shape, is not used; if it is the noise, say how it "
            "is stated (--noise-kind)"
            for label in found
        )
    if len(found) == 1:
        return next(iter(found.values())), ()
    raise CubeFormatError(
        f"--noise-kind is '{options.noise_kind}', and {len(found)} extensions could hold that "
        f"noise ({', '.join(found) or described(images, fits.Header())}); expected one, of the "
        "cube's shape, without negative values: name it NOISE, or leave the option out"
    )


NEGATIVE_SHARE = 1e-3
"""Of the voxels with data, in noise with some bad values; cubes of fluxes are far beyond."""


def _could_be_noise(hdu: Any, cube: Any) -> bool:  # noqa: ANN401
    if hdu.data.shape != cube.data.shape or hdu.data.dtype.kind != "f":
        return False
    known = hdu.data[np.isfinite(hdu.data) & (hdu.data != 0.0)]
    return bool(known.size and np.mean(known < 0.0) < NEGATIVE_SHARE)


GOOD_SHARE = 0.2
"""Of the voxels with data; with fewer of them unflagged, the flags mean something else."""


def _flagged(
    hdu: Any | None,  # noqa: ANN401
    cube: Any,  # noqa: ANN401
    options: CubeOptions,
    where: str,
) -> tuple[BoolArray | None, tuple[str, ...]]:
    """Return which voxels are flagged, and what was assumed of it."""
    if hdu is None:
        return None, ()
    if not options.use_quality:
        return None, (f"{hdu.name} is left out, as given",)
    if hdu.data.shape != cube.data.shape or not zero_is_good(hdu):
        return None, (f"{hdu.name} is not used: its flags are not a bit mask of the cube's shape",)
    flagged = np.asarray(hdu.data != 0)
    with_data = np.isfinite(cube.data) & (cube.data != 0.0)
    of_data = flagged[with_data].mean() if with_data.any() else 0.0
    advice = "if 1 means good there, or a harmless bit is set, give --ignore-quality"
    if of_data > 1.0 - GOOD_SHARE:
        raise CubeFormatError(
            f"{where}: {hdu.name} flags {of_data:.1%} of the voxels with data, by not being 0; "
            f"expected 0 where a voxel is good: {advice}"
        )
    if not flagged.any():
        return None, ()
    share = f"{flagged.mean():.1%} of the voxels are left out, flagged in {hdu.name} by not being 0"
    return flagged, (f"doubtful: {share}: {advice}" if of_data > 0.5 else share,)


def _star(images: Sequence[Any]) -> Any | None:  # noqa: ANN401
    """Return the image of a point-spread function, the first if there are several."""
    stars = (hdu for hdu in images if "PSF" in hdu.name.upper() and hdu.data.ndim == 2)
    return next(stars, None)


def _line_spread(images: Sequence[Any], cube: Any) -> Array | None:  # noqa: ANN401
    for hdu in images:
        if hdu.name.split(".")[-1] == "LSF" and hdu.data.shape == cube.data.shape[:1]:
            return np.asarray(hdu.data, dtype=float)
    return None
