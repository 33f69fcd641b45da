"""Results on disk: read back as they were, or refused with the reason."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from astropy.table import QTable

from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import ResultsError
from kurvs_pipeline.pipeline import Pipeline
from kurvs_pipeline.results.reading import read_results
from kurvs_pipeline.results.writing import write_results
from kurvs_sim import Galaxy, PointSpreadFunction, observe

TABLES = ("fluxes", "attenuation", "abundances", "gradients")


@pytest.fixture(scope="module")
def galaxy():
    """Return a measured mock in two bands, with a faint outer annulus."""
    mock = observe(
        Galaxy(name="disk", redshift=1.5, inclination_deg=40.0, position_angle_deg=30.0),
        bands=["YJ", "H"], psf=PointSpreadFunction("gaussian", 0.6), halpha_snr=40.0, seed=2,
        within_kms_of_lines=2000.0,
    )  # fmt: skip
    return Pipeline(BinningScheme.parse("3x0.5")).run(mock)


@pytest.fixture
def written(galaxy, tmp_path):
    """Return a folder with the results of the mock."""
    write_results(galaxy, tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", [*TABLES, "ionization", "classes"])
def test_tables_convert_to_pandas_before_and_after_they_are_written(galaxy, written, name):
    for table in (getattr(galaxy, name, None), *map(QTable.read, written.glob(f"{name}.ecsv"))):
        if table is not None:
            assert list(table.to_pandas().columns) == table.colnames
            assert len(table.to_pandas()) == len(table)


def test_what_is_read_is_what_was_written(galaxy, written):
    before, after = galaxy, read_results(written)
    # Unknown values are NaN, which is not equal to itself.
    assert repr(after.metadata) == repr(before.metadata)
    assert after.redshift_err == before.redshift_err
    assert after.apertures == before.apertures
    assert after.coverage == before.coverage
    assert after.noise_scale == before.noise_scale
    for name in ("weights", "x_arcsec", "y_arcsec"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    for name in vars(before.maps):
        np.testing.assert_array_equal(getattr(after.maps, name), getattr(before.maps, name))


def test_spectra_are_read_with_the_band_of_halpha_first(galaxy, written):
    before, after = galaxy.spectra, read_results(written).spectra
    assert list(after) == list(before) == ["H", "YJ"]
    for band, spectra in before.items():
        for name in vars(spectra):
            np.testing.assert_array_equal(getattr(after[band], name), getattr(spectra, name))


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_read_with_their_units_and_empty_text(name, galaxy, written):
    before, after = getattr(galaxy, name), getattr(read_results(written), name)
    assert after.colnames == before.colnames
    for column in before.colnames:
        np.testing.assert_array_equal(np.asarray(after[column]), np.asarray(before[column]))
        assert getattr(after[column], "unit", None) == getattr(before[column], "unit", None)
        assert not np.any(getattr(after[column], "mask", False))


def test_a_line_has_either_a_detection_or_a_limit(galaxy):
    for row in galaxy.fluxes:
        snr = galaxy.snr(row["aperture"], row["line"])
        limit = galaxy.upper_limit(row["aperture"], row["line"])
        assert np.isnan(limit) == (snr > 4.0)


def test_a_line_that_was_not_covered_has_neither(galaxy):
    assert np.isnan(galaxy.snr("A", "oii"))
    assert np.isnan(galaxy.upper_limit("A", "oii"))


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ResultsError, match="found nothing there"):
        read_results(tmp_path / "nowhere")


def test_a_file_is_refused(written):
    with pytest.raises(ResultsError, match=r"expected a folder .* found a file"):
        read_results(written / "measurement.nc")


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(ResultsError, match="holds no results"):
        read_results(tmp_path)


@pytest.mark.parametrize("name", [*(f"{table}.ecsv" for table in TABLES), "measurement.nc"])
def test_incomplete_results_are_refused_by_what_is_missing(name, written):
    (written / name).unlink()
    with pytest.raises(ResultsError, match=f"incomplete, without {name}"):
        read_results(written)


@pytest.mark.parametrize("version", [None, 0, 2])
def test_results_of_another_version_are_refused(version, written):
    path = written / "measurement.nc"
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        changed = tree.load().copy()
    del changed.attrs["results_version"]
    if version is not None:
        changed.attrs["results_version"] = version
    changed.to_netcdf(path, engine="h5netcdf", mode="w")
    with pytest.raises(ResultsError, match=r"expected results of version 1, found (none|0|2)"):
        read_results(written)


@pytest.mark.parametrize("name", ["fluxes.ecsv", "measurement.nc"])
def test_a_broken_file_is_refused_by_its_name(name, written):
    (written / name).write_text("broken")
    with pytest.raises(ResultsError, match=f"{name}: cannot be read as results"):
        read_results(written)


def test_an_array_that_is_missing_is_named(written):
    path = written / "measurement.nc"
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        changed = tree.load().copy()
    changed["maps"] = xr.DataTree(changed["maps"].to_dataset().drop_vars("velocity"))
    changed.to_netcdf(path, engine="h5netcdf", mode="w")
    with pytest.raises(ResultsError, match="velocity"):
        read_results(written)


def test_a_redshift_that_is_only_given_comes_back_so(galaxy, tmp_path):
    write_results(replace(galaxy, redshift_err=float("nan")), tmp_path)
    assert np.isnan(read_results(tmp_path).redshift_err)
