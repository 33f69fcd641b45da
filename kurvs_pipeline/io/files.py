"""Open files so that what is wrong with them is said in one line, before anything is read."""

import gzip
import hashlib
import logging
import os
import re
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from kurvs_pipeline.errors import CubeFormatError, MetadataError

logger = logging.getLogger(__name__)

GZIP_MAGIC = b"\x1f\x8b"

BLOCK_BYTES = 2880 * 4096
"""Whole blocks of FITS, so that no card is cut."""

AXES = re.compile(rb"NAXIS   = {1,20}(\d{1,20})")
MOST_AXES = 999

LARGEST_BYTES = 2 * 2**30
"""Of a file of arrays: twenty times the cubes of 24 arms, and what memory holds several times."""

LARGEST_TEXT_BYTES = 256 * 2**20
"""Of a table or a configuration: millions of rows."""


def regular_file(path: Path, expected: str, *, largest_bytes: int = LARGEST_BYTES) -> Path:
    """Return a path if it is a regular file of a plausible size: reading it comes to an end.

    CubeFormatError otherwise, which says what was ``expected``, such as "a FITS file".
    """
    if path.is_dir():
        raise CubeFormatError(f"{path}: is a folder; expected {expected}")
    if not path.exists():
        raise CubeFormatError(f"{path}: no such file; expected {expected}")
    if not path.is_file():
        raise CubeFormatError(f"{path}: is a device, pipe or socket; expected {expected} on disk")
    _check_bytes(path, path.stat().st_size, expected, largest_bytes)
    return path


def _check_bytes(path: Path, size: int, expected: str, largest: int) -> None:
    if size > largest:
        raise CubeFormatError(
            f"{path}: holds {size / 2**20:,.0f} MiB; expected {expected} of at most "
            f"{largest / 2**20:,.0f} MiB: cut out what is needed"
        )


def zarr_store(path: Path) -> Path:
    """Return a path if it is a folder of regular files of a plausible size.

    CubeFormatError otherwise.
    """
    if not path.exists():
        raise CubeFormatError(f"{path}: no such file; expected a zarr store")
    if not path.is_dir():
        raise CubeFormatError(f"{path}: is no folder; expected a zarr store")
    parts = [part for part in path.rglob("*") if not part.is_dir()]
    sizes = (regular_file(part, "a part of a zarr store").stat().st_size for part in parts)
    _check_bytes(path, sum(sizes), "a zarr store", LARGEST_BYTES)
    return path


def read_text(path: Path, expected: str) -> str:
    """Return the text of a small file, without the mark of byte order that spreadsheets write.

    CubeFormatError if it is none of at most 256 MiB in UTF-8.
    """
    regular_file(path, expected, largest_bytes=LARGEST_TEXT_BYTES)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CubeFormatError(f"{path}: is not text ({error}); expected {expected}") from None
    except OSError as error:
        raise CubeFormatError(f"{path}: cannot be read ({error.strerror or error})") from None


def as_paths(paths: Any) -> list[Path]:  # noqa: ANN401 - whatever a user hands over
    """Return one path, or several, as a list; MetadataError for what is neither."""
    if isinstance(paths, str | os.PathLike):
        return [Path(paths)]
    if isinstance(paths, Sequence) and all(isinstance(path, str | os.PathLike) for path in paths):
        return [Path(path) for path in paths]
    raise MetadataError(f"paths is {paths!r:.100}; expected a path, or a list of paths, of files")


@contextmanager
def open_fits(path: Path, *, verify_checksum: bool = True) -> Iterator[fits.HDUList]:
    """Open a FITS file and check that all of it can be read.

    CubeFormatError if it is missing, a folder, not FITS, cut short, or not what its CHECKSUM and
    DATASUM say, where it has them.
    """
    regular_file(path, "a FITS file")
    # Headers of old pipelines break the standard in ways that do not matter here.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", AstropyWarning)
        try:
            _check_headers(path)
            with _damage_as_one_error():
                hdus = fits.open(path, memmap=False, ignore_missing_simple=True)
            with hdus:
                with _damage_as_one_error():
                    _load(hdus)
                if verify_checksum:
                    _check_sums(path)
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


def _check_headers(path: Path) -> None:
    """Read a file to its end, and check what astropy would not come back from.

    It takes a compressed file cut short for one of fewer parts, and counts axes one by one.
    """
    with path.open("rb") as file:
        opened = gzip.open if file.read(2) == GZIP_MAGIC else open
    with opened(path, "rb") as unpacked:
        read = 0
        while block := unpacked.read(BLOCK_BYTES):
            read += len(block)
            _check_bytes(path, read, "a FITS file, unpacked,", LARGEST_BYTES)
            for number in AXES.findall(block):
                if int(number) > MOST_AXES:
                    raise CubeFormatError(
                        f"{path}: NAXIS is {int(number)}; expected at most {MOST_AXES}, as the "
                        "FITS standard has it: copy the file again"
                    )


def _check_sums(path: Path) -> None:
    """Refuse parts that are not what their CHECKSUM and DATASUM say.

    Where neither header nor data agree, the header was carried over from another file, as in the
    released cubes of KURVS: nothing can be verified, and that is logged.
    """
    damaged: list[str] = []
    carried_over: list[str] = []
    # A compressed image is verified as the table that it is on disk.
    with fits.open(path, ignore_missing_simple=True, disable_image_compression=True) as hdus:
        for number, hdu in enumerate(hdus):
            if not hasattr(hdu, "verify_checksum"):  # its header is broken: for the reader to judge
                continue
            failed = [
                keyword
                for keyword, verify in (
                    ("CHECKSUM", hdu.verify_checksum), ("DATASUM", hdu.verify_datasum)
                )
                if hdu.header.get(keyword) and not _holds(verify)
            ]  # fmt: skip
            if failed:
                name = f"extension {number} ({hdu.name or 'PRIMARY'}, {' and '.join(failed)})"
                unsigned = len(failed) == 2 and not _is_signed(hdu.header)
                (carried_over if unsigned else damaged).append(name)
    if damaged:
        raise CubeFormatError(
            f"{path}: {', '.join(damaged)} is not what was written, by its checksum: copy the file "
            "again; if it was changed on purpose, write new checksums (fitscheck --write), or give "
            "--ignore-checksum"
        )
    for name in carried_over:
        logger.warning(
            "%s: checksums of %s are of another header and other data: not verified", path, name
        )


def _holds(verify: Callable[[], int]) -> bool:
    """Whether a checksum is that of the bytes; one that is no number is not."""
    try:
        return bool(verify())
    except ValueError:
        return False


def _is_signed(header: fits.Header) -> bool:
    """Whether CHECKSUM is that of this header and of data with its DATASUM, or that is no number.

    All 32-bit words then add up to -0, in ones' complement (FITS 4.0, Appendix J).
    """
    try:
        total = int(header["DATASUM"])
    except ValueError:
        return True
    words = np.frombuffer(header.tostring().encode("ascii"), ">u4")
    total += int(words.sum(dtype=np.uint64))
    return total % 0xFFFFFFFF == 0


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
    """Return the SHA-256 of a file, or of the files of a zarr store, in hexadecimal.

    CubeFormatError if it is a pipe or device, or larger than any input; OSError if there is none.
    """
    if path.suffix == ".zarr" and path.is_dir():
        return folder_checksum(path)
    if path.exists() and not path.is_dir():
        regular_file(path, "a file")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_checksum(path: Path) -> str:
    """Return the SHA-256 of the names and contents of all files below a folder, in hexadecimal."""
    parts = sorted(part for part in path.rglob("*") if part.is_file())
    named = (f"{part.relative_to(path).as_posix()} {checksum(part)}\n" for part in parts)
    return hashlib.sha256("".join(named).encode()).hexdigest()
