"""Voxels without data, with wrong data or with a wrong error."""

import numpy as np
import pytest

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.io.fits.observation import read_observation
from kurvs_pipeline.io.fits.writing import write_eso
from kurvs_pipeline.spectra.calibration import calibrate
from kurvs_sim import Galaxy, SpaxelGrid, observe
from kurvs_sim.atmosphere.airglow import sky_photon_rate
from kurvs_sim.effects.defects import (
    CosmicRays,
    DeadColumns,
    MisscaledNoise,
    SaturatedLines,
    UnseenEdges,
)
from kurvs_sim.effects.effects import Effects

GRID = SpaxelGrid(n_x=28, n_y=28, spaxel_arcsec=0.1)
GALAXY = Galaxy(redshift=1.5)


def mock(bands=("H",), seed=3, **effects):
    return observe(GALAXY, bands=bands, grid=GRID, seed=seed, effects=Effects(**effects))


@pytest.fixture(scope="module")
def plain():
    return mock()["H"]


def test_a_misscaled_noise_is_attached_too_small_over_the_same_flux(plain):
    misscaled = mock(misscaled_noise=MisscaledNoise())["H"]
    assert np.array_equal(misscaled["flux"], plain["flux"])
    ratio = np.sqrt(plain["variance"] / misscaled["variance"]).to_numpy()
    np.testing.assert_allclose(ratio, 1.13, rtol=1e-5)


def test_the_pipeline_finds_the_scale_of_a_misscaled_noise():
    band = mock(misscaled_noise=MisscaledNoise())["H"].to_dataset()
    found = calibrate(band, redshift=1.5, source_radius_arcsec=1.0).noise_scale
    assert found == pytest.approx(1.13, rel=0.01)


def test_a_dead_column_takes_all_channels_of_one_native_spaxel_in_every_band():
    observation = mock(bands=("YJ", "H"), dead_columns=DeadColumns(n_columns=3))
    masks = {name: observation[name]["mask"].to_numpy() for name in ("YJ", "H")}
    assert np.array_equal(masks["YJ"], masks["H"])
    dead = masks["H"].all(axis=0)
    assert np.array_equal(dead, masks["H"].any(axis=0))
    native = dead.reshape(14, 2, 14, 2)
    assert native.all(axis=(1, 3)).sum() == 3
    assert dead.sum() == 3 * 4
    alone = mock(dead_columns=DeadColumns(n_columns=3))["H"]["mask"].to_numpy()
    assert np.array_equal(alone, masks["H"])


def test_edges_without_data_surround_the_field_and_the_band():
    mask = mock(unseen_edges=UnseenEdges(width_arcsec=0.2))["H"]["mask"].to_numpy()
    band = KMOS_BANDS["H"]
    inside = (band.wavelength_um >= 1.456) & (band.wavelength_um <= 1.85)
    assert mask[~inside].all()
    seen = ~mask[inside]
    assert seen[:, 2:-2, 2:-2].all()
    assert seen.sum() == inside.sum() * 24 * 24


def test_saturated_channels_are_those_of_the_brightest_sky_lines():
    mask = mock(saturated_lines=SaturatedLines(60.0))["H"]["mask"].to_numpy()
    saturated = mask.all(axis=(1, 2))
    assert np.array_equal(saturated, mask.any(axis=(1, 2)))
    rate = sky_photon_rate(KMOS_BANDS["H"])
    assert 0 < saturated.sum() < 40
    assert rate[saturated].min() > 60.0 >= rate[~saturated].max()


def test_invalid_voxels_look_as_a_reader_leaves_them(tmp_path):
    """Masked with flux 0 and variance NaN, before and after a file."""
    made = mock(dead_columns=DeadColumns(), unseen_edges=UnseenEdges())
    cube = made["H"]
    mask = cube["mask"].to_numpy()
    assert (cube["flux"].to_numpy()[mask] == 0.0).all()
    assert np.array_equal(np.isnan(cube["variance"].to_numpy()), mask)
    again = read_observation(list(write_eso(made, tmp_path).values()))["H"]
    assert np.array_equal(again["mask"], mask)
    np.testing.assert_allclose(again["flux"], cube["flux"])


def test_cosmic_rays_are_unmarked_outliers_of_the_stated_number_and_size(plain):
    rays = CosmicRays(hits_per_million_voxels=500.0, least_sigma=8.0, largest_sigma=20.0)
    struck = mock(cosmic_rays=rays)["H"]
    assert not struck["mask"].any()
    assert np.array_equal(struck["variance"], plain["variance"])
    added = ((struck["flux"] - plain["flux"]) / np.sqrt(plain["variance"])).to_numpy()
    hit = added[added > 1.0]
    assert hit.min() > 7.99
    assert hit.max() < 20.01
    # Each takes 2 x 2 resampled spaxels; a Poisson number of mean 200.7.
    expected = 500e-6 * 2048 * 14 * 14
    assert hit.size / 4 == pytest.approx(expected, abs=4.0 * np.sqrt(expected))
    # Evenly spread in the logarithm.
    assert np.log(hit).mean() == pytest.approx(0.5 * np.log(8.0 * 20.0), abs=0.08)


def test_defects_repeat_with_the_seed():
    options = {"dead_columns": DeadColumns(), "cosmic_rays": CosmicRays()}
    first, again, other = (mock(seed=seed, **options)["H"] for seed in (3, 3, 4))
    assert np.array_equal(first["flux"], again["flux"])
    assert not np.array_equal(first["mask"], other["mask"])


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: MisscaledNoise(0.0), "true_over_stated"),
        (lambda: DeadColumns(n_columns=-1), "n_columns"),
        (lambda: mock(dead_columns=DeadColumns(n_columns=197)), "n_columns"),
        (lambda: UnseenEdges(width_arcsec=-0.1), "width_arcsec"),
        (lambda: SaturatedLines(0.0), "photon_rate_limit"),
        (lambda: CosmicRays(hits_per_million_voxels=-1.0), "hits_per_million_voxels"),
        (lambda: CosmicRays(least_sigma=9.0, largest_sigma=5.0), "largest_sigma"),
    ],
)
def test_an_impossible_defect_is_refused_by_name(make, named):
    with pytest.raises(MetadataError, match=named):
        make()
