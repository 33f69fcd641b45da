"""Velocity maps from elsewhere: what stands for no data, and what contradicts the cube."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from kurvs_pipeline import Pipeline
from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.io.images import read_velocity_map
from kurvs_pipeline.kinematics.velocity_map import KinematicMaps, contradiction, with_velocities
from kurvs_sim import Galaxy, PointSpreadFunction, observe
from kurvs_sim.profiles import Arctan

N = 21
EAST, NORTH = np.meshgrid(np.arange(N) - 10.0, np.arange(N) - 10.0)
DISK = 150.0 * np.tanh((0.8 * EAST - 0.6 * NORTH + 0.37) / 3.0)
"""A disk that is none of its mirror images."""

FAR = np.hypot(EAST, NORTH) > 6.0


@pytest.fixture
def maps():
    """Return maps of the disk as a cube has them, with noise of 10 km/s, out to 8 spaxels."""
    noise = 10.0 * np.random.default_rng(1).standard_normal(DISK.shape)
    ones = np.ones(DISK.shape)
    return KinematicMaps(DISK + noise, 50.0 * ones, ones, 10.0 * ones, np.hypot(EAST, NORTH) < 8.0)


@pytest.mark.parametrize("fill", [-999.0, 0.0, 1e20, -9999.0])
def test_a_fill_value_is_no_velocity(maps, fill):
    given = with_velocities(maps, np.where(FAR, fill, DISK))
    np.testing.assert_array_equal(given.measured, ~FAR)
    assert np.abs(given.velocity_kms).max() < 150.0


def test_a_good_map_is_taken_as_it_is(maps):
    given = with_velocities(maps, DISK)
    np.testing.assert_array_equal(given.velocity_kms, DISK)
    assert given.measured.all()
    assert contradiction(maps, DISK) == ""


def test_a_map_of_equal_columns_has_no_fill_values(maps):
    """Every value stands in 21 spaxels exactly, and each is right."""
    columns = 150.0 * np.tanh(EAST / 3.0)
    of_columns = replace(maps, velocity_kms=columns + 5.0)
    assert with_velocities(of_columns, columns).measured.all()


def test_a_map_relative_to_another_redshift_is_no_contradiction(maps):
    assert contradiction(maps, DISK + 80.0) == ""


def test_a_galaxy_that_does_not_rotate_contradicts_nothing(maps):
    still = replace(maps, velocity_kms=maps.velocity_kms - DISK)
    assert contradiction(still, np.zeros(DISK.shape)) == ""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (-DISK, "with its sign changed"),
        (DISK.T, "with x and y exchanged"),
        (DISK[:, ::-1], "mirrored in x"),
        (DISK[::-1], "mirrored in y"),
    ],
)
def test_a_map_that_contradicts_the_cube_is_named_with_what_would_agree(maps, wrong, said):
    assert said in contradiction(maps, wrong)


def test_lines_behind_a_contradicting_map_are_flagged():
    galaxy = Galaxy(
        redshift=1.5, inclination_deg=60.0, position_angle_deg=30.0, effective_radius_arcsec=0.6,
        rotation=Arctan(asymptote=250.0, turnover_radius=1.0),
    )  # fmt: skip
    mock = observe(
        galaxy, bands=["H"], psf=PointSpreadFunction("gaussian", 0.4), halpha_snr=100.0, seed=1,
        within_kms_of_lines=3000.0,
    )  # fmt: skip
    pipeline = Pipeline("2x0.6")
    own = pipeline.locate(mock).frame.maps.velocity_kms
    right, wrong = (pipeline.run(mock, velocity_kms=map_) for map_ in (own, -own))
    assert not any("doubtful_velocities" in flag for flag in right.fluxes["flag"])
    assert all("doubtful_velocities" in flag for flag in wrong.fluxes["flag"])
    fitted = wrong.gradients[wrong.gradients["flag"] != "too_few_bins"]
    assert len(fitted) > 0
    assert all("doubtful_velocities" in flag for flag in fitted["flag"])
    assert any("its sign changed" in note for note in wrong.assumptions)


def images(path, *named):
    hdus = []
    for name, unit, value in named:
        hdu = fits.ImageHDU(np.full((3, 4), value), name=name)
        if unit:
            hdu.header["BUNIT"] = unit
        hdus.append(hdu)
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    return path


def test_of_several_images_the_one_named_velocity_is_read(tmp_path):
    path = images(
        tmp_path / "maps.fits", ("FLUX", "", 1.0), ("VELOCITY_ERR", "km/s", 2.0),
        ("VELOCITY", "km/s", 3.0), ("SIGMA", "km/s", 4.0),
    )  # fmt: skip
    assert read_velocity_map(path)[0, 0] == 3.0


def test_of_several_images_the_one_in_a_unit_of_velocity_is_read(tmp_path):
    path = images(tmp_path / "maps.fits", ("FLUX", "adu", 1.0), ("MOMENT1", "m/s", 3000.0))
    assert read_velocity_map(path)[0, 0] == 3.0


def test_several_images_that_cannot_be_told_apart_are_named(tmp_path):
    path = images(tmp_path / "maps.fits", ("ONE", "", 1.0), ("TWO", "", 2.0))
    with pytest.raises(CubeFormatError, match=r"2 images \(ONE, TWO\); expected one of velocities"):
        read_velocity_map(path)
