"""The comparison of mock with real noise: its statistics on made-up noise, and what they say."""

import numpy as np
import pytest

from experiments.studies.mock_and_real import (
    FIGURE_NAME,
    REDSHIFT,
    NoiseStatistics,
    compare,
    correlation,
    main,
    mock_of_same_set_up,
    normalised_noise,
)
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.observation import band_dataset

YJ = KMOS_BANDS["YJ"]


@pytest.fixture
def white():
    return np.random.default_rng(3).standard_normal((2048, 12, 13))


def cube_of(flux, sigma):
    return band_dataset(
        flux=flux,
        variance=np.full(flux.shape, sigma**2),
        mask=np.zeros(flux.shape, dtype=bool),
        wavelength_um=YJ.wavelength_um,
        x_arcsec=0.2 * np.arange(flux.shape[2]),
        y_arcsec=0.2 * np.arange(flux.shape[1]),
        lsf_sigma_um=np.full(YJ.n_channels, YJ.lsf_sigma_um),
    )


def test_white_gaussian_noise_is_uncorrelated_and_has_a_kurtosis_of_three(white):
    measured = NoiseStatistics.of(1.3 * white)
    for along in (measured.along_x, measured.along_y, measured.along_wavelength):
        assert np.abs(along).max() < 5.0 / np.sqrt(white.size)
    assert measured.kurtosis == pytest.approx(3.0, abs=5.0 * np.sqrt(24.0 / white.size))
    assert measured.true_over_stated == pytest.approx(1.3, rel=0.01)
    assert measured.n_voxels == white.size


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_running_mean_correlates_neighbours_as_its_taps_overlap(white, axis):
    """Three equal taps: 2/3, 1/3, 0."""
    along = np.moveaxis(white, axis, 0)
    smooth = np.moveaxis(along[:-2] + along[1:-1] + along[2:], 0, axis)
    found = [correlation(smooth, axis, lag) for lag in (1, 2, 3)]
    assert found == pytest.approx([2.0 / 3.0, 1.0 / 3.0, 0.0], abs=0.01)
    other = (axis + 1) % 3
    assert correlation(smooth, other, 1) == pytest.approx(0.0, abs=0.01)


def test_voxels_that_are_not_a_number_do_not_count(white):
    smooth = white[..., 1:] + white[..., :-1]
    smooth[np.random.default_rng(4).uniform(size=smooth.shape) < 0.3] = np.nan
    assert correlation(smooth, 2, 1) == pytest.approx(0.5, abs=0.01)


def test_double_exponential_noise_has_a_kurtosis_of_six():
    noise = np.random.default_rng(5).laplace(size=(2000, 12, 13))
    assert NoiseStatistics.of(noise).kurtosis == pytest.approx(6.0, rel=0.03)


def test_continuum_and_lines_of_the_galaxy_are_not_noise(white):
    halpha = 0.656461 * (1.0 + REDSHIFT)
    line = 50.0 * np.exp(-0.5 * ((YJ.wavelength_um - halpha) / 4e-4) ** 2)
    galaxy = (30.0 + 20.0 * (YJ.wavelength_um - 1.2) + line)[:, None, None]
    noise = normalised_noise(cube_of(2.0 * white + galaxy, sigma=2.0), REDSHIFT, (1.03, 1.33))
    measured = NoiseStatistics.of(noise)
    # The median takes a little noise along, and leaves a little of a slope at the ends.
    assert measured.true_over_stated == pytest.approx(1.0, abs=0.015)
    assert measured.kurtosis == pytest.approx(3.0, abs=0.06)
    assert np.abs(measured.along_wavelength).max() < 0.03


def test_channels_out_of_band_and_spaxels_without_data_are_left_out(white):
    cube = cube_of(white, sigma=1.0)
    cube["mask"][:1200, 3, 4] = True
    noise = normalised_noise(cube, REDSHIFT, (1.10, 1.20))
    outside = (YJ.wavelength_um < 1.10) | (YJ.wavelength_um > 1.20)
    assert np.isnan(noise[outside]).all()
    assert np.isnan(noise[:, 3, 4]).all()


def test_the_mock_is_as_noisy_as_its_cube_states_times_the_error_of_the_statement():
    noise = normalised_noise(mock_of_same_set_up(), REDSHIFT, (1.03, 1.33))
    measured = NoiseStatistics.of(noise)
    assert measured.true_over_stated == pytest.approx(1.2, rel=0.03)
    assert measured.along_x[0] == pytest.approx(0.26, abs=0.05)
    assert measured.along_y[0] == pytest.approx(0.07, abs=0.05)


@pytest.mark.real_data
def test_the_noise_of_the_mock_is_like_that_of_the_real_cube(shared_data):
    """Correlations to 0.1, kurtosis within a factor 1.5."""
    compared = compare(shared_data / "real/cubes/ecdfsf3_ifu22.fits")
    real, mock = compared["real"][2], compared["mock"][2]
    for axis in ("along_x", "along_y", "along_wavelength"):
        assert getattr(mock, axis) == pytest.approx(getattr(real, axis), abs=0.1)
    assert 1.0 / 1.5 < mock.kurtosis / real.kurtosis < 1.5
    assert mock.true_over_stated == pytest.approx(real.true_over_stated, rel=0.1)


@pytest.mark.real_data
def test_the_command_writes_the_figure_and_prints_the_table(shared_data, tmp_path, capsys):
    main([str(shared_data / "real/cubes/ecdfsf3_ifu22.fits"), str(tmp_path)])
    assert (tmp_path / FIGURE_NAME).stat().st_size > 10_000
    assert "| kurtosis (3 for a Gaussian) |" in capsys.readouterr().out
