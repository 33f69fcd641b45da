"""Read cubes in the layout of the KURVS survey (:mod:`kurvs_pipeline.io.survey.layout`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from astropy.io import fits

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.files import as_paths, open_fits, regular_file
from kurvs_pipeline.io.fits.keywords import from_header, is_own
from kurvs_pipeline.io.survey.layout import SPAXEL_ARCSEC, FieldLayout, layout_of
from kurvs_pipeline.observation import ObservationMetadata, band_dataset, make_observation

PER_FLUX_UNIT = 1e16
"""From erg/s/cm2/um to the unit of an Observation."""


def is_survey(path: Path) -> bool:
    """Whether a file lies in folders as the survey names them, its cube in the primary HDU."""
    try:
        layout_of(path)
        header = fits.getheader(regular_file(path, "a FITS file"))
        return bool(header.get("NAXIS") == 3)
    except (CubeFormatError, OSError):
        return False


def read_survey(
    paths: str | Path | Sequence[Path | str],
    *,
    overrides: Mapping[str, Any] | None = None,
    verify_checksum: bool = True,
) -> xr.DataTree:
    """Read one to three band cubes of a galaxy of the survey as one Observation.

    Parameters
    ----------
    paths : path, or sequence of path
        ``FIELD/BAND/NAME.fits``, one a band, of one field.
    overrides : mapping, optional
        Fields of ObservationMetadata. The survey's files state none of them, and its tables
        give redshifts on the air scale: 2.76e-4 in 1 + z too large here.
    verify_checksum : bool
        Whether a file that is not what its checksums say is refused.

    Returns
    -------
    DataTree
        An Observation on spaxels of 0.1 arcsec, 56 x 56 in CDFS, its variance unknown.
        ``assumptions`` among the root attributes says what the layout implies.

    Raises
    ------
    CubeFormatError
        If a file is not of this layout, or two do not belong together.
    MetadataError
        If a value is impossible.
    """
    cubes = [_read_band(path, verify_checksum) for path in as_paths(paths)]
    _check_together(cubes)
    known = {item.name for item in fields(ObservationMetadata)}
    stated = {key: value for key, value in cubes[0].metadata.items() if key in known}
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    tree = make_observation(
        {cube.band: cube.dataset for cube in cubes}, ObservationMetadata(**{**stated, **given})
    )
    tree.attrs["assumptions"] = "\n".join(note for cube in cubes for note in cube.assumptions)
    return tree


@dataclass(frozen=True)
class _BandCube:
    path: Path
    field: FieldLayout
    band: str
    dataset: xr.Dataset
    metadata: dict[str, Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """(n_y, n_x) on the common grid."""
        return self.dataset["flux"].shape[1:]

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the layout leaves open, and what is taken for it."""
        binning = self.field.bands[self.band].binning
        centre = (self.field.centre, self.field.centre)
        notes = [
            f"the galaxy is at spaxel {centre}, as in every cube of {self.field.name}",
            "wavelengths are the survey's fixed grid, in vacuum",
            "no noise extension: the noise is estimated from the cube",
        ]
        if binning > 1:
            notes.append(
                f"spaxels of {binning * SPAXEL_ARCSEC:g} arcsec are shared out evenly over "
                f"{binning} x {binning} of {SPAXEL_ARCSEC:g}, whose noise is therefore the same"
            )
        return tuple(f"{self.path.name} ({self.band}): {note}" for note in notes)


def _read_band(path: Path, verify_checksum: bool) -> _BandCube:  # noqa: FBT001 - private
    field, band = layout_of(path)
    with open_fits(path, verify_checksum=verify_checksum) as hdus:
        header = hdus[0].header
        data = _cube(hdus[0].data, path, field, band)
    metadata = {"name": path.stem, "origin": path.name, **from_header(header, str(path))}
    common = _on_common_grid(data, field, band)
    mask = ~np.isfinite(common)
    zero = common == 0.0
    # A noise-free mock has zeros between its lines; a spaxel of nothing but zeros was not seen.
    mask |= (zero | mask).all(axis=0) if is_own(header) else zero
    if mask.all():
        raise CubeFormatError(f"{path}: no voxel holds data (all are NaN or zero)")
    y_arcsec, x_arcsec = (
        SPAXEL_ARCSEC * (np.arange(side, dtype=float) - field.centre) for side in common.shape[1:]
    )
    grating = KMOS_BANDS[band]
    dataset = band_dataset(
        flux=np.where(mask, 0.0, PER_FLUX_UNIT * common),
        variance=np.full(common.shape, np.nan, dtype=np.float32),
        mask=mask,
        wavelength_um=grating.wavelength_um,
        x_arcsec=x_arcsec,
        y_arcsec=y_arcsec,
        lsf_sigma_um=np.full(grating.n_channels, grating.lsf_sigma_um),
        wcs_header=_wcs_cards(metadata, field, band),
    )
    return _BandCube(path, field, band, dataset, metadata)


def _cube(data: Any, path: Path, field: FieldLayout, band: str) -> Array:  # noqa: ANN401
    side = field.bands[band].n_spaxels
    expected = (KMOS_BANDS[band].n_channels, side, side)
    found = "nothing" if data is None else " x ".join(map(str, data.shape))
    fits_in = data is not None and data.ndim == 3 and data.shape[0] == expected[0]
    if field.any_size:
        fits_in = fits_in and min(data.shape[1:]) > field.centre
    else:
        fits_in = fits_in and data.shape == expected
    if not fits_in:
        raise CubeFormatError(
            f"{path}: expected a primary HDU of {' x '.join(map(str, expected))}, as {field.name} "
            f"has in {band}, found {found}"
        )
    return np.asarray(data, dtype=float)


def _on_common_grid(data: Array, field: FieldLayout, band: str) -> Array:
    """Share binned spaxels out evenly, and put zeros where a cube was cut down."""
    layout = field.bands[band]
    shared = data.repeat(layout.binning, axis=1).repeat(layout.binning, axis=2)
    margin = (layout.margin, layout.margin)
    return np.pad(shared / layout.binning**2, ((0, 0), margin, margin))


def _wcs_cards(metadata: Mapping[str, Any], field: FieldLayout, band: str) -> str:
    """Return world coordinates of the common grid, as far as the place is known."""
    if "ra_deg" not in metadata or "dec_deg" not in metadata:
        return ""
    header = survey_wcs(metadata["ra_deg"], metadata["dec_deg"], band, field.centre, 1)
    return str(header.tostring(sep="\n", endcard=False, padding=False))


def survey_wcs(
    ra_deg: float, dec_deg: float, band: str, centre: float, binning: int
) -> fits.Header:
    """Return the world coordinates of a cube of the survey.

    ``centre`` is the galaxy's spaxel on both axes, counted from 0, ``binning`` the side of a spaxel
    over 0.1 arcsec.
    """
    step_deg = binning * SPAXEL_ARCSEC / 3600.0
    grating = KMOS_BANDS[band]
    axes = (
        ("RA---TAN", "deg", centre + 1.0, ra_deg, -step_deg),
        ("DEC--TAN", "deg", centre + 1.0, dec_deg, step_deg),
        ("WAVE", "um", 1.0, grating.first_channel_um, grating.channel_width_um),
    )
    header = fits.Header()
    for axis, (kind, unit, reference, value, step) in enumerate(axes, start=1):
        header[f"CTYPE{axis}"], header[f"CUNIT{axis}"] = kind, unit
        header[f"CRPIX{axis}"], header[f"CRVAL{axis}"] = reference, value
        header[f"CD{axis}_{axis}"] = step
    header["RADESYS"] = "ICRS"
    return header


def _check_together(cubes: Sequence[_BandCube]) -> None:
    """Refuse cubes of the same band, or of different fields or galaxies."""
    if not cubes:
        raise CubeFormatError("no cube given; expected one to three files")
    seen: dict[str, Path] = {}
    for cube in cubes:
        if cube.band in seen:
            raise CubeFormatError(
                f"{seen[cube.band]} and {cube.path} are both of band {cube.band}; expected one "
                "file a band"
            )
        seen[cube.band] = cube.path
        first = cubes[0]
        if (cube.field.name, cube.path.stem) != (first.field.name, first.path.stem):
            raise CubeFormatError(
                f"{first.path} is {first.path.stem} in {first.field.name} but {cube.path} is "
                f"{cube.path.stem} in {cube.field.name}; expected the bands of one galaxy"
            )
        if cube.shape != first.shape:
            raise CubeFormatError(
                f"{first.path} has {first.shape[1]} x {first.shape[0]} spaxels but {cube.path} has "
                f"{cube.shape[1]} x {cube.shape[0]}: the bands must share one field"
            )
