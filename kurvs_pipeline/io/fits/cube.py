"""One band of a galaxy as read from a file, whatever the layout of the file."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import xarray as xr
from astropy.io import fits

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import Band, band_of
from kurvs_pipeline.errors import CubeFormatError, MetadataError
from kurvs_pipeline.io.files import open_fits
from kurvs_pipeline.io.fits.extensions import first_stated
from kurvs_pipeline.io.fits.keywords import centre_pixel_of, from_header, is_own
from kurvs_pipeline.io.fits.options import CubeOptions
from kurvs_pipeline.io.fits.raw_cube import RawCube, find_cube
from kurvs_pipeline.io.fits.resolution import lsf_sigma_um, seeing_of
from kurvs_pipeline.io.fits.sky_frame import SPATIAL_KEYWORDS, SkyFrame, with_spaxel_size
from kurvs_pipeline.io.fits.voxels import Voxels, doubts_of, voxels_of
from kurvs_pipeline.io.fits.wavelength import SPECTRAL_KEYWORDS, wavelength_axis
from kurvs_pipeline.observation import band_dataset


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
    target : str
        As the headers name it; empty where they do not.
    """

    band_name: str
    dataset: xr.Dataset
    header_metadata: dict[str, Any]
    frame: SkyFrame
    assumptions: tuple[str, ...]
    has_target_position: bool
    target: str = ""


DEFAULTS = CubeOptions()

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Centre:
    """The 0-based pixel that coordinates count from, and whether it is the galaxy's."""

    pixel: tuple[float, float]
    is_target: bool
    assumptions: tuple[str, ...]


def read_cube(path: str | Path, options: CubeOptions = DEFAULTS) -> BandCube:
    """Read one band from one file.

    Parameters
    ----------
    path : str or Path
        A FITS file.
    options : CubeOptions
        Which cube of the file, and what wins over its headers.

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
    path = Path(path)
    with open_fits(path, verify_checksum=options.verify_checksum) as hdus:
        raw = find_cube(hdus, path, options)
    if options.spaxel_arcsec is not None:
        header = with_spaxel_size(raw.header, options.spaxel_arcsec, raw.where)
        note = f"spaxels are {options.spaxel_arcsec:g} arcsec as given, not as in the header"
        raw = replace(raw, headers=(header, *raw.headers[1:]), assumptions=(*raw.assumptions, note))
    wavelength, notes = wavelength_axis(
        raw.header, raw.data.shape[0], raw.where,
        start_um=options.wavelength_start_um, step_um=options.wavelength_step_um,
        medium=options.medium, elsewhere=raw.headers[1:],
    )  # fmt: skip
    band = _band(wavelength, raw.where)
    voxels = voxels_of(raw, flux_unit=options.flux_unit)
    frame = SkyFrame.from_header(raw.header, raw.where)
    centre = _centre(raw, options.centre_pixel)
    lsf, lsf_notes = lsf_sigma_um(raw, wavelength, band)
    metadata, metadata_notes = _metadata(raw, frame)
    # What this project wrote is what it says, a mock without noise too.
    doubts = [] if is_own(raw.primary) else [*_motion(raw), *doubts_of(voxels)]
    assumptions = (*raw.assumptions, *notes, *lsf_notes, *voxels.assumptions, *centre.assumptions,
                   *metadata_notes, *doubts)  # fmt: skip
    return BandCube(
        band_name=band.name,
        dataset=_dataset(raw, voxels, wavelength, lsf, frame, centre.pixel),
        header_metadata=metadata,
        frame=frame,
        assumptions=tuple(_logged(f"{path.name}: {note}") for note in assumptions),
        has_target_position=centre.is_target,
        target=raw.ifu.target,
    )


def _band(wavelength_um: Array, where: str) -> Band:
    try:
        return band_of(wavelength_um)
    except CubeFormatError as error:
        raise CubeFormatError(
            f"{where}: {error}; if the header is wrong give --wavelength-start and "
            "--wavelength-step"
        ) from None


def _motion(raw: RawCube) -> list[str]:
    """Say that the motion of the Earth, of up to 30 km/s, is not taken out, unless it was."""
    frame = str(first_stated(raw.headers, "SPECSYS") or "").strip().upper()
    if frame.startswith(("BARY", "HELIO")):
        return []
    return [f"no barycentric correction is applied (SPECSYS is {frame or 'absent'})"]


def _dataset(
    raw: RawCube, voxels: Voxels, wavelength_um: Array, lsf_um: Array, frame: SkyFrame,
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
        lsf_sigma_um=lsf_um,
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
    stated = from_header(raw.primary, str(raw.path)).get("target_position") == "stated"
    pixel = centre_pixel_of(raw.primary) or ((n_x - 1) / 2.0, (n_y - 1) / 2.0)
    note = "target position not stated: the galaxy is looked for in the cube"
    return _Centre(pixel, is_target=stated, assumptions=() if stated else (note,))


def _metadata(raw: RawCube, frame: SkyFrame) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what the headers know of the galaxy, and what was assumed; our own keywords win."""
    seeing, notes = seeing_of(raw, frame.spaxel_x_arcsec)
    named = {"origin": raw.path.name, "name": raw.ifu.target or raw.path.stem}
    return {
        **named,
        **_pointing(raw.header),
        **seeing,
        **from_header(raw.primary, str(raw.path)),
    }, notes


def _pointing(header: fits.Header) -> dict[str, float]:
    keywords = {"ra_deg": "CRVAL1", "dec_deg": "CRVAL2"}
    return {
        field: float(header[keyword])
        for field, keyword in keywords.items()
        if isinstance(header.get(keyword), int | float)
    }


def _logged(assumption: str) -> str:
    logger.log(logging.WARNING if "doubtful" in assumption else logging.INFO, assumption)
    return assumption
