"""Cubes written for other software: names, classes and references, read back as they were."""

import numpy as np
import pytest
from astropy.io import fits

from kurvs_pipeline.io.fits.writing import write_eso, write_flux_err
from kurvs_pipeline.io.reading import read_observation
from kurvs_sim import Galaxy, SpaxelGrid, observe

CLASSES = {
    write_eso: {
        "IFU.1.DATA": ("DATA", None, {"ERRDATA": "IFU.1.NOISE"}),
        "IFU.1.NOISE": ("ERROR", "RMSE", {"SCIDATA": "IFU.1.DATA"}),
    },
    write_flux_err: {
        "FLUX": ("DATA", None, {"ERRDATA": "ERR", "QUALDATA": "MASK"}),
        "ERR": ("ERROR", "RMSE", {"SCIDATA": "FLUX"}),
        "MASK": ("QUALITY", "FLAG8BIT", {"SCIDATA": "FLUX"}),
        "STAT": ("ERROR", "MSE", {"SCIDATA": "FLUX"}),
    },
}


@pytest.fixture(scope="module")
def mock():
    galaxy = Galaxy(inclination_deg=40.0, position_angle_deg=70.0, ra_deg=53.1, dec_deg=-27.8)
    tree = observe(galaxy, grid=SpaxelGrid(n_x=11, n_y=9), bands=("H",))
    tree["H"]["mask"][100, 4, 5] = True
    return tree


@pytest.mark.parametrize("write", CLASSES, ids=lambda write: write.__name__)
def test_every_extension_states_what_it_holds_and_what_belongs_to_it(mock, tmp_path, write):
    with fits.open(write(mock, tmp_path)["H"]) as hdus:
        assert [hdu.name for hdu in hdus[1:]] == [*CLASSES[write]]
        for name, (kind, detail, belongs) in CLASSES[write].items():
            header = hdus[name].header
            assert header["HDUCLASS"] == "ESO"
            assert (header["HDUCLAS2"], header.get("HDUCLAS3")) == (kind, detail)
            assert {key: header.get(key) for key in belongs} == belongs


def test_a_flux_err_cube_comes_back_as_it_was(mock, tmp_path):
    found = read_observation(write_flux_err(mock, tmp_path)["H"])
    for name in ("mask", "wavelength", "x", "y", "lsf_sigma"):
        np.testing.assert_allclose(found["H"][name], mock["H"][name], rtol=1e-9, atol=1e-12)
    seen = ~mock["H"]["mask"].to_numpy()
    for name in ("flux", "variance"):
        expected = mock["H"][name].to_numpy()[seen]
        np.testing.assert_allclose(found["H"][name].to_numpy()[seen], expected, rtol=1e-5)
    assert found.attrs["position_angle_deg"] == pytest.approx(70.0)


def test_variance_is_the_square_of_the_deviation(mock, tmp_path):
    with fits.open(write_flux_err(mock, tmp_path)["H"]) as hdus:
        np.testing.assert_allclose(hdus["STAT"].data, hdus["ERR"].data ** 2, rtol=1e-5)


@pytest.mark.parametrize("write", CLASSES, ids=lambda write: write.__name__)
def test_noise_that_is_not_known_is_not_written(mock, tmp_path, write):
    unknown = mock.copy()
    unknown["H"] = mock["H"].to_dataset().assign(variance=mock["H"]["variance"] * np.nan)
    with fits.open(write(unknown, tmp_path)["H"]) as hdus:
        assert not {"ERR", "STAT", "IFU.1.NOISE"} & {hdu.name for hdu in hdus}
        assert "ERRDATA" not in hdus[1].header
    assert np.isnan(read_observation(tmp_path / "mock_H.fits")["H"]["variance"]).all()
