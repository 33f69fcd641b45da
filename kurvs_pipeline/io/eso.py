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

from kurvs_pipeline.bands import Band, band_of
from kurvs_pipeline.errors import CubeFormatError, MetadataError
from kurvs_pipeline.io.band_cube import BandCube
from kurvs_pipeline.io.files import open_fits
from kurvs_pipeline.io.keywords import centre_pixel_of, from_header
from kurvs_pipeline.io.raw_cube import RawCube, find_cube
from kurvs_pipeline.io.same_field import check_same_field
from kurvs_pipeline.io.sky_frame import SPATIAL_KEYWORDS, SkyFrame
from kurvs_pipeline.io.voxels import Voxels, voxels_of
from kurvs_pipeline.io.wavelength import SPECTRAL_KEYWORDS, wavelength_axis
from kurvs_pipeline.observation import ObservationMetadata, band_dataset, make_observation

Array = NDArray[np.float64]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Centre:
    """The 0-based pixel that coordinates count from, and whether it is the galaxy's."""

    pixel: tuple[float, float]
    is_target: bool
    assumptions: tuple[str, ...]


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
        Override the header, whose wavelengths are wrong in some cut-outs; both together state
        the axis whatever the header says.
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
    MetadataError
        If an override is impossible.
    """
    with open_fits(path) as hdus:
        raw = find_cube(hdus, path, extension)
    wavelength, notes = wavelength_axis(
        raw.header, raw.data.shape[0], raw.where,
        start_um=wavelength_start_um, step_um=wavelength_step_um,
    )  # fmt: skip
    band = _band(wavelength, raw.where)
    voxels = voxels_of(raw)
    frame = SkyFrame.from_header(raw.header, raw.where)
    centre = _centre(raw, centre_pixel)
    assumptions = (*notes, *voxels.assumptions, *centre.assumptions)
    return BandCube(
        band_name=band.name,
        dataset=_dataset(raw, voxels, wavelength, band, frame, centre.pixel),
        header_metadata=_metadata(raw),
        frame=frame,
        assumptions=tuple(_logged(f"{path.name}: {note}") for note in assumptions),
        has_target_position=centre.is_target,
    )


def _band(wavelength_um: Array, where: str) -> Band:
    try:
        return band_of(wavelength_um)
    except CubeFormatError as error:
        raise CubeFormatError(
            f"{where}: {error}; if the header is wrong give --wavelength-start and "
            "--wavelength-step"
        ) from None


def _dataset(
    raw: RawCube, voxels: Voxels, wavelength_um: Array, band: Band, frame: SkyFrame,
    centre_pixel: tuple[float, float],
) -> xr.Dataset:  # fmt: skip
    n_y, n_x = raw.data.shape[1:]
    x, y = frame.coordinates((n_y, n_x), centre_pixel)
    dataset = band_dataset(
        flux=voxels.flux,
        variance=voxels.variance,
        mask=voxels.mask,
        wavelength_um=wavelength_um,
        x_arcsec=x,
        y_arcsec=y,
        lsf_sigma_um=np.full(wavelength_um.size, band.lsf_sigma_um),
        units=voxels.units,
        wcs_header=_wcs_cards(raw.header),
    )
    dataset.attrs["frame_rotation_deg"] = frame.rotation_deg
    return dataset


def _wcs_cards(header: fits.Header) -> str:
    """Keep the world coordinates: what a written cube needs to open elsewhere."""
    wanted = {*SPATIAL_KEYWORDS, *SPECTRAL_KEYWORDS}
    kept = fits.Header([card for card in header.cards if card.keyword in wanted])
    return str(kept.tostring(sep="\n", endcard=False, padding=False))


def _centre(raw: RawCube, given: tuple[float, float] | None) -> _Centre:
    n_y, n_x = raw.data.shape[1:]
    if given is not None:
        if not (0.0 <= given[0] < n_x and 0.0 <= given[1] < n_y):
            raise MetadataError(
                f"centre pixel {given} is outside the field of {n_x} x {n_y} "
                "spaxels (x, y, counted from 0)"
            )
        return _Centre(given, is_target=True, assumptions=("centre as given",))
    stated = from_header(raw.primary).get("target_position") == "stated"
    pixel = centre_pixel_of(raw.primary) or ((n_x - 1) / 2.0, (n_y - 1) / 2.0)
    note = "target position not stated: the centroid of H-alpha is taken"
    return _Centre(pixel, is_target=stated, assumptions=() if stated else (note,))


def _metadata(raw: RawCube) -> dict[str, Any]:
    """Return what the headers know of the galaxy; our own keywords win."""
    names = {"origin": raw.path.name, "name": raw.path.stem}
    return {**names, **_foreign(raw.primary, raw.header, raw.name), **from_header(raw.primary)}


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
        if isinstance(header.get(keyword), int | float):
            found[field] = float(header[keyword])
    return found


def _logged(assumption: str) -> str:
    logger.info(assumption)
    return assumption


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
    if len({*map(Path, paths)}) < len(paths):
        raise CubeFormatError(
            f"a file is given twice ({', '.join(map(str, paths))}); expected one file a band"
        )
    cubes = {
        Path(path): read_cube(
            Path(path), wavelength_start_um=wavelength_start_um,
            wavelength_step_um=wavelength_step_um, centre_pixel=centre_pixel, extension=extension,
        )
        for path in paths
    }  # fmt: skip
    check_same_field(cubes)
    bands = list(cubes.values())
    tree = make_observation(
        {cube.band_name: cube.dataset for cube in bands}, _joint_metadata(bands, overrides or {})
    )
    tree.attrs["assumptions"] = "\n".join(note for cube in bands for note in cube.assumptions)
    return tree


def _joint_metadata(bands: Sequence[BandCube], overrides: Mapping[str, Any]) -> ObservationMetadata:
    """Return what the first band's headers state, unless overridden, in the frame of the cubes."""
    first = bands[0]
    known = {field.name for field in fields(ObservationMetadata)}
    stated = {key: value for key, value in first.header_metadata.items() if key in known}
    given = {key: value for key, value in overrides.items() if value is not None}
    metadata = ObservationMetadata(**{**stated, **given})
    located = all(cube.has_target_position for cube in bands)
    return replace(
        metadata,
        position_angle_deg=(metadata.position_angle_deg - first.frame.rotation_deg) % 360.0,
        target_position="stated" if located else "unknown",
    )
