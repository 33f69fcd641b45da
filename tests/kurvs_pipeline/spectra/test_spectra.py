"""Continuum is removed, flux is kept, and missing voxels do no harm."""

import numpy as np
import pytest

from kurvs_pipeline.bands import KMOS_BANDS, SPEED_OF_LIGHT_KMS
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import CoverageError
from kurvs_pipeline.observation import ObservationMetadata, band_dataset, make_observation
from kurvs_pipeline.spectra.calibration import CalibratedBand, calibrate
from kurvs_pipeline.spectra.coaddition import coadd
from kurvs_pipeline.spectra.continuum import BlockContinuum
from kurvs_pipeline.spectra.cubes import CalibratedCubes
from kurvs_pipeline.spectra.noise import SpatialCorrelation

BAND = KMOS_BANDS["H"]
LINE_CHANNEL = 1000


def cube_of(flux, *, sigma=1.0, valid=None):
    valid = np.ones(flux.shape, dtype=bool) if valid is None else valid
    return CalibratedBand(
        flux=np.where(valid, flux, 0.0),
        sigma=np.where(valid, sigma, np.nan),
        valid=valid,
        wavelength_um=BAND.wavelength_um,
        lsf_sigma_um=np.full(BAND.n_channels, BAND.lsf_sigma_um),
        correlation=SpatialCorrelation(),
        noise_scale=1.0,
        units="adu",
    )


def line_at(velocity_kms):
    """Return a cube with one Gaussian line a spaxel, of flux 1, at the given velocities."""
    centre = BAND.wavelength_um[LINE_CHANNEL] * (1.0 + velocity_kms / SPEED_OF_LIGHT_KMS)
    width = 3.0 * BAND.channel_width_um
    offset = (BAND.wavelength_um[:, None, None] - centre) / width
    return np.exp(-0.5 * offset**2) / np.sqrt(2.0 * np.pi) / 3.0


def test_a_straight_continuum_is_removed_exactly():
    flux = np.linspace(1.0, 2.0, 2048)[:, None, None] * np.ones((1, 3, 3))
    # Beyond the middles of the first and last block nothing bounds the line.
    inside = slice(150, -150)
    found = BlockContinuum.of(flux, np.ones(flux.shape, dtype=bool)).cube()
    np.testing.assert_allclose(found[inside], flux[inside], atol=1e-6)


def test_a_line_does_not_lift_the_continuum_under_it():
    flux = 1.0 + 50.0 * line_at(np.zeros((2, 2)))
    usable = np.ones(flux.shape, dtype=bool)
    usable[LINE_CHANNEL - 60 : LINE_CHANNEL + 60] = False
    np.testing.assert_allclose(BlockContinuum.of(flux, usable).cube(), 1.0, atol=1e-9)


def test_a_spaxel_without_data_has_no_continuum():
    usable = np.ones((2048, 2, 2), dtype=bool)
    usable[:, 0, 0] = False
    found = BlockContinuum.of(np.ones((2048, 2, 2)), usable)
    assert np.all(found.cube()[:, 0, 0] == 0.0)


def test_alignment_keeps_the_flux_and_brings_lines_together():
    velocity = np.linspace(-200.0, 200.0, 64).reshape(8, 8)
    aligned = coadd(cube_of(line_at(velocity)), np.ones((1, 8, 8)), velocity_kms=velocity)
    assert aligned.flux.sum() == pytest.approx(64.0, rel=1e-4)
    spread = np.average((np.arange(2048) - LINE_CHANNEL) ** 2, weights=aligned.flux[0])
    # Nearest-channel alignment adds the variance of a uniform distribution.
    assert spread == pytest.approx(3.0**2 + 1.0 / 12.0, rel=0.01)


def test_variances_add_with_the_square_of_the_weights():
    weights = np.full((1, 4, 4), 0.5)
    spectra = coadd(cube_of(np.zeros((2048, 4, 4)), sigma=2.0), weights)
    np.testing.assert_allclose(spectra.variance, 16 * 0.25 * 4.0)


def test_the_scatter_of_aligned_noise_is_the_quoted_one():
    rng = np.random.default_rng(5)
    velocity = rng.uniform(-200.0, 200.0, (8, 8))
    noise = rng.standard_normal((2048, 8, 8))
    spectra = coadd(cube_of(noise), np.ones((1, 8, 8)), velocity_kms=velocity)
    inside = slice(50, -50)
    pull = spectra.flux[0, inside] / np.sqrt(spectra.variance[0, inside])
    assert pull.std() == pytest.approx(1.0, abs=0.04)
    assert np.corrcoef(pull[1:], pull[:-1])[0, 1] == pytest.approx(0.0, abs=0.06)


def test_a_channel_that_misses_spaxels_is_scaled_up():
    valid = np.ones((2048, 4, 4), dtype=bool)
    valid[700, 0, :] = False
    spectra = coadd(cube_of(np.ones((2048, 4, 4)), valid=valid), np.ones((1, 4, 4)))
    assert spectra.flux[0, 700] == pytest.approx(16.0)
    assert spectra.variance[0, 700] > spectra.variance[0, 701]


def test_a_channel_that_misses_most_spaxels_is_masked():
    valid = np.ones((2048, 4, 4), dtype=bool)
    valid[700, :3, :] = False
    spectra = coadd(cube_of(np.ones((2048, 4, 4)), valid=valid), np.ones((1, 4, 4)))
    assert not spectra.valid[0, 700]
    assert spectra.valid[0, 701]


def observed_band(flux, variance, mask=None):
    centres = 0.2 * (np.arange(flux.shape[1]) - 0.5 * (flux.shape[1] - 1))
    return band_dataset(
        flux=flux, variance=variance,
        mask=np.zeros(flux.shape, dtype=bool) if mask is None else mask,
        wavelength_um=BAND.wavelength_um, x_arcsec=centres, y_arcsec=centres,
        lsf_sigma_um=np.full(BAND.n_channels, BAND.lsf_sigma_um),
    )  # fmt: skip


def test_understated_noise_is_rescaled():
    noise = 1.13 * np.random.default_rng(2).standard_normal((2048, 8, 8))
    band = calibrate(observed_band(noise, np.ones(noise.shape)), redshift=1.5,
                     source_radius_arcsec=0.5)  # fmt: skip
    assert band.noise_scale == pytest.approx(1.13, abs=0.02)


def test_noise_is_found_where_none_is_stated():
    noise = 2.0 * np.random.default_rng(2).standard_normal((2048, 8, 8))
    band = calibrate(observed_band(noise, np.full(noise.shape, np.nan)), redshift=1.5,
                     source_radius_arcsec=0.5)  # fmt: skip
    assert np.nanmedian(band.sigma) == pytest.approx(2.0, abs=0.1)


def test_zero_noise_is_no_data_rather_than_infinite_weight():
    flux = np.random.default_rng(2).standard_normal((2048, 4, 4))
    variance = np.ones(flux.shape)
    variance[500] = 0.0
    band = calibrate(observed_band(flux, variance), redshift=1.5, source_radius_arcsec=0.1)
    assert not band.valid[500].any()


def test_a_cube_without_any_data_has_no_valid_voxel():
    flux = np.full((2048, 4, 4), np.nan)
    band = calibrate(observed_band(flux, flux, np.ones(flux.shape, dtype=bool)), redshift=1.5,
                     source_radius_arcsec=0.1)  # fmt: skip
    assert not band.valid.any()


def test_voxels_at_the_ceiling_of_a_cube_are_taken_as_saturated(caplog):
    flux = np.random.default_rng(2).standard_normal((2048, 4, 4))
    flux[300:320, 1, 2] = 65535.0
    band = calibrate(observed_band(flux, np.ones(flux.shape)), redshift=1.5,
                     source_radius_arcsec=0.1)  # fmt: skip
    assert not band.valid[300:320, 1, 2].any()
    assert band.valid.sum() == flux.size - 20
    assert "saturated" in caplog.text


def test_a_negative_variance_is_no_data():
    flux = np.random.default_rng(2).standard_normal((2048, 4, 4))
    variance = np.ones(flux.shape)
    variance[500, 1] = -1.0
    band = calibrate(observed_band(flux, variance), redshift=1.5, source_radius_arcsec=0.1)
    assert not band.valid[500, 1].any()
    assert band.valid[500, 2].all()


def test_a_wrong_redshift_is_told_what_the_file_covers_and_not_what_was_cut_from_it():
    # At z = 3 [O II] falls into H, and the channels about it are all that is calibrated.
    shape = (BAND.n_channels, 3, 3)
    mask = np.zeros(shape, dtype=bool)
    mask[:200] = mask[-100:] = True
    cube = band_dataset(
        flux=np.random.default_rng(4).standard_normal(shape), variance=np.ones(shape), mask=mask,
        wavelength_um=BAND.wavelength_um, x_arcsec=0.2 * np.arange(3.0),
        y_arcsec=0.2 * np.arange(3.0), lsf_sigma_um=np.full(BAND.n_channels, BAND.lsf_sigma_um),
    )  # fmt: skip
    observation = make_observation({"H": cube}, ObservationMetadata(redshift=3.0))
    first, last = BAND.wavelength_um[200], BAND.wavelength_um[-101]
    with pytest.raises(CoverageError, match=rf"\(H {first:.4f}-{last:.4f} um\)"):
        CalibratedCubes.of(observation, BinningScheme.parse("1x0.3"))
