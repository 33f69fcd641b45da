"""Write an Observation in the layout of the KURVS survey."""

import math
from pathlib import Path

import numpy as np
import xarray as xr
from astropy.io import fits

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import ConfigurationError, MetadataError, OutputError
from kurvs_pipeline.io.fits.keywords import to_header
from kurvs_pipeline.io.fits.writing import FITS_FLOAT
from kurvs_pipeline.io.survey.layout import N_SPAXELS, SPAXEL_ARCSEC, SURVEY_FIELDS, FieldLayout
from kurvs_pipeline.io.survey.reading import PER_FLUX_UNIT, survey_wcs
from kurvs_pipeline.observation import FLUX_DENSITY_UNIT, band_names, metadata_of

FITS_FLUX_UNIT = "erg.s**(-1).cm**(-2).um**(-1)"

ALIGNED_WITHIN_CHANNELS = 0.05
"""An error of 2 km/s."""


def write_survey(
    observation: xr.DataTree, directory: Path, *, field: str, name: str | None = None
) -> dict[str, Path]:
    """Write ``FIELD/BAND/NAME.fits`` for every band.

    The layout has no place for the noise or the truth, and in CDFS bins YJ to 0.2 arcsec.
    Spaxels of the common grid that the observation does not hold become 0; channels that it does
    not hold and masked voxels NaN.

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
        If the spaxels, the channels or the unit are others.
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
        _write(paths[band], fits.PrimaryHDU(cube.astype(FITS_FLOAT), header))
    return paths


def _wcs(ra_deg: float, dec_deg: float, band: str, layout: FieldLayout) -> fits.Header:
    cube = layout.bands[band]
    return survey_wcs(ra_deg, dec_deg, band, cube.centre(layout.centre), cube.binning)


def _on_common_grid(dataset: xr.Dataset, band: str, layout: FieldLayout) -> Array:
    """Place a cube on the common grid and all channels of its band, in erg/s/cm2/um."""
    units = dataset["flux"].attrs["units"]
    if units != FLUX_DENSITY_UNIT:
        raise MetadataError(
            f"{band}: flux is in {units}; the survey's layout holds {FLUX_DENSITY_UNIT}"
        )
    channels = _channels(dataset["wavelength"].to_numpy(), band)
    rows = _places(dataset["y"].to_numpy(), f"{band}: y", layout)
    columns = _places(dataset["x"].to_numpy(), f"{band}: x", layout)
    common = np.zeros((KMOS_BANDS[band].n_channels, N_SPAXELS, N_SPAXELS))
    common[: channels.start] = common[channels.stop :] = np.nan
    held = common[channels, rows, columns]
    np.divide(dataset["flux"].to_numpy(), PER_FLUX_UNIT, out=held, dtype=float)
    held[dataset["mask"].to_numpy()] = np.nan
    return common


def _channels(wavelength_um: Array, band: str) -> slice:
    """Return which channels of the band's fixed grid an axis covers."""
    grating = KMOS_BANDS[band]
    position = (wavelength_um - grating.first_channel_um) / grating.channel_width_um
    first, end = round(float(position[0])), round(float(position[0])) + position.size
    off = float(np.max(np.abs(position - np.arange(first, end))))
    if first < 0 or end > grating.n_channels or off > ALIGNED_WITHIN_CHANNELS:
        low, high = grating.wavelength_um[[0, -1]]
        raise MetadataError(
            f"{band}: wavelengths are {wavelength_um.size} channels from {wavelength_um[0]:.6g} to "
            f"{wavelength_um[-1]:.6g} um; the survey's layout has channels of "
            f"{grating.channel_width_um:g} um from {low:.6g} to {high:.6g} um: resample the cube"
        )
    return slice(first, end)


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
    kept = common[:, inside, inside]
    if step == 1:
        return kept
    return np.asarray(kept.reshape(-1, side, step, side, step).sum(axis=(2, 4)))


def _write(path: Path, hdu: fits.PrimaryHDU) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        hdu.writeto(path, overwrite=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
