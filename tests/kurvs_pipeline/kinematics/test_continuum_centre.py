"""Where a galaxy is, by its stars and by its gas."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.kinematics.frame import GalaxyFrame
from kurvs_pipeline.observation import metadata_of
from kurvs_pipeline.pipeline import Pipeline
from kurvs_pipeline.results.reading import read_results
from kurvs_pipeline.results.writing import write_results
from kurvs_pipeline.spectra.cubes import CalibratedCubes
from kurvs_sim import Galaxy, PointSpreadFunction, observe

OFFSET = (0.23, -0.17)
"""Of the galaxy from where x and y count from, arcsec."""

SCHEME = BinningScheme.parse("2x0.5")


def with_light(band, light):
    """Return a band with an image added to every channel."""
    total = (band["flux"] + light).transpose(*band["flux"].dims)
    return band.assign(flux=band["flux"].copy(data=total.to_numpy()))


def lost_galaxy(seed, stars):
    """Return a mock whose header does not say where the galaxy is, with stars of a brightness."""
    galaxy = Galaxy(redshift=1.5, inclination_deg=30.0, effective_radius_arcsec=0.4)
    psf = PointSpreadFunction("gaussian", 0.6)
    mock = observe(galaxy, bands=["H"], psf=psf, seed=seed)
    band = mock["H"].to_dataset()
    x, y = band["x"], band["y"]
    # In the same place, round and of Gaussian profile: no model of ours.
    light = np.exp(-0.5 * (x**2 + y**2) / 0.3**2)
    sigma = np.sqrt(float(band["variance"].median()))
    band = with_light(band, stars * sigma * light)
    band = band.assign_coords(x=x + OFFSET[0], y=y + OFFSET[1])
    metadata = replace(metadata_of(mock), target_position="unknown")
    mock["H"] = xr.DataTree(band)
    mock.attrs.update(metadata.to_attrs())
    return mock


def found_by(centre_by, mock):
    cubes = CalibratedCubes.of(mock, SCHEME)
    frame = GalaxyFrame.of(cubes, centre_by=centre_by)
    x, y = cubes.x_arcsec - frame.x_arcsec, cubes.y_arcsec - frame.y_arcsec
    return (float(x[0]), float(y[0])), frame.assumptions


def test_stars_place_the_centre_to_a_tenth_of_the_seeing():
    misses = []
    for seed in range(4):
        (x, y), assumptions = found_by("continuum", lost_galaxy(seed, stars=0.2))
        assert assumptions[-1].startswith("centre from the brightest continuum: x = +0.")
        misses.append(np.hypot(x - OFFSET[0], y - OFFSET[1]))
    assert np.sqrt(np.mean(np.square(misses))) < 0.06


def test_without_stars_the_gas_places_it():
    (x, y), assumptions = found_by("continuum", lost_galaxy(1, stars=0.0))
    assert (x, y) == pytest.approx(OFFSET, abs=0.08)
    assert "H-alpha centroid, as the continuum is too faint" in assumptions[-1]


def test_the_gas_places_it_by_default_and_says_so(tmp_path):
    mock = lost_galaxy(1, stars=1.0)
    galaxy = Pipeline(SCHEME).run(mock)
    centre = "centre from the H-alpha centroid: "
    assert any(note.startswith(centre) for note in galaxy.assumptions)
    write_results(galaxy, tmp_path)
    assert read_results(tmp_path).assumptions == galaxy.assumptions


def test_a_stated_position_is_kept():
    mock = observe(Galaxy(redshift=1.5), bands=["H"], seed=1)
    assert found_by("continuum", mock) == ((0.0, 0.0), ())


def test_stars_that_are_brightest_at_the_edge_place_nothing():
    mock = lost_galaxy(2, stars=0.0)
    band = mock["H"].to_dataset()
    slope = (band["x"] - float(band["x"].mean())) * np.sqrt(float(band["variance"].median()))
    mock["H"] = xr.DataTree(with_light(band, slope))
    _, assumptions = found_by("continuum", mock)
    assert "H-alpha centroid" in assumptions[-1]


def test_another_way_is_refused():
    with pytest.raises(ConfigurationError, match="--centre-by is 'light'"):
        Pipeline(centre_by="light")
