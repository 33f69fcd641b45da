"""Apertures lie where the galaxy is, and have the area that they should."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from kurvs_pipeline.binning import Aperture, BinningScheme
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.errors import CoverageError, MetadataError
from kurvs_pipeline.geometry import aperture_coverage, aperture_weights, apertures_for, axis_ratio
from kurvs_pipeline.observation import ObservationMetadata


def test_half_an_arcsec_at_redshift_1_5_is_4_3_kpc():
    assert 0.5 * kpc_per_arcsec(1.5) == pytest.approx(4.3, abs=0.1)


def test_a_thin_disk_has_the_axis_ratio_cos_i():
    assert axis_ratio(60.0, 0.0) == pytest.approx(0.5)


def test_an_edge_on_thick_disk_has_its_own_thickness():
    assert axis_ratio(90.0, 0.2) == pytest.approx(0.2)


def test_a_face_on_annulus_has_the_area_of_a_ring(disk, axes):
    weights = aperture_weights(Aperture("B", 0.5, 1.0), disk, *axes)
    assert weights.sum() * 0.1**2 == pytest.approx(np.pi * (1.0**2 - 0.5**2), rel=1e-6)


@given(
    inclination=st.floats(0.0, 80.0),
    position_angle=st.floats(0.0, 360.0, exclude_max=True),
    radius=st.floats(0.2, 1.2),
)
def test_an_ellipse_has_its_area_whatever_its_orientation(inclination, position_angle, radius):
    centres = 0.1 * (np.arange(28) - 13.5)
    galaxy = ObservationMetadata(
        redshift=1.5, inclination_deg=inclination, position_angle_deg=position_angle
    )
    weights = aperture_weights(
        Aperture("A", 0.0, radius), galaxy, xr.DataArray(centres, dims="x"),
        xr.DataArray(centres, dims="y"),
    )  # fmt: skip
    expected = np.pi * radius**2 * np.cos(np.radians(inclination))
    assert weights.sum() * 0.01 == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("position_angle", "east_of_north"), [(45.0, True), (135.0, False), (225.0, True)]
)
def test_position_angle_runs_from_north_through_east(disk, axes, position_angle, east_of_north):
    inclined = replace(disk, inclination_deg=70.0, position_angle_deg=position_angle)
    weights = aperture_weights(Aperture("A", 0.0, 1.0), inclined, *axes)
    x, y = axes[0].to_numpy()[None, :], axes[1].to_numpy()[:, None]
    # x runs to the West: a major axis in the North-East quadrant has x y < 0.
    assert (np.sum(weights * x * y) < 0.0) == east_of_north


def test_a_cube_with_east_to_the_right_gives_the_mirrored_aperture(disk, axes):
    inclined = replace(disk, inclination_deg=70.0, position_angle_deg=30.0)
    usual = aperture_weights(Aperture("A", 0.0, 1.0), inclined, *axes)
    mirrored = aperture_weights(Aperture("A", 0.0, 1.0), inclined, axes[0][::-1], axes[1])
    np.testing.assert_allclose(mirrored, usual[:, ::-1], atol=1e-9)


def test_an_off_centre_target_moves_the_aperture(disk, axes):
    shifted = axes[0] - 0.35
    weights = aperture_weights(Aperture("A", 0.0, 0.4), disk, shifted, axes[1])
    x = (weights * shifted.to_numpy()).sum() / weights.sum()
    assert x == pytest.approx(0.0, abs=1e-9)


def test_the_integrated_aperture_is_one_and_a_half_effective_radii(disk):
    integrated, *annuli = apertures_for(disk, BinningScheme())
    assert integrated.outer_arcsec == pytest.approx(0.75)
    assert [annulus.name for annulus in annuli] == ["A", "B", "C"]


def test_coverage_counts_what_lies_beyond_the_field(disk, axes):
    aperture = Aperture("C", 1.0, 1.5)
    weights = aperture_weights(aperture, disk, *axes)
    coverage = aperture_coverage(aperture, disk, weights, np.ones((28, 28), dtype=bool), 0.1)
    # A ring of 1.0-1.5 arcsec leaves a field of 2.8 arcsec by four caps.
    half_angle = np.arccos(1.4 / 1.5)
    lost = 4.0 * 1.5**2 * (half_angle - np.sin(half_angle) * np.cos(half_angle))
    assert coverage == pytest.approx(1.0 - lost / (np.pi * 1.25), abs=1e-3)


def test_an_annulus_beyond_the_field_is_refused(disk, axes):
    aperture = Aperture("D", 2.5, 3.0)
    weights = aperture_weights(aperture, disk, *axes)
    with pytest.raises(CoverageError, match=r"aperture D .* 0% of its area"):
        aperture_coverage(aperture, disk, weights, np.ones((28, 28), dtype=bool), 0.1)


@pytest.mark.parametrize("radius_arcsec", [1e4, 1e300])
def test_an_ellipse_far_larger_than_the_field_holds_all_of_it(radius_arcsec, disk, axes):
    weights = aperture_weights(Aperture("integrated", 0.0, radius_arcsec), disk, *axes)
    np.testing.assert_allclose(weights, 1.0, rtol=1e-9)


@pytest.mark.parametrize("name", ["effective_radius_arcsec", "seeing_fwhm_arcsec"])
def test_an_infinite_size_is_refused(name, disk):
    with pytest.raises(MetadataError, match=f"{name} is inf; expected a finite value"):
        replace(disk, **{name: float("inf")})


def test_an_unknown_inclination_asks_for_it(disk, axes):
    with pytest.raises(MetadataError, match="--inclination"):
        aperture_weights(
            Aperture("A", 0.0, 0.5), replace(disk, inclination_deg=float("nan")), *axes
        )
