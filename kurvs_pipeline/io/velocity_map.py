"""Read a velocity map that was made elsewhere."""

from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.io import fits
from numpy.typing import NDArray

from kurvs_pipeline.errors import CubeFormatError, MetadataError
from kurvs_pipeline.io.files import open_fits


def read_velocity_map(path: Path) -> NDArray[np.float64]:
    """Read the first image of a FITS file as velocities.

    Parameters
    ----------
    path : Path
        The file. Its ``BUNIT`` is a velocity; without one, km/s.

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
    with open_fits(path) as hdus:
        for hdu in hdus:
            if hdu.data is not None and getattr(hdu.data, "ndim", 0) == 2:
                return np.asarray(hdu.data, dtype=float) * _kms(path, hdu)
        found = ", ".join(f"{hdu.name or 'PRIMARY'} {np.shape(hdu.data)}" for hdu in hdus)
    raise CubeFormatError(f"{path}: holds {found}; expected an image of velocities (n_y, n_x)")


def _kms(path: Path, hdu: fits.ImageHDU) -> float:
    unit = hdu.header.get("BUNIT", "km/s")
    try:
        return float(u.Unit(str(unit)).to(u.km / u.s))
    except (ValueError, TypeError, u.UnitConversionError) as error:
        raise MetadataError(
            f"{path}: BUNIT is {unit!r}; expected a velocity, such as km/s"
        ) from error
