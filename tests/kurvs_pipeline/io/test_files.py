"""What is no regular file of a plausible size is refused before it is opened, by every reader."""

import os
from pathlib import Path

import pytest

from kurvs_pipeline.errors import CubeFormatError, KurvsError, MetadataError
from kurvs_pipeline.io.files import as_paths, checksum, regular_file, zarr_store
from kurvs_pipeline.io.fits.cube import read_cube
from kurvs_pipeline.io.images import read_star, read_velocity_map
from kurvs_pipeline.io.native import read_native
from kurvs_pipeline.io.reading import read_observation
from kurvs_pipeline.io.tables import read_spectra_table, read_table
from kurvs_pipeline.results.reading import read_result_table

READERS = {
    read_cube: "x.fits", read_star: "x.fits", read_velocity_map: "x.fits",
    read_observation: "x.fits", read_native: "x.nc", read_table: "x.csv",
    read_spectra_table: "x.ecsv", read_result_table: "x.ecsv",
}  # fmt: skip


def pipe(path):
    os.mkfifo(path)


def device(path):
    path.symlink_to("/dev/full")


def huge(path):
    path.touch()
    os.truncate(path, 4 * 2**30)  # no byte of it is on disk


@pytest.mark.parametrize("kind", [pipe, device, Path.mkdir, huge])
@pytest.mark.parametrize(("reader", "name"), READERS.items(), ids=lambda value: str(value)[:24])
def test_what_is_no_file_to_read_is_refused(tmp_path, reader, name, kind):
    path = tmp_path / name
    kind(path)
    with pytest.raises(KurvsError, match=r"expected|is a folder") as refusal:
        reader(path)
    assert name in str(refusal.value)


@pytest.mark.parametrize("kind", [pipe, device, huge])
def test_the_checksum_of_an_input_comes_to_an_end(tmp_path, kind):
    kind(tmp_path / "x")
    with pytest.raises(CubeFormatError, match="expected a file"):
        checksum(tmp_path / "x")


@pytest.mark.parametrize("kind", [pipe, device, huge])
def test_a_store_of_what_is_no_file_is_refused(tmp_path, kind):
    store = tmp_path / "x.zarr"
    store.mkdir()
    kind(store / "part")
    for reader in (zarr_store, read_native):
        with pytest.raises(CubeFormatError, match="zarr store"):
            reader(store)


def test_a_survey_cube_that_is_a_pipe_is_refused(tmp_path):
    folder = tmp_path / "CDFS" / "H"
    folder.mkdir(parents=True)
    pipe(folder / "x.fits")
    with pytest.raises(CubeFormatError, match="is a device, pipe or socket"):
        read_observation([folder / "x.fits"])


def test_the_size_that_is_expected_is_said(tmp_path):
    huge(tmp_path / "x.fits")
    with pytest.raises(CubeFormatError, match=r"holds 4,096 MiB; expected .* at most 2,048 MiB"):
        regular_file(tmp_path / "x.fits", "a FITS file")


def test_one_path_is_one_path():
    assert (
        as_paths("x.fits") == as_paths(Path("x.fits")) == as_paths(["x.fits"]) == [Path("x.fits")]
    )
    assert as_paths(("a", Path("b"))) == [Path("a"), Path("b")]


@pytest.mark.parametrize("paths", [3, None, [1], b"x.fits", {"H": "x.fits"}])
def test_what_is_no_path_is_refused_by_its_name(paths):
    with pytest.raises(MetadataError, match="paths is"):
        read_observation(paths)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_single_path_is_not_taken_apart(tmp_path, kind):
    with pytest.raises(CubeFormatError, match=r"x\.fits: no such file"):
        read_observation(kind(tmp_path / "x.fits"))


def test_no_path_at_all_is_refused():
    with pytest.raises(CubeFormatError, match="no cube given"):
        read_observation([])
