"""Write an Observation in the layout of the ESO KMOS pipeline, or in one that others read."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from astropy import units as u
from astropy.io import fits
from numpy.typing import NDArray

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


ESO_CLASS = {
    "HDUCLASS": "ESO", "HDUDOC": "DICD", "HDUVERS": "DICD version 6", "HDUCLAS1": "IMAGE",
}  # fmt: skip
"""What every part of a cube says in the standard of ESO, as in products of MUSE."""


def write_eso(
    observation: xr.DataTree, directory: str | Path, name: str | None = None
) -> dict[str, Path]:
    """Write ``NAME_BAND.fits`` for every band: primary, ``IFU.1.DATA`` and ``IFU.1.NOISE``.

    Masked voxels become NaN; there is no noise extension where the noise is not known, and one
    more, ``IFU.1.LSF``, where the line-spread function is not that of the band. Reading the files
    back gives the same Observation, mock or real, without its truth.

    Parameters
    ----------
    observation : DataTree
        Mock or real.
    directory : str or Path
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
    return _write_bands(observation, directory, name, _eso_cubes)


def write_flux_err(
    observation: xr.DataTree, directory: str | Path, name: str | None = None
) -> dict[str, Path]:
    """Write ``NAME_BAND.fits`` for every band: primary, ``FLUX``, ``ERR``, ``MASK`` and ``STAT``.

    specutils and jdaviz take the standard deviations of ``ERR`` by that name, mpdaf the variances
    of ``STAT``. Masked voxels are NaN in ``FLUX`` and 1 in ``MASK``; without known noise there is
    neither ``ERR`` nor ``STAT``. Reading the files back gives the same Observation, without its
    truth.

    Parameters
    ----------
    observation : DataTree
        Mock or real.
    directory : str or Path
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
    return _write_bands(observation, directory, name, _flux_err_cubes)


def _write_bands(
    observation: xr.DataTree,
    directory: str | Path,
    name: str | None,
    cubes_of: Callable[[xr.Dataset, fits.Header], list[fits.ImageHDU]],
) -> dict[str, Path]:
    metadata = metadata_of(observation)
    stem = (name or metadata.name).replace("/", "_").replace(" ", "_")
    paths = {}
    for band in band_names(observation):
        dataset = observation[band].to_dataset()
        header = _cube_header(dataset, metadata.name)
        cubes = cubes_of(dataset, header)
        lsf_name = f"{cubes[0].name.removesuffix('DATA')}LSF" if "." in cubes[0].name else "LSF"
        primary = fits.PrimaryHDU(header=_primary_header(band, dataset, metadata, header))
        paths[band] = Path(directory) / f"{stem}_{band}.fits"
        _write(paths[band], fits.HDUList([primary, *cubes, *_line_spread(band, dataset, lsf_name)]))
    return paths


def _write(path: Path, hdus: fits.HDUList) -> None:
    try:
        # Every header was made by astropy just before: to verify it again takes a tenth longer.
        hdus.writeto(path, overwrite=True, output_verify="ignore")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error


def _eso_cubes(dataset: xr.Dataset, header: fits.Header) -> list[fits.ImageHDU]:
    """Return flux and noise, as the pipeline of KMOS names them."""
    data, noise = "IFU.1.DATA", "IFU.1.NOISE"
    deviation = _noise(dataset)
    # Noise that is unknown everywhere is not written: the reader would take it for bad voxels.
    known = bool(np.isfinite(deviation).any())
    cubes = [_image(data, _flux(dataset), header, "DATA", **({"ERRDATA": noise} if known else {}))]
    if known:
        cubes.append(_image(noise, deviation, header, "ERROR", HDUCLAS3="RMSE", SCIDATA=data))
    return cubes


def _flux_err_cubes(dataset: xr.Dataset, header: fits.Header) -> list[fits.ImageHDU]:
    """Return flux, standard deviation, mask and variance, as other readers look for them."""
    units = dataset["flux"].attrs["units"]
    header = header.copy()
    # Only some readers know how the standard spells powers of ten.
    header["BUNIT"] = units
    deviation = _noise(dataset)
    known = bool(np.isfinite(deviation).any())
    mask = dataset["mask"].to_numpy().astype(np.uint8)
    belongs = {"QUALDATA": "MASK", **({"ERRDATA": "ERR"} if known else {})}
    cubes = [_image("FLUX", _flux(dataset), header, "DATA", **belongs)]
    if known:
        cubes.append(_image("ERR", deviation, header, "ERROR", HDUCLAS3="RMSE", SCIDATA="FLUX"))
    flags = _image("MASK", mask, header, "QUALITY", HDUCLAS3="FLAG8BIT", SCIDATA="FLUX")
    # By this keyword specutils takes ones and zeros for true and false.
    flags.header["BFORM"] = "L"
    del flags.header["BUNIT"]
    cubes.append(flags)
    if known:
        variance = dataset["variance"].to_numpy().astype(FITS_FLOAT)
        stat = _image("STAT", variance, header, "ERROR", HDUCLAS3="MSE", SCIDATA="FLUX")
        stat.header["BUNIT"] = f"({units})**2"
        cubes.append(stat)
    return cubes


def _image(
    name: str, data: NDArray[Any], header: fits.Header, kind: str, **belongs: str
) -> fits.ImageHDU:
    """Return an extension whose class (HDUCLAS2), and what belongs to it, are stated."""
    image = fits.ImageHDU(data, header=header, name=name)
    image.header.update({**ESO_CLASS, "HDUCLAS2": kind, **belongs})
    return image


def _line_spread(band: str, dataset: xr.Dataset, name: str) -> list[fits.ImageHDU]:
    """Return the standard deviation in um, channel by channel, if a reader cannot know it."""
    lsf_um = dataset["lsf_sigma"].to_numpy()
    if np.allclose(lsf_um, KMOS_BANDS[band].lsf_sigma_um, rtol=1e-6, atol=0.0):
        return []
    return [fits.ImageHDU(lsf_um, header=fits.Header({"BUNIT": "um"}), name=name)]


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
