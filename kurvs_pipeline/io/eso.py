"""Read cubes in the layout of the ESO KMOS pipeline, by what is in them.

Extensions are found by the end of their names (``.DATA``, ``.NOISE``) in any order, or as
the only cube of the file; the band from the wavelengths. Nothing is taken from a file's
name. Where a file leaves something open, what was assumed is recorded.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from astropy.io import fits
from numpy.typing import NDArray

from kurvs_pipeline.bands import band_of
from kurvs_pipeline.errors import CubeFormatError, MetadataError
from kurvs_pipeline.io.files import open_fits
from kurvs_pipeline.io.flux_units import flux_scale
from kurvs_pipeline.io.keywords import from_header, is_own
from kurvs_pipeline.io.sky_frame import SPATIAL_KEYWORDS, SkyFrame
from kurvs_pipeline.io.wavelength import SPECTRAL_KEYWORDS, wavelength_axis
from kurvs_pipeline.observation import ObservationMetadata, band_dataset, make_observation

Array = NDArray[np.float64]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BandCube:
    """One band as read from a file.

    Parameters
    ----------
    band_name : str
        ``IZ``, ``YJ`` or ``H``, from the wavelengths.
    dataset : Dataset
        As :func:`kurvs_pipeline.observation.band_dataset` makes it; invalid voxels are masked,
        with flux 0 and variance NaN.
    header_metadata : dict
        Fields of ObservationMetadata that the headers give.
    frame : SkyFrame
        Spaxel sizes and rotation.
    assumptions : tuple of str
        What the file left open, and what was taken for it.
    has_target_position : bool
        Whether x and y count from the galaxy; otherwise from the middle of the field.
    """

    band_name: str
    dataset: xr.Dataset
    header_metadata: dict[str, Any]
    frame: SkyFrame
    assumptions: tuple[str, ...]
    has_target_position: bool


def read_cube(
    path: Path,
    *,
    wavelength_start_um: float | None = None,
    wavelength_step_um: float | None = None,
    centre_pixel: tuple[float, float] | None = None,
    extension: str | None = None,
) -> BandCube:
    """Read one band from one file.

    Parameters
    ----------
    path : Path
        A FITS file.
    wavelength_start_um, wavelength_step_um : float, optional
        Override the header, whose wavelengths are wrong in some cut-outs.
    centre_pixel : (float, float), optional
        The galaxy's 0-based pixel (x, y).
    extension : str, optional
        Which cube of a file that holds several: a name, with or without ``.DATA``.

    Returns
    -------
    BandCube

    Raises
    ------
    CubeFormatError
        If there is no cube, more than one, or one that cannot be understood.
    """
    with open_fits(path) as hdus:
        primary = hdus[0].header
        data_hdu = _data_hdu(hdus, path, extension)
        header = data_hdu.header
        where = f"{path} [{data_hdu.name or 'PRIMARY'}]"
        data = np.asarray(data_hdu.data, dtype=float)
        noise = _noise(hdus, data_hdu, where)
    wavelength, notes = wavelength_axis(
        header, data.shape[0], where, start_um=wavelength_start_um, step_um=wavelength_step_um
    )
    flux, variance, mask, units, flux_notes = _voxels(header, data, noise, where,
                                                      zero_is_data=is_own(primary))  # fmt: skip
    frame = SkyFrame.from_header(header, where)
    centre, stated, centre_notes = _centre(primary, header, data.shape[1:], centre_pixel)
    x, y = frame.coordinates(data.shape[1:], centre)
    band = band_of(wavelength)
    assumptions = tuple(f"{path.name}: {note}" for note in (*notes, *flux_notes, *centre_notes))
    for assumption in assumptions:
        logger.info(assumption)
    dataset = band_dataset(
        flux=flux, variance=variance, mask=mask, wavelength_um=wavelength, x_arcsec=x, y_arcsec=y,
        lsf_sigma_um=np.full(wavelength.size, band.lsf_sigma_um), units=units,
        wcs_header=_wcs_cards(header),
    )  # fmt: skip
    dataset.attrs["frame_rotation_deg"] = frame.rotation_deg
    metadata = {"origin": path.name, "name": path.stem, **_foreign(primary, header, data_hdu.name)}
    return BandCube(
        band.name, dataset, {**metadata, **from_header(primary)}, frame, assumptions, stated
    )


def _data_hdu(hdus: fits.HDUList, path: Path, extension: str | None) -> Any:  # noqa: ANN401
    """Find the one cube of fluxes."""
    images = [hdu for hdu in hdus if hdu.is_image and hdu.data is not None]
    cubes = [hdu for hdu in images if hdu.data.ndim == 3 and not hdu.name.endswith(".NOISE")]
    named = [hdu for hdu in cubes if hdu.name.endswith(".DATA")]
    candidates = named or cubes
    if extension is not None:
        wanted = extension.upper().removesuffix(".DATA")
        candidates = [hdu for hdu in cubes if hdu.name.removesuffix(".DATA") == wanted]
    if len(candidates) == 1:
        return candidates[0]
    found = ", ".join(
        f"{hdu.name or 'PRIMARY'} {'x'.join(map(str, np.shape(hdu.data)))}" for hdu in images
    )
    if candidates:
        raise CubeFormatError(
            f"{path}: holds {len(candidates)} cubes, expected one: choose with --extension "
            f"(found {found})"
        )
    raise CubeFormatError(
        f"{path}: no cube with two spatial axes and one spectral axis"
        + (f" named {extension}" if extension else "")
        + f" (found {found or 'no image at all'})"
    )


def _noise(hdus: fits.HDUList, data_hdu: Any, where: str) -> Array | None:  # noqa: ANN401
    """Find the standard deviations that belong to a cube, if the file has any."""
    names = {data_hdu.name.removesuffix(".DATA") + ".NOISE"}
    if not data_hdu.name.endswith(".DATA"):
        names.add("NOISE")
    for hdu in hdus:
        if hdu.is_image and hdu.name in names and hdu.data is not None:
            if hdu.data.shape != data_hdu.data.shape:
                raise CubeFormatError(
                    f"{where}: noise {hdu.name} has shape {hdu.data.shape}, expected that of the "
                    f"data, {data_hdu.data.shape}"
                )
            return np.asarray(hdu.data, dtype=float)
    return None


def _voxels(
    header: fits.Header, data: Array, noise: Array | None, where: str, *, zero_is_data: bool
) -> tuple[Array, Array, NDArray[np.bool_], str, list[str]]:
    """Return flux, variance, mask and unit, with invalid voxels set aside."""
    mask = ~np.isfinite(data)
    # A noise-free mock has zeros between its lines; a spaxel of nothing but zeros was not seen.
    zero = data == 0.0
    mask |= (zero | mask).all(axis=0) if zero_is_data else zero
    if noise is not None:
        with np.errstate(invalid="ignore"):
            mask |= ~(np.isfinite(noise) & (noise > 0.0))
    if mask.all():
        raise CubeFormatError(f"{where}: no voxel holds data (all are NaN, zero or without noise)")
    factor, units, notes = flux_scale(header, np.where(mask, 0.0, data))
    if noise is None:
        notes.append("no noise extension: the noise is estimated from the cube")
        noise = np.full(data.shape, np.nan)
    flux = np.where(mask, 0.0, data * factor)
    variance = np.where(mask, np.nan, (noise * factor) ** 2)
    return flux, variance, mask, units, notes


def _centre(
    primary: fits.Header,
    header: fits.Header,
    shape: tuple[int, int],
    centre_pixel: tuple[float, float] | None,
) -> tuple[tuple[float, float], bool, list[str]]:
    """Return the 0-based pixel that coordinates count from, and whether it is the galaxy's."""
    if centre_pixel is not None:
        inside = 0.0 <= centre_pixel[0] < shape[1] and 0.0 <= centre_pixel[1] < shape[0]
        if not inside:
            raise MetadataError(
                f"centre pixel {centre_pixel} is outside the field of {shape[1]} x {shape[0]} "
                "spaxels (x, y, counted from 0)"
            )
        return centre_pixel, True, ["centre as given"]
    if is_own(primary):
        return (header["CRPIX1"] - 1.0, header["CRPIX2"] - 1.0), True, []
    note = "target position not stated: the centroid of H-alpha is taken"
    return ((shape[1] - 1) / 2.0, (shape[0] - 1) / 2.0), False, [note]


def _foreign(primary: fits.Header, header: fits.Header, extension: str) -> dict[str, Any]:
    """Take the target's name, and the pointing, from an ESO header."""
    found: dict[str, Any] = {}
    arms = re.findall(r"\d+", extension)
    for source in (header, primary):
        for key in source:
            arm = re.fullmatch(r"ESO OCS ARM(\d+) NAME", key)
            # A primary header names the targets of all arms.
            if arm and (source is header or arm[1] in arms):
                found.setdefault("name", str(source[key]))
    for field, keyword in (("ra_deg", "CRVAL1"), ("dec_deg", "CRVAL2")):
        if isinstance(header.get(keyword), float):
            found[field] = float(header[keyword])
    return found


def _wcs_cards(header: fits.Header) -> str:
    """Keep the world coordinates: what a written cube needs to open elsewhere."""
    kept = fits.Header(
        [card for card in header.cards if card.keyword in (*SPATIAL_KEYWORDS, *SPECTRAL_KEYWORDS)]
    )
    return str(kept.tostring(sep="\n", endcard=False, padding=False))


def read_observation(
    paths: Sequence[Path | str],
    *,
    overrides: Mapping[str, Any] | None = None,
    wavelength_start_um: float | None = None,
    wavelength_step_um: float | None = None,
    centre_pixel: tuple[float, float] | None = None,
    extension: str | None = None,
) -> xr.DataTree:
    """Read one to three band cubes of a galaxy as one Observation.

    Parameters
    ----------
    paths : sequence of path
        One file a band.
    overrides : mapping, optional
        Fields of ObservationMetadata that win over the headers. A position angle is on the
        sky.
    wavelength_start_um, wavelength_step_um, centre_pixel, extension
        As in :func:`read_cube`.

    Returns
    -------
    DataTree
        An Observation. Its ``position_angle_deg`` counts from the cube's y axis, which is not
        North where the field was rotated. ``assumptions`` among the root attributes has a
        line for everything that the files left open.

    Raises
    ------
    CubeFormatError
        If a file cannot be understood, or two do not belong together.
    MetadataError
        If a value is impossible.
    """
    cubes = {
        Path(path): read_cube(
            Path(path), wavelength_start_um=wavelength_start_um,
            wavelength_step_um=wavelength_step_um, centre_pixel=centre_pixel, extension=extension,
        )
        for path in paths
    }  # fmt: skip
    _check_together(cubes)
    first = next(iter(cubes.values()))
    known = {field.name for field in fields(ObservationMetadata)}
    stated = {k: v for k, v in first.header_metadata.items() if k in known}
    given = {k: v for k, v in (overrides or {}).items() if v is not None}
    metadata = ObservationMetadata(**{**stated, **given})
    angle = (metadata.position_angle_deg - first.frame.rotation_deg) % 360.0
    located = all(cube.has_target_position for cube in cubes.values())
    metadata = replace(
        metadata,
        position_angle_deg=angle,
        target_position="stated" if located else "unknown",
    )
    tree = make_observation({c.band_name: c.dataset for c in cubes.values()}, metadata)
    tree.attrs["assumptions"] = "\n".join(
        note for cube in cubes.values() for note in cube.assumptions
    )
    return tree


def _check_together(cubes: Mapping[Path, BandCube]) -> None:
    """Refuse cubes of the same band, or of different fields."""
    if not cubes:
        raise CubeFormatError("no cube given; expected one to three files")
    first_path, first = next(iter(cubes.items()))
    seen: dict[str, Path] = {}
    for path, cube in cubes.items():
        if cube.band_name in seen:
            raise CubeFormatError(
                f"{seen[cube.band_name]} and {path} are both of band {cube.band_name}; "
                "expected one file a band"
            )
        seen[cube.band_name] = path
        shape, expected = cube.dataset["flux"].shape[1:], first.dataset["flux"].shape[1:]
        if shape != expected or not np.isclose(
            cube.frame.spaxel_x_arcsec, first.frame.spaxel_x_arcsec
        ):
            raise CubeFormatError(
                f"{first_path} has {expected[1]} x {expected[0]} spaxels of "
                f"{first.frame.spaxel_x_arcsec:.3g} arcsec but {path} has {shape[1]} x {shape[0]} "
                f"of {cube.frame.spaxel_x_arcsec:.3g}: the bands must share one field"
            )
