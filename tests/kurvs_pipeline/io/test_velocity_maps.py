"""A velocity map measured elsewhere takes the place of the cube's own."""

import numpy as np
import pytest
from astropy.io import fits

from kurvs_pipeline.errors import CubeFormatError, MetadataError
from kurvs_pipeline.io.images import read_velocity_map
from kurvs_pipeline.pipeline import Pipeline
from kurvs_sim import Galaxy, observe
from kurvs_sim.profiles.radial import Arctan


@pytest.fixture(scope="module")
def mock():
    galaxy = Galaxy(inclination_deg=60.0, rotation=Arctan(asymptote=250.0, turnover_radius=1.0))
    return observe(galaxy, bands=("H",), halpha_snr=80.0, seed=4)


def widths(measured):
    rows = measured.fluxes[measured.fluxes["line"] == "halpha"]
    return rows["sigma"].value


def test_the_true_velocities_align_spaxels_as_well_as_those_of_the_cube(mock):
    true = mock["truth"]["velocity_map"].to_numpy()
    own, supplied = Pipeline().run(mock), Pipeline().run(mock, velocity_kms=true)
    still = Pipeline().run(mock, velocity_kms=np.zeros(true.shape))
    assert widths(supplied)[0] < 1.2 * widths(own)[0]
    assert widths(still)[0] > 1.3 * widths(own)[0]


def test_spaxels_without_a_velocity_take_that_of_the_nearest(mock):
    partial = np.full((28, 28), np.nan)
    partial[:, 5], partial[:, 20] = -100.0, 100.0
    measured = Pipeline().run(mock, velocity_kms=partial)
    assert measured.maps.measured.sum() == 56
    halves = measured.maps.velocity_kms[:, [0, 27]]
    assert np.ptp(halves[:, 0]) == 0.0
    assert (halves[:, 1] - halves[:, 0]).min() == pytest.approx(200.0, rel=1e-3)


@pytest.mark.parametrize(
    ("velocity_kms", "message"),
    [
        (np.zeros((14, 14)), r"shape \(14, 14\).*expected \(28, 28\)"),
        (np.full((28, 28), np.nan), "no finite value"),
        (np.full((28, 28), 449700.0), "subtract the systemic velocity"),
    ],
    ids=["other shape", "empty", "not relative to the galaxy"],
)
def test_a_map_that_cannot_be_is_refused(mock, velocity_kms, message):
    with pytest.raises(MetadataError, match=message):
        Pipeline().run(mock, velocity_kms=velocity_kms)


def test_a_map_is_read_in_its_own_unit(tmp_path):
    image = fits.ImageHDU(np.full((3, 4), 5000.0), name="VELOCITY")
    image.header["BUNIT"] = "m/s"
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(tmp_path / "map.fits")
    np.testing.assert_allclose(read_velocity_map(tmp_path / "map.fits"), np.full((3, 4), 5.0))


def test_a_map_in_another_quantity_is_refused(tmp_path):
    image = fits.PrimaryHDU(np.zeros((3, 4)))
    image.header["BUNIT"] = "mag"
    image.writeto(tmp_path / "map.fits")
    with pytest.raises(MetadataError, match=r"map.fits: BUNIT is 'mag'"):
        read_velocity_map(tmp_path / "map.fits")


def test_a_file_without_an_image_is_refused(tmp_path):
    fits.PrimaryHDU(np.zeros((2, 3, 4))).writeto(tmp_path / "cube.fits")
    with pytest.raises(CubeFormatError, match=r"holds PRIMARY \(2, 3, 4\)"):
        read_velocity_map(tmp_path / "cube.fits")
