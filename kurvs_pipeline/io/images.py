"""Read a star: an image as it is, or a cube, collapsed over its quiet channels."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr
from astropy import units as u
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.errors import CubeFormatError, MetadataError
from kurvs_pipeline.io.files import open_fits
from kurvs_pipeline.io.fits.flux_units import parse_unit
from kurvs_pipeline.io.fits.sky_frame import SIDES_ARCSEC, are_plausible
from kurvs_pipeline.io.reading import read_observation
from kurvs_pipeline.observation import band_names
from kurvs_pipeline.representation import short_repr

VELOCITY_NAME = re.compile(r"V(EL.*|ROT|LOS|_.*)?$", re.IGNORECASE)
ERROR_NAME = re.compile(r"ERR|SIG|UNC|VAR|NOISE|MASK|DQ", re.IGNORECASE)
"""Names of images that hold velocities, and of those that hold their errors."""


@dataclass(frozen=True, eq=False)
class StarImage:
    """A star on evenly spaced pixels.

    Parameters
    ----------
    flux : array, shape (n_y, n_x)
        Any unit; NaN where there is no data.
    x_arcsec, y_arcsec : array, shapes (n_x,), (n_y,)
        Pixel centres to the West and to the North.
    error : array, shape (n_y, n_x), optional
        Standard deviations; without them, the scatter about the fit.

    Raises
    ------
    MetadataError
        If shapes differ.
    """

    __repr__ = short_repr

    flux: Array
    x_arcsec: Array
    y_arcsec: Array
    error: Array | None = None

    def __post_init__(self) -> None:
        """Refuse arrays that are not of the same pixels."""
        expected = np.size(self.y_arcsec), np.size(self.x_arcsec)
        for name, image in (("flux", self.flux), ("error", self.error)):
            if image is not None and np.shape(image) != expected:
                raise MetadataError(
                    f"{name} of the star has the shape {np.shape(image)}; expected {expected}, "
                    "(n_y, n_x) of its axes: state values of the same pixels"
                )

    @cached_property
    def used(self) -> BoolArray:
        """Pixels that are data: finite, with an error, and not saturated."""
        used = np.isfinite(self.flux) & ~self._saturated
        if self.error is not None:
            used &= np.isfinite(self.error) & (self.error > 0.0)
        return used

    @property
    def _saturated(self) -> BoolArray:
        """Pixels cut off at one value: several share the highest."""
        highest = self.flux == np.nanmax(np.where(np.isfinite(self.flux), self.flux, -np.inf))
        return np.asarray(highest & (np.count_nonzero(highest) > 1))

    @property
    def pixel_arcsec(self) -> tuple[float, float]:
        """Sides of a pixel along x and y."""
        return (
            abs(float(self.x_arcsec[1] - self.x_arcsec[0])),
            abs(float(self.y_arcsec[1] - self.y_arcsec[0])),
        )


LOUD_CHANNEL = 2.0
"""Times the median noise: airglow, or the edge of a band."""


def read_star(path: str | Path, *, verify_checksum: bool = True) -> StarImage:
    """Read the star of a field.

    Parameters
    ----------
    path : str or Path
        FITS image with a world coordinate system, or any cube that
        :func:`~kurvs_pipeline.io.reading.read_observation` reads.
    verify_checksum : bool
        Whether a file that is not what its checksums say is refused.

    Returns
    -------
    StarImage

    Raises
    ------
    CubeFormatError
        If the file is neither.
    MetadataError
        If an image does not say how large its pixels are.
    """
    path = Path(path)
    with open_fits(path, verify_checksum=verify_checksum) as hdus:
        for hdu in hdus:
            if hdu.data is not None and getattr(hdu.data, "ndim", 0) == 2:
                return _of_image(path, hdu)
            if hdu.data is not None and getattr(hdu.data, "ndim", 0) == 3:
                break
        else:
            raise CubeFormatError(f"{path}: holds neither an image nor a cube; expected a star")
    observation = read_observation(path, verify_checksum=verify_checksum)
    return collapsed(observation[band_names(observation)[0]].to_dataset())


def _of_image(path: Path, hdu: fits.ImageHDU) -> StarImage:
    wcs = WCS(hdu.header, naxis=2)
    if not wcs.has_celestial:
        raise MetadataError(
            f"{path}: has no celestial world coordinates; expected CTYPE, CRPIX, CRVAL and CD or "
            "CDELT, which give the size of a pixel"
        )
    sides = 3600.0 * proj_plane_pixel_scales(wcs)
    if not are_plausible(sides):
        raise MetadataError(
            f"{path}: pixels are {sides[0]:.3g} x {sides[1]:.3g} arcsec; expected "
            f"{SIDES_ARCSEC[0]:g} to {SIDES_ARCSEC[1]:g}: check CD or CDELT, and CUNIT1 and CUNIT2 "
            "('deg' or 'arcsec')"
        )
    # Right ascension grows to the East; rotated images keep their own axes.
    to_west = -np.sign(wcs.pixel_scale_matrix[0, 0]) or 1.0
    n_y, n_x = hdu.data.shape
    x = to_west * sides[0] * (np.arange(n_x) - 0.5 * (n_x - 1))
    y = (
        (np.sign(wcs.pixel_scale_matrix[1, 1]) or 1.0)
        * sides[1]
        * (np.arange(n_y) - 0.5 * (n_y - 1))
    )
    return StarImage(np.asarray(hdu.data, dtype=float), x, y)


def collapsed(band: xr.Dataset) -> StarImage:
    """Average a cube over its quiet channels."""
    known = ~band["mask"].to_numpy() & np.isfinite(band["flux"].to_numpy())
    flux = np.where(known, band["flux"].to_numpy().astype(float), 0.0)
    variance = np.where(known, band["variance"].to_numpy().astype(float), np.nan)
    with np.errstate(invalid="ignore"):
        channel = _channel_variance(variance, flux, known)
        quiet = np.sqrt(channel) < LOUD_CHANNEL * np.sqrt(np.nanmedian(channel))
    weight = np.where(quiet & (channel > 0.0), 1.0 / channel, 0.0)[:, None, None] * known
    total = weight.sum(axis=0)
    # A spaxel that lacks most of the light of others is none.
    seen = total > 0.5 * total.max()
    with np.errstate(invalid="ignore", divide="ignore"):
        image = np.where(seen, (weight * flux).sum(axis=0) / total, np.nan)
        error = np.sqrt(np.nansum(weight**2 * variance, axis=0)) / total
    x, y = band["x"].to_numpy(), band["y"].to_numpy()
    return StarImage(image, x, y, error if np.isfinite(variance).any() else None)


def _channel_variance(variance: Array, flux: Array, known: BoolArray) -> Array:
    """Return the typical variance of each channel; by the scatter of spaxels if not stated."""
    stated = np.where(variance > 0.0, variance, np.nan).reshape(len(flux), -1)
    with warnings.catch_warnings():
        # Channels without data have no median, and that is said by NaN.
        warnings.simplefilter("ignore", RuntimeWarning)
        if np.isfinite(stated).any():
            return np.asarray(np.nanmedian(stated, axis=1))
        spaxels = np.where(known, flux, np.nan).reshape(len(flux), -1)
        middle = np.nanmedian(spaxels, axis=1, keepdims=True)
        return np.asarray(np.nanmedian(np.abs(spaxels - middle), axis=1) ** 2)


def read_velocity_map(path: str | Path, *, verify_checksum: bool = True) -> Array:
    """Read the image of velocities of a FITS file.

    Of several images it is the one whose name begins with VEL, else the one in a unit of velocity.

    Parameters
    ----------
    path : str or Path
        The file. Its ``BUNIT`` is a velocity; without one, km/s.
    verify_checksum : bool
        Whether a file that is not what its checksums say is refused.

    Returns
    -------
    array, shape (n_y, n_x)
        km/s; NaN where there is no measurement.

    Raises
    ------
    CubeFormatError
        If the file holds no image.
    MetadataError
        If ``BUNIT`` is not a velocity.
    """
    path = Path(path)
    with open_fits(path, verify_checksum=verify_checksum) as hdus:
        images = [hdu for hdu in hdus if getattr(hdu.data, "ndim", 0) == 2]
        if not images:
            found = ", ".join(f"{hdu.name or 'PRIMARY'} {np.shape(hdu.data)}" for hdu in hdus)
            raise CubeFormatError(
                f"{path}: holds {found}; expected an image of velocities (n_y, n_x)"
            )
        hdu = _of_velocities(path, images)
        return np.asarray(hdu.data, dtype=float) * _kms(path, hdu)


def _of_velocities(path: Path, images: Sequence[fits.ImageHDU]) -> fits.ImageHDU:
    """Return the one image of a file that holds velocities, by its name, else by its unit."""
    values = [hdu for hdu in images if not ERROR_NAME.search(hdu.name)]
    named = [hdu for hdu in values if VELOCITY_NAME.match(hdu.name)]
    in_unit = [hdu for hdu in values if "BUNIT" in hdu.header and _unit_of(hdu) is not None]
    for chosen in (named, in_unit, values):
        if len(chosen) == 1:
            return chosen[0]
    raise CubeFormatError(
        f"{path}: holds {len(images)} images ({', '.join(hdu.name or 'PRIMARY' for hdu in images)})"
        "; expected one of velocities: name it VELOCITY (EXTNAME), or give a file with it alone"
    )


def _unit_of(hdu: fits.ImageHDU) -> u.UnitBase | None:
    """Return the unit of an image if it is a velocity."""
    unit = parse_unit(str(hdu.header.get("BUNIT", "km/s")))
    return unit if unit is not None and unit.is_equivalent(u.km / u.s) else None


def _kms(path: Path, hdu: fits.ImageHDU) -> float:
    unit = _unit_of(hdu)
    if unit is None:
        found = hdu.header.get("BUNIT")
        raise MetadataError(f"{path}: BUNIT is {found!r}; expected a velocity, such as km/s")
    return float(unit.to(u.km / u.s))
