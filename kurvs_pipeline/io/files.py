"""Open FITS files so that what is wrong with them is said in one line."""

import gzip
import hashlib
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from kurvs_pipeline.errors import CubeFormatError

GZIP_MAGIC = b"\x1f\x8b"

BLOCK_BYTES = 2**24


@contextmanager
def open_fits(path: Path) -> Iterator[fits.HDUList]:
    """Open a FITS file and check that all of it can be read.

    CubeFormatError if it is missing, a folder, not FITS or cut short.
    """
    if path.is_dir():
        raise CubeFormatError(f"{path}: is a folder; expected a FITS file")
    if not path.is_file():
        raise CubeFormatError(f"{path}: no such file")
    # Headers of old pipelines break the standard in ways that do not matter here.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", AstropyWarning)
        try:
            _check_compressed(path)
            with _damage_as_one_error():
                hdus = fits.open(path, memmap=False, ignore_missing_simple=True)
            with hdus:
                with _damage_as_one_error():
                    _load(hdus)
                yield hdus
        except (OSError, fits.VerifyError, ValueError, TypeError, EOFError, zlib.error) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise CubeFormatError(
                f"{path}: not a readable FITS file ({reason}); if it was cut short, copy it again"
            ) from error
        except CubeFormatError as error:
            if any("Error validating header" in str(warning.message) for warning in caught):
                raise CubeFormatError(
                    f"{error}; what follows could not be read: if the file was cut short, copy it "
                    "again"
                ) from None
            raise


@contextmanager
def _damage_as_one_error() -> Iterator[None]:
    """Raise OSError for whatever astropy makes of bytes that are not what a header says."""
    try:
        yield
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


def _check_compressed(path: Path) -> None:
    """Read a compressed file to its end: astropy takes one cut short for one of fewer parts."""
    with path.open("rb") as file:
        if file.read(2) != GZIP_MAGIC:
            return
    with gzip.open(path) as unpacked:
        while unpacked.read(BLOCK_BYTES):
            pass


def _load(hdus: fits.HDUList) -> None:
    """Read everything now: a file that is cut short fails here."""
    for hdu in hdus:
        _spell_out(hdu.header)
        if hdu.is_image:
            _ = hdu.data


def _spell_out(header: fits.Header) -> None:
    """Turn values that FITS has no meaning for, such as a bare NaN, into the text they are."""
    for index, card in enumerate(header.cards):
        try:
            _ = card.value
        except fits.VerifyError:
            text = card.image.partition("=")[2].partition("/")[0].strip(" '")
            header.insert(index, fits.Card(card.keyword, text))
            del header[index + 1]


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, or of the files of a zarr store, in hexadecimal."""
    if path.suffix == ".zarr" and path.is_dir():
        parts = sorted(part for part in path.rglob("*") if part.is_file())
        named = (f"{part.relative_to(path).as_posix()} {checksum(part)}\n" for part in parts)
        return hashlib.sha256("".join(named).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
