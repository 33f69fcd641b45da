"""Write an Observation in the layout of the KURVS survey."""

import math
from pathlib import Path

import numpy as np
import xarray as xr
from astropy.io import fits
from numpy.typing import NDArray

from kurvs_pipeline.errors import ConfigurationError, MetadataError, OutputError
from kurvs_pipeline.io.keywords import to_header
from kurvs_pipeline.io.survey import PER_FLUX_UNIT, survey_wcs
from kurvs_pipeline.io.survey_layout import N_SPAXELS, SPAXEL_ARCSEC, SURVEY_FIELDS, FieldLayout
from kurvs_pipeline.observation import FLUX_DENSITY_UNIT, band_names, metadata_of

Array = NDArray[np.float64]

FITS_FLUX_UNIT = "erg.s**(-1).cm**(-2).um**(-1)"


def write_survey(
    observation: xr.DataTree, directory: Path, *, field: str, name: str | None = None
) -> dict[str, Path]:
    """Write ``FIELD/BAND/NAME.fits`` for every band.

    The layout has no place for the noise or the truth, and in CDFS bins YJ to 0.2 arcsec.
    Spaxels of the common grid that the observation does not hold become 0, masked voxels NaN.

    Parameters
    ----------
    observation : DataTree
        On spaxels of 0.1 arcsec, the galaxy at the middle of one; calibrated.
    directory : Path
        Where ``FIELD`` goes.
    field : str
        ``CDFS`` or ``COSMOS``: their cubes differ.
    name : str, optional
        Instead of the galaxy's name.

    Returns
    -------
    dict of str to Path
        The files, by band.

    Raises
    ------
    ConfigurationError
        If there is no such field.
    MetadataError
        If the spaxels or the unit are others.
    OutputError
        If a file cannot be written.
    """
    if field not in SURVEY_FIELDS:
        raise ConfigurationError(f"field is '{field}'; expected {' or '.join(SURVEY_FIELDS)}")
    layout = SURVEY_FIELDS[field]
    metadata = metadata_of(observation)
    stem = (name or metadata.name).replace("/", "_").replace(" ", "_")
    paths = {}
    for band in band_names(observation):
        header = to_header(metadata.to_attrs())
        header["INSTRUME"] = "KMOS"
        header["BUNIT"] = FITS_FLUX_UNIT
        if math.isfinite(metadata.ra_deg) and math.isfinite(metadata.dec_deg):
            header.update(_wcs(metadata.ra_deg, metadata.dec_deg, band, layout))
        cube = _laid_out(
            _on_common_grid(observation[band].to_dataset(), band, layout), band, layout
        )
        paths[band] = Path(directory) / field / band / f"{stem}.fits"
        _write(paths[band], fits.PrimaryHDU(cube.astype(np.float32), header))
    return paths


def _wcs(ra_deg: float, dec_deg: float, band: str, layout: FieldLayout) -> fits.Header:
    cube = layout.bands[band]
    return survey_wcs(ra_deg, dec_deg, band, cube.centre(layout.centre), cube.binning)


def _on_common_grid(dataset: xr.Dataset, band: str, layout: FieldLayout) -> Array:
    """Place a cube on the common grid, in erg/s/cm2/um."""
    units = dataset["flux"].attrs["units"]
    if units != FLUX_DENSITY_UNIT:
        raise MetadataError(
            f"{band}: flux is in {units}; the survey's layout holds {FLUX_DENSITY_UNIT}"
        )
    rows = _places(dataset["y"].to_numpy(), f"{band}: y", layout)
    columns = _places(dataset["x"].to_numpy(), f"{band}: x", layout)
    flux = dataset["flux"].to_numpy().astype(float)
    flux[dataset["mask"].to_numpy()] = np.nan
    common = np.zeros((flux.shape[0], N_SPAXELS, N_SPAXELS))
    common[:, rows, columns] = flux / PER_FLUX_UNIT
    return common


def _places(axis_arcsec: Array, where: str, layout: FieldLayout) -> slice:
    """Return which spaxels of the common grid an axis covers."""
    position = layout.centre + axis_arcsec / SPAXEL_ARCSEC
    places = np.round(position).astype(int)
    consecutive = np.array_equal(places, places[0] + np.arange(places.size))
    if not consecutive or np.max(np.abs(position - places)) > 0.01:
        raise MetadataError(
            f"{where} has spaxels at {axis_arcsec[0]:g} to {axis_arcsec[-1]:g} arcsec from the "
            f"galaxy; the survey's layout has them {SPAXEL_ARCSEC:g} arcsec apart with the galaxy "
            "at the middle of one (with an even number of spaxels, an offset of 0.05 arcsec)"
        )
    if places[0] < 0 or places[-1] >= N_SPAXELS:
        raise MetadataError(
            f"{where} reaches from {axis_arcsec[0]:g} to {axis_arcsec[-1]:g} arcsec; the survey's "
            f"layout has room for {-SPAXEL_ARCSEC * layout.centre:g} to "
            f"{SPAXEL_ARCSEC * (N_SPAXELS - 1 - layout.centre):g}"
        )
    return slice(places[0], places[-1] + 1)


def _laid_out(common: Array, band: str, layout: FieldLayout) -> Array:
    """Cut down or bin a cube as its band's files are; a bin with a masked voxel is masked."""
    cube = layout.bands[band]
    inside = slice(cube.margin, N_SPAXELS - cube.margin)
    side, step = cube.n_spaxels, cube.binning
    binned = common[:, inside, inside].reshape(-1, side, step, side, step).sum(axis=(2, 4))
    return np.asarray(binned)


def _write(path: Path, hdu: fits.PrimaryHDU) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        hdu.writeto(path, overwrite=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
