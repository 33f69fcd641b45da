"""Open FITS files so that what is wrong with them is said in one line."""

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from kurvs_pipeline.errors import CubeFormatError


@contextmanager
def open_fits(path: Path) -> Iterator[fits.HDUList]:
    """Open a FITS file and check that all of it can be read.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    CubeFormatError
        If it is missing, not FITS or cut short.
    """
    if not path.is_file():
        raise CubeFormatError(f"{path}: no such file")
    with warnings.catch_warnings():
        # Headers of old pipelines break the standard in ways that do not matter here.
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            with fits.open(path, memmap=False, ignore_missing_simple=True) as hdus:
                _load(hdus)
                yield hdus
        except (OSError, fits.VerifyError, ValueError, TypeError, EOFError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise CubeFormatError(f"{path}: not a readable FITS file ({reason})") from error


def _load(hdus: fits.HDUList) -> None:
    """Read everything now: a file that is cut short fails here."""
    for hdu in hdus:
        if hdu.is_image:
            _ = hdu.data


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
