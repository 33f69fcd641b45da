"""Write an Observation in the layout of the ESO KMOS pipeline."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr
from astropy import units as u
from astropy.io import fits

from kurvs_pipeline.arrays import Cube
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import OutputError
from kurvs_pipeline.io.fits.keywords import to_header, write_centre_pixel
from kurvs_pipeline.io.fits.sky_frame import SkyFrame
from kurvs_pipeline.io.fits.wavelength import write_wavelength_axis
from kurvs_pipeline.observation import (
    FLUX_DENSITY_UNIT,
    ObservationMetadata,
    band_names,
    metadata_of,
)

FITS_FLUX_UNIT = "10**(-16) erg.s**(-1).cm**(-2).um**(-1)"
"""The cube's unit as the FITS standard spells it."""

FITS_FLOAT = np.dtype(">f4")
"""In this byte order an array goes to the file as it is."""


def write_eso(
    observation: xr.DataTree, directory: Path, name: str | None = None
) -> dict[str, Path]:
    """Write ``NAME_BAND.fits`` for every band: primary, ``IFU.1.DATA`` and ``IFU.1.NOISE``.

    Masked voxels become NaN; there is no noise extension where the noise is not known, and one
    more, ``IFU.1.LSF``, where the line-spread function is not that of the band. Reading the files
    back gives the same Observation, mock or real, without its truth.

    Parameters
    ----------
    observation : DataTree
        Mock or real.
    directory : Path
        An existing folder.
    name : str, optional
        Instead of the galaxy's name.

    Returns
    -------
    dict of str to Path
        The files, by band.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    metadata = metadata_of(observation)
    stem = (name or metadata.name).replace("/", "_").replace(" ", "_")
    paths = {}
    for band in band_names(observation):
        paths[band] = Path(directory) / f"{stem}_{band}.fits"
        _write(paths[band], _hdus(band, observation[band].to_dataset(), metadata))
    return paths


def _write(path: Path, hdus: fits.HDUList) -> None:
    try:
        # Every header was made by astropy just before: to verify it again takes a tenth longer.
        hdus.writeto(path, overwrite=True, output_verify="ignore")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error


def _hdus(band: str, dataset: xr.Dataset, metadata: ObservationMetadata) -> fits.HDUList:
    header = _cube_header(dataset, metadata.name)
    cubes = {"IFU.1.DATA": _flux(dataset)}
    noise = _noise(dataset)
    # Noise that is unknown everywhere is not written: the reader would take it for bad voxels.
    if np.isfinite(noise).any():
        cubes["IFU.1.NOISE"] = noise
    return fits.HDUList(
        [
            fits.PrimaryHDU(header=_primary_header(band, dataset, metadata, header)),
            *(fits.ImageHDU(cube, header=header, name=key) for key, cube in cubes.items()),
            *_line_spread(band, dataset),
        ]
    )


def _line_spread(band: str, dataset: xr.Dataset) -> list[fits.ImageHDU]:
    """Return the standard deviation in um, channel by channel, if a reader cannot know it."""
    lsf_um = dataset["lsf_sigma"].to_numpy()
    if np.allclose(lsf_um, KMOS_BANDS[band].lsf_sigma_um, rtol=1e-6, atol=0.0):
        return []
    return [fits.ImageHDU(lsf_um, header=fits.Header({"BUNIT": "um"}), name="IFU.1.LSF")]


def _flux(dataset: xr.Dataset) -> Cube:
    """Return the flux as FITS stores it, NaN where masked."""
    flux = dataset["flux"].to_numpy().astype(FITS_FLOAT)
    flux[dataset["mask"].to_numpy()] = np.nan
    return flux


def _noise(dataset: xr.Dataset) -> Cube:
    """Return the standard deviation as FITS stores it."""
    variance = dataset["variance"].to_numpy()
    noise: Cube = np.empty(variance.shape, FITS_FLOAT)
    np.sqrt(variance, out=noise)
    return noise


def _cube_header(dataset: xr.Dataset, name: str) -> fits.Header:
    """Return world coordinates and unit, as the FITS standard spells them."""
    header = fits.Header.fromstring(dataset.attrs["wcs"], sep="\n")
    write_wavelength_axis(header, dataset["wavelength"].to_numpy())
    header["HIERARCH ESO OCS ARM1 NAME"] = name
    header["BUNIT"] = _fits_unit(dataset["flux"].attrs["units"])
    return header


def _fits_unit(units: str) -> str:
    if units == FLUX_DENSITY_UNIT:
        return FITS_FLUX_UNIT
    try:
        return str(u.Unit(units).to_string("fits"))
    except ValueError:
        # The standard has no name for it.
        return units


def _primary_header(
    band: str, dataset: xr.Dataset, metadata: ObservationMetadata, cube_header: fits.Header
) -> fits.Header:
    """Return what is known of the galaxy, with angles on the sky."""
    frame = SkyFrame.from_header(cube_header, f"world coordinates of band {band}")
    sky_angle_deg = (metadata.position_angle_deg + frame.rotation_deg) % 360.0
    primary = to_header(replace(metadata, position_angle_deg=sky_angle_deg).to_attrs())
    first_x, first_y = (float(dataset[axis][0]) for axis in "xy")
    x_step = -frame.spaxel_x_arcsec if frame.mirrored else frame.spaxel_x_arcsec
    write_centre_pixel(primary, (-first_x / x_step, -first_y / frame.spaxel_y_arcsec))
    primary["INSTRUME"] = "KMOS"
    primary["HIERARCH ESO INS FILT1 ID"] = band
    return primary
