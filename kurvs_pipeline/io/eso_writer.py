"""Write an Observation in the layout of the ESO KMOS pipeline."""

from pathlib import Path

import numpy as np
import xarray as xr
from astropy.io import fits

from kurvs_pipeline.errors import OutputError
from kurvs_pipeline.io.keywords import to_header
from kurvs_pipeline.io.wavelength import write_wavelength_axis
from kurvs_pipeline.observation import FLUX_DENSITY_UNIT, band_names, metadata_of

FITS_FLUX_UNIT = "10**(-16) erg.s**(-1).cm**(-2).um**(-1)"
"""The cube's unit as the FITS standard spells it."""


def write_eso(
    observation: xr.DataTree, directory: Path, name: str | None = None
) -> dict[str, Path]:
    """Write ``NAME_BAND.fits`` for every band: primary, ``IFU.1.DATA`` and ``IFU.1.NOISE``.

    Masked voxels become NaN. Reading the files back gives the same Observation, without its
    truth.

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
        dataset = observation[band].to_dataset()
        rotation = float(dataset.attrs.get("frame_rotation_deg", 0.0))
        values = metadata.to_attrs()
        values["position_angle_deg"] = (metadata.position_angle_deg + rotation) % 360.0
        primary = to_header(values)
        primary["INSTRUME"] = "KMOS"
        primary["HIERARCH ESO INS FILT1 ID"] = band
        paths[band] = Path(directory) / f"{stem}_{band}.fits"
        _write(paths[band], _hdus(dataset, primary, metadata.name))
    return paths


def _write(path: Path, hdus: fits.HDUList) -> None:
    try:
        hdus.writeto(path, overwrite=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error


def _hdus(dataset: xr.Dataset, primary: fits.Header, name: str) -> fits.HDUList:
    header = fits.Header.fromstring(dataset.attrs["wcs"], sep="\n")
    write_wavelength_axis(header, dataset["wavelength"].to_numpy())
    header["HIERARCH ESO OCS ARM1 NAME"] = name
    units = dataset["flux"].attrs["units"]
    header["BUNIT"] = FITS_FLUX_UNIT if units == FLUX_DENSITY_UNIT else units
    mask = dataset["mask"].to_numpy()
    variance = dataset["variance"].to_numpy().astype(float)
    cubes = {
        "IFU.1.DATA": np.where(mask, np.float32(np.nan), dataset["flux"].to_numpy()),
        "IFU.1.NOISE": np.sqrt(variance).astype(np.float32),
    }
    return fits.HDUList(
        [
            fits.PrimaryHDU(header=primary),
            *(fits.ImageHDU(cube, header=header, name=key) for key, cube in cubes.items()),
        ]
    )
