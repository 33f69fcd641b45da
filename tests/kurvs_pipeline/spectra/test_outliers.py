"""Single hot voxels are left out, and no light is."""

import numpy as np
import pytest

from kurvs_pipeline.spectra.outliers import lone_outliers, stuck_channels
from kurvs_sim import Galaxy, PointSpreadFunction, observe

SHAPE = (40, 12, 12)
EVERYWHERE = np.ones(SHAPE, dtype=bool)


def noise(seed=1):
    return np.random.default_rng(seed).standard_normal(SHAPE)


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("height", [30.0, -30.0, 1e6])
def test_a_single_voxel_far_from_all_that_surround_it_is_found(height, stated):
    flux = noise()
    flux[17, 5, 6] = height
    found = lone_outliers(flux, np.ones(SHAPE) if stated else None, EVERYWHERE)
    assert np.argwhere(found).tolist() == [[17, 5, 6]]


def test_noise_alone_has_no_outliers():
    assert not lone_outliers(noise(), np.ones(SHAPE), EVERYWHERE).any()


def test_neither_a_line_nor_a_star_is_an_outlier():
    """A point source behind sharp seeing, in one line of the narrowest sampling, and continuum."""
    channel, row, column = np.indices(SHAPE)
    line = np.exp(-0.5 * ((channel - 20) / 0.8) ** 2)
    point = np.exp(-0.5 * ((row - 6) ** 2 + (column - 6) ** 2) / 0.7**2)
    flux = 1e4 * point * (line + 0.3) + noise()
    assert not lone_outliers(flux, np.ones(SHAPE), EVERYWHERE).any()


def test_a_sky_line_that_all_spaxels_share_is_no_outlier():
    flux = noise()
    flux[12] += 200.0
    assert not lone_outliers(flux, np.ones(SHAPE), EVERYWHERE).any()


def test_a_bright_mock_has_no_outliers():
    mock = observe(
        Galaxy(redshift=1.5, inclination_deg=30.0, effective_radius_arcsec=0.2), bands=["H"],
        psf=PointSpreadFunction("gaussian", 0.2), halpha_snr=1000.0, within_kms_of_lines=2000.0,
    )["H"]  # fmt: skip
    flux, sigma = mock["flux"].to_numpy(), np.sqrt(mock["variance"].to_numpy())
    assert not lone_outliers(flux, sigma, np.ones(flux.shape, dtype=bool)).any()


def test_hot_voxels_at_the_ends_and_beside_one_another_are_found():
    flux = noise()
    places = [(0, 2, 2), (39, 7, 7), (20, 5, 5), (20, 5, 6)]
    for place in places:
        flux[place] = -500.0
    found = lone_outliers(flux, np.ones(SHAPE), EVERYWHERE)
    assert sorted(map(tuple, np.argwhere(found).tolist())) == sorted(places)


def test_a_stretch_of_one_value_is_no_data():
    flux = noise()
    flux[10:30, 4, 4] = -1.0
    found = stuck_channels(flux, EVERYWHERE)
    assert found[10:30, 4, 4].all()
    assert found.sum() == 20


def test_zeros_between_the_lines_of_a_cube_without_noise_are_data():
    assert not stuck_channels(np.zeros(SHAPE), EVERYWHERE).any()


def test_a_continuum_without_noise_is_data():
    flux = np.full(SHAPE, 40.0)
    flux[18:22] += np.arange(4.0)[:, None, None]
    assert not stuck_channels(flux, EVERYWHERE).any()
