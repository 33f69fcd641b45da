"""Cubes that hold too few lines for abundances, from the file to tables and figures."""

import numpy as np
import pytest
import xarray as xr

from experiments.cli import BAD_INPUT, execute
from kurvs_pipeline.io.native import write_native
from kurvs_pipeline.results.reading import read_results
from kurvs_sim import Galaxy, observe

REDSHIFT = 1.5
HALPHA_UM = 0.656461 * (1.0 + REDSHIFT)


@pytest.fixture(scope="module")
def halpha_alone(tmp_path_factory):
    """Return the folder of the measurement of a cube that ends before [N II] 6584."""
    mock = observe(Galaxy(redshift=REDSHIFT, inclination_deg=30.0), bands=["H"], seed=1)
    before_nii = slice(HALPHA_UM - 0.03, HALPHA_UM + 0.0015)
    mock["H"] = xr.DataTree(mock["H"].to_dataset().sel(wavelength=before_nii))
    folder = tmp_path_factory.mktemp("halpha")
    write_native(mock, folder / "halpha.nc")
    out = folder / "out"
    assert execute(["measure", str(folder / "halpha.nc"), "--output", str(out)]) == 0
    return out


def test_without_nii_there_are_fluxes_and_no_abundances(halpha_alone):
    results = read_results(halpha_alone)
    assert results.snr("integrated", "halpha") > 20.0
    assert len(results.abundances) == len(results.gradients) == 0
    assert {"aperture", "diagnostic", "abundance", "limit"} <= set(results.abundances.colnames)
    assert {"diagnostic", "estimator", "gradient", "flag"} <= set(results.gradients.colnames)
    assert list(results.classes["class_local"]) == ["unknown"] * len(results.apertures)


def test_empty_tables_have_the_units_of_full_ones(halpha_alone):
    results = read_results(halpha_alone)
    assert str(results.abundances["abundance"].unit) == "dex"
    assert str(results.gradients["gradient"].unit) == "dex / kpc"
    assert results.abundances["extrapolated"].dtype == np.bool_


@pytest.mark.parametrize("figure", ["summary", "spectra"])
def test_figures_are_drawn_without_abundances(figure, halpha_alone, tmp_path):
    out = tmp_path / "figure.png"
    assert execute(["plot", figure, str(halpha_alone), "--output", str(out), "--quiet"]) == 0


def test_oiii_alone_is_refused_with_what_is_missing(tmp_path, capsys):
    path = tmp_path / "oiii.nc"
    write_native(observe(Galaxy(redshift=REDSHIFT), bands=["YJ"], seed=1), path)
    assert execute(["measure", str(path), "--output", str(tmp_path / "out")]) == BAD_INPUT
    error = capsys.readouterr().err
    assert "H-alpha at redshift 1.5" in error
    assert "give the cube with H-alpha" in error
    assert not (tmp_path / "out").exists()
