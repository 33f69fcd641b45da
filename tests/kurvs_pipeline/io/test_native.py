"""The native layout: an Observation on disk is the Observation in memory."""

import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kurvs_pipeline.errors import CubeFormatError, OutputError
from kurvs_pipeline.io.native import is_native, read_native, write_native
from kurvs_pipeline.observation import ObservationMetadata, band_dataset, make_observation

SUFFIXES = (".nc", ".zarr")


def observation(metadata=None, *, truth=True, seed=0):
    """Return a small Observation with unknown, masked and extreme voxels."""
    random = np.random.default_rng(seed)
    flux = random.normal(size=(5, 3, 4))
    flux[0, 0, 0], flux[1, 1, 1] = np.nan, 1e-30
    band = band_dataset(
        flux=flux, variance=np.where(flux > 0.0, flux, np.nan), mask=flux < -1.0,
        wavelength_um=np.linspace(1.5, 1.6, 5), x_arcsec=np.arange(4.0), y_arcsec=np.arange(3.0),
        lsf_sigma_um=np.full(5, 1e-4), wcs_header="CTYPE1  = 'RA---TAN'\nCTYPE2  = 'DEC--TAN'",
    )  # fmt: skip
    profiles = xr.Dataset(
        {"gradient": ("diagnostic", [-0.02, math.nan], {"units": "dex / kpc"})},
        coords={"diagnostic": ["n2", "o32_survey"]},
        attrs={"dispersion_kms": 50.0, "n_clumps": 3},
    )
    tree = make_observation(
        {"H": band, "IZ": band.isel(x=slice(2))},
        metadata or ObservationMetadata(name="disk", redshift=1.5, seed=7),
        profiles if truth else None,
    )
    tree.attrs["assumptions"] = "one line\nanother, with = and ' in it"
    return tree


def described(tree):
    """Return every value's type, and every attribute with its type, of a tree."""
    return {
        (node.path, name): (str(item.dtype), {k: (type(v), repr(v)) for k, v in item.attrs.items()})
        for node in tree.subtree
        for name, item in node.variables.items()
    } | {
        (node.path, None): {k: (type(v), repr(v)) for k, v in node.attrs.items()}
        for node in tree.subtree
    }


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("truth", [True, False])
def test_what_is_read_is_identical_to_what_was_written(tmp_path, suffix, truth):
    written = observation(truth=truth)
    read = read_native(write_native(written, tmp_path / f"disk{suffix}"))
    xr.testing.assert_identical(read, written)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_types_of_values_and_attributes_are_kept(tmp_path, suffix):
    written = observation()
    read = read_native(write_native(written, tmp_path / f"disk{suffix}"))
    assert described(read) == described(written)


@given(
    metadata=st.builds(
        ObservationMetadata,
        name=st.text(
            st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cs",)),
            max_size=20,
        ),
        redshift=st.floats(0.0, 10.0) | st.just(math.nan),
        effective_radius_arcsec=st.floats(0.01, 10.0) | st.just(math.nan),
        seed=st.integers(-1, 2**62),
    ),
    suffix=st.sampled_from(SUFFIXES),
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_metadata_comes_back(tmp_path, metadata, suffix):
    read = read_native(write_native(observation(metadata), tmp_path / f"disk{suffix}"))
    assert repr(ObservationMetadata.from_attrs(read.attrs)) == repr(metadata)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_there_is_replaced(tmp_path, suffix):
    path = tmp_path / f"disk{suffix}"
    write_native(observation(), path)
    write_native(read_native(path), path)
    write_native(observation(truth=False, seed=1), path)
    xr.testing.assert_identical(read_native(path), observation(truth=False, seed=1))


def test_a_written_netcdf_file_opens_without_this_project(tmp_path):
    write_native(observation(), tmp_path / "disk.nc")
    with xr.open_dataset(tmp_path / "disk.nc", group="H", engine="h5netcdf") as band:
        assert band["flux"].attrs["units"] == "1e-16 erg / (s cm2 um)"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_missing_file_is_named(tmp_path, suffix):
    with pytest.raises(CubeFormatError, match=rf"nowhere\{suffix}: no such file"):
        read_native(tmp_path / f"nowhere{suffix}")


@pytest.mark.parametrize("name", ["disk.fits", "disk"])
def test_another_suffix_is_refused_with_those_that_are_known(tmp_path, name):
    with pytest.raises(CubeFormatError, match=r"ends in \.nc or \.zarr, found the suffix"):
        write_native(observation(), tmp_path / name)
    assert not is_native(tmp_path / name)


def test_text_that_is_called_netcdf_is_refused(tmp_path):
    (tmp_path / "disk.nc").write_text("not a cube")
    with pytest.raises(CubeFormatError, match=r"disk\.nc: cannot be read as netCDF"):
        read_native(tmp_path / "disk.nc")


def test_a_folder_that_is_called_zarr_is_refused(tmp_path):
    (tmp_path / "disk.zarr").mkdir()
    with pytest.raises(CubeFormatError, match=r"disk\.zarr: cannot be read as zarr"):
        read_native(tmp_path / "disk.zarr")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_cut_short_is_refused(tmp_path, suffix):
    path = write_native(observation(), tmp_path / f"disk{suffix}")
    damaged = path if path.is_file() else path / "H" / "flux" / "0.0.0"
    damaged.write_bytes(damaged.read_bytes()[:-20])
    with pytest.raises(CubeFormatError, match="cannot be read as"):
        read_native(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_dataset_that_is_no_observation_is_refused_with_what_it_holds(tmp_path, suffix):
    path = tmp_path / f"table{suffix}"
    table = xr.DataTree.from_dict({"/": xr.Dataset({"temperature": 3.0}), "/K": xr.Dataset()})
    if suffix == ".nc":
        table.to_netcdf(path, engine="h5netcdf")
    else:
        table.to_zarr(path, zarr_format=2)
    with pytest.raises(CubeFormatError, match=r"expected a group for each .* found K, temperature"):
        read_native(path)


def test_a_band_that_breaks_the_contract_is_named(tmp_path):
    tree = observation()
    tree["H"] = tree["H"].to_dataset().drop_vars("mask")
    path = write_native(tree, tmp_path / "disk.nc")
    with pytest.raises(CubeFormatError, match=r"disk\.nc: is not an observation: H: 'mask'"):
        read_native(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_place_that_cannot_be_written_is_named(tmp_path, suffix):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=rf"disk\{suffix}: cannot be written"):
        write_native(observation(), tmp_path / "file" / f"disk{suffix}")
