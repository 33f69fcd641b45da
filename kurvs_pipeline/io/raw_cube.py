"""Find the one cube of fluxes of a FITS file, and the noise that belongs to it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from kurvs_pipeline.errors import CubeFormatError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RawCube:
    """A cube as its file holds it.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Of the extension; empty for an unnamed primary.
    primary, header : Header
        Of the file and of the extension.
    data : array, shape (n_channels, n_y, n_x)
        Fluxes.
    noise : array, same shape, optional
        Standard deviations.
    """

    path: Path
    name: str
    primary: fits.Header
    header: fits.Header
    data: Array
    noise: Array | None

    @property
    def where(self) -> str:
        """File and extension, for messages."""
        return f"{self.path} [{self.name or 'PRIMARY'}]"


def find_cube(hdus: fits.HDUList, path: Path, extension: str | None) -> RawCube:
    """Return the cube whose name ends in ``.DATA``, or the only one.

    Parameters
    ----------
    hdus : HDUList
        An open file.
    path : Path
        For messages.
    extension : str, optional
        Which cube of a file that holds several: a name, with or without ``.DATA``.

    Raises
    ------
    CubeFormatError
        If there is no cube, more than one, a single channel or row of spaxels, or noise
        of another shape.
    """
    images = [hdu for hdu in hdus if hdu.is_image and hdu.data is not None]
    candidates = _candidates(images, extension)
    if len(candidates) != 1:
        raise CubeFormatError(f"{path}: {_why_not_one(images, candidates, extension)}")
    hdu = candidates[0]
    _check_size(hdu.data.shape, f"{path} [{hdu.name or 'PRIMARY'}]")
    noise = _noise_hdu(images, hdu.name)
    if noise is not None and noise.data.shape != hdu.data.shape:
        raise CubeFormatError(
            f"{path} [{hdu.name or 'PRIMARY'}]: noise {noise.name} has shape {noise.data.shape}, "
            f"expected that of the data, {hdu.data.shape}: remove or replace the extension"
        )
    return RawCube(
        path=path,
        name=hdu.name,
        primary=hdus[0].header,
        header=hdu.header,
        data=np.asarray(hdu.data, dtype=float),
        noise=None if noise is None else np.asarray(noise.data, dtype=float),
    )


def _candidates(images: list[Any], extension: str | None) -> list[Any]:
    cubes = [hdu for hdu in images if hdu.data.ndim == 3 and not hdu.name.endswith(".NOISE")]
    if extension is not None:
        wanted = extension.upper().removesuffix(".DATA")
        return [hdu for hdu in cubes if hdu.name.removesuffix(".DATA") == wanted]
    return [hdu for hdu in cubes if hdu.name.endswith(".DATA")] or cubes


def _why_not_one(images: list[Any], candidates: list[Any], extension: str | None) -> str:
    found = ", ".join(
        f"{hdu.name or 'PRIMARY'} {'x'.join(map(str, np.shape(hdu.data)))}" for hdu in images
    )
    if candidates:
        return (
            f"holds {len(candidates)} cubes, expected one: choose with --extension (found {found})"
        )
    named = f" named {extension}" if extension else ""
    return (
        f"no cube with two spatial axes and one spectral axis{named} "
        f"(found {found or 'no image at all'}; expected an image with NAXIS = 3)"
    )


def _check_size(shape: tuple[int, int, int], where: str) -> None:
    n_channels, n_y, n_x = shape
    if min(shape) < 2:
        raise CubeFormatError(
            f"{where}: NAXIS1, NAXIS2, NAXIS3 are {n_x}, {n_y}, {n_channels}; expected at least "
            "2 x 2 spaxels and 2 channels: choose another cube (--extension)"
        )


def _noise_hdu(images: list[Any], name: str) -> Any | None:  # noqa: ANN401
    """Find the standard deviations that belong to a cube, if the file has any."""
    names = {name.removesuffix(".DATA") + ".NOISE"}
    if not name.endswith(".DATA"):
        names.add("NOISE")
    return next((hdu for hdu in images if hdu.name in names), None)
