"""Velocity maps are the galaxy's own, also where the detector is not whole."""

from dataclasses import replace

import numpy as np
import pytest

from kurvs_pipeline.kinematics.velocity_map import _fill_nearest, kinematic_maps
from kurvs_pipeline.spectra.calibration import calibrate
from kurvs_sim import Galaxy, SpaxelGrid, observe

GRID = SpaxelGrid(n_x=28, n_y=14)
GALAXY = Galaxy(position_angle_deg=90.0, effective_radius_arcsec=0.6)


@pytest.fixture(scope="module")
def dataset():
    return observe(GALAXY, bands=["H"], grid=GRID, seed=3)["H"].to_dataset()


def maps_of(dataset):
    band = calibrate(dataset, redshift=GALAXY.redshift, source_radius_arcsec=1.2)
    return kinematic_maps(band, GALAXY.redshift, kernel_arcsec=0.4, spaxel_arcsec=0.1)


def test_both_sides_of_a_dead_column_keep_their_velocity(dataset):
    dead = dataset.copy(deep=True)
    dead["mask"][:, :, 13:15] = True
    maps, whole = maps_of(dead), maps_of(dataset)
    assert maps.measured[7, 8]
    assert maps.measured[7, 19]
    assert not maps.measured[:, 13:15].any()
    inside = maps.measured & whole.measured
    # The neighbours of the gap are smoothed over fewer spaxels.
    assert np.median(np.abs(maps.velocity_kms - whole.velocity_kms)[inside]) < 5.0
    assert np.ptp(maps.velocity_kms) > 0.9 * np.ptp(whole.velocity_kms)


def test_a_residual_away_from_the_galaxy_is_not_part_of_it():
    compact = replace(GALAXY, effective_radius_arcsec=0.15)
    dataset = observe(compact, bands=["H"], grid=GRID, seed=3)["H"].to_dataset()
    assert not maps_of(dataset).measured[:5, :4].any()
    dataset["flux"][:, :4, :3] += 0.2 * dataset["flux"][:, 5:9, 12:15].to_numpy()
    maps = maps_of(dataset)
    assert maps.halpha_snr[1, 1] > 5.0
    assert maps.measured[7, 13]
    assert not maps.measured[:5, :4].any()


def test_unknown_spaxels_take_the_nearest_velocity():
    values = np.array([[1.0, 0.0, 0.0, 7.0]])
    filled = _fill_nearest(values, np.array([[True, False, False, True]]))
    np.testing.assert_array_equal(filled, [[1.0, 1.0, 7.0, 7.0]])
