"""Disks with height: shape, rotation and light, from face-on to edge-on."""

from dataclasses import replace

import brute_force_reference as brute_force
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mock_checks import FWHM_PER_SIGMA, moments
from scipy.special import kn

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.observation import metadata_of
from kurvs_sim import Galaxy, Numerics, PointSpreadFunction, SpaxelGrid, observe
from kurvs_sim.profiles.radial import Arctan, Constant
from kurvs_sim.scene.scene import Scene

SEEING = PointSpreadFunction("gaussian", 0.6)
NO_SEEING = PointSpreadFunction("gaussian", 0.0)
WIDE = SpaxelGrid(n_x=60, n_y=60, spaxel_arcsec=0.1)
DUST_FREE = {"a_v": Constant(0.0)}
SCALE_LENGTHS_IN_EFFECTIVE_RADIUS = 1.67834699


def thick(inclination_deg, **changes):
    return Galaxy(inclination_deg=inclination_deg, disk_thickness=0.2,
                  **{**DUST_FREE, "effective_radius_arcsec": 0.3, **changes})  # fmt: skip


def second_moments(image, grid):
    """Along y, the major axis at position angle 0, and along x, without the spaxels' own."""
    *_, across, along, _ = moments(image, grid.x_arcsec, grid.y_arcsec)
    own = grid.spaxel_arcsec**2 / 12.0
    return along - own, across - own


@pytest.mark.parametrize("inclination_deg", [0.0, 30.0, 60.0, 80.0, 87.0, 90.0])
@pytest.mark.parametrize("thickness", [0.2, 0.4])
def test_the_axis_ratio_is_that_of_an_oblate_spheroid(inclination_deg, thickness):
    galaxy = replace(thick(inclination_deg), disk_thickness=thickness)
    image = Scene(galaxy, WIDE, NO_SEEING, Numerics(padding_arcsec=0.5)).line_maps["halpha"]
    along, across = second_moments(image, WIDE)
    # cos^2 i (1 - q0^2) + q0^2 (Hubble 1926); fine pixels cost the rest.
    cosine = np.cos(np.radians(inclination_deg))
    expected = cosine**2 * (1.0 - thickness**2) + thickness**2
    assert across / along == pytest.approx(expected, abs=0.01 * max(expected, 0.1))


def test_a_face_on_disk_looks_the_same_thick_and_thin():
    scenes = [Scene(galaxy, WIDE, SEEING, Numerics())
              for galaxy in (thick(0.0), replace(thick(0.0), disk_thickness=0.0))]  # fmt: skip
    np.testing.assert_allclose(scenes[0].moments("halpha"), scenes[1].moments("halpha"))


@given(st.floats(0.0, 90.0), st.floats(0.0, 359.0))
@settings(max_examples=8)
def test_height_moves_light_but_makes_none(inclination_deg, position_angle_deg):
    galaxy = thick(inclination_deg, position_angle_deg=position_angle_deg, halpha_flux=2.5)
    grid = SpaxelGrid(n_x=32, n_y=32, spaxel_arcsec=0.2)
    scene = Scene(galaxy, grid, SEEING, Numerics())
    assert scene.smeared_line_maps["halpha"].sum() == pytest.approx(2.5, rel=1e-3)


def test_an_edge_on_disk_is_a_bessel_function_along_and_a_gaussian_across():
    """Seen edge-on, an exponential disk has the light 2 x K1(x / h) (van der Kruit 1981)."""
    galaxy, grid = thick(90.0), SpaxelGrid(n_x=20, n_y=20, spaxel_arcsec=0.1)
    scene = Scene(galaxy, grid, SEEING, Numerics(padding_arcsec=2.5))
    found = scene.smeared_line_maps["halpha"]
    scale = 0.3 / SCALE_LENGTHS_IN_EFFECTIVE_RADIUS
    fine = np.arange(-4.0, 4.0, 0.004) + 0.002
    seeing_sigma = 0.6 / FWHM_PER_SIGMA

    def spread(sigma, fine, light):
        """Convolve light along an axis with a Gaussian, and sum it over the spaxels."""
        offset = grid.x_arcsec[:, None] + 0.1 * (np.arange(21) - 10.0) / 21.0
        kernel = np.exp(-0.5 * ((offset[..., None] - fine) / sigma) ** 2)
        return (kernel @ light).mean(axis=1) / np.sqrt(2.0 * np.pi) / sigma * 0.1

    along = np.abs(fine) * kn(1, np.abs(fine) / scale)
    vertical = 0.2 * np.sqrt(3.0) * scale
    expected = np.outer(
        spread(seeing_sigma, fine, along / along.sum()),
        spread(np.hypot(seeing_sigma, vertical), np.zeros(1), np.ones(1)),
    )
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-3 * expected.max())


@pytest.mark.parametrize(("inclination_deg", "position_angle_deg"), [(60.0, 20.0), (80.0, 250.0)])
def test_a_thick_disk_rotates_as_a_pile_of_thin_ones(inclination_deg, position_angle_deg):
    galaxy = thick(inclination_deg, position_angle_deg=position_angle_deg, redshift=1.5,
                   rotation=Arctan(asymptote=220.0, turnover_radius=1.0))  # fmt: skip
    scale = 0.3 / SCALE_LENGTHS_IN_EFFECTIVE_RADIUS
    nodes, weights = np.polynomial.hermite_e.hermegauss(15)
    turnover_arcsec = 1.0 / galaxy.kpc_per_arcsec
    cosine = np.cos(np.radians(inclination_deg))
    disk = brute_force.ReferenceDisk(
        inclination_deg=inclination_deg,
        position_angle_deg=position_angle_deg,
        rotation_kms=lambda r: 220.0 * 2.0 / np.pi * np.arctan(r / turnover_arcsec),
        dispersion_kms=lambda r: np.full_like(r, galaxy.dispersion_kms),
        heights_arcsec=tuple(0.2 * np.sqrt(3.0) * scale * nodes),
        height_weights=tuple(weights / weights.sum()),
    )
    band, systemic = KMOS_BANDS["H"], 0.6564610 * 2.5
    near = np.flatnonzero(np.abs(band.wavelength_um - systemic) < 6.5 * band.channel_width_um)
    reference = brute_force.brute_force_cube(
        disk,
        {systemic: lambda r: np.exp(-r / scale) / (2.0 * np.pi * scale**2 * cosine)},
        brute_force.ReferenceGrid(n_x=6, n_y=6, spaxel_arcsec=0.2, oversampling=15, padding=7),
        brute_force.gaussian(0.6),
        channel_edges_um=band.wavelength_um[near[0]]
        + band.channel_width_um * (np.arange(near.size + 1) - 0.5),
        lsf_sigma_um=band.lsf_sigma_um,
    )
    scene = Scene(galaxy, SpaxelGrid(n_x=6, n_y=6, spaxel_arcsec=0.2), SEEING, Numerics())
    found = scene.cube(band)[near]
    np.testing.assert_allclose(found, reference, rtol=0.0, atol=5e-4 * reference.max())


def test_the_thickness_travels_with_the_observation():
    cubes = observe(thick(90.0), bands=["H"], grid=SpaxelGrid(14, 14, 0.2), seed=1)
    assert metadata_of(cubes).disk_thickness == 0.2
    assert metadata_of(cubes).inclination_deg == 90.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"disk_thickness": 0.0, "inclination_deg": 90.0}, r"inclination_deg is 90.*thin"),
        ({"inclination_deg": 91.0}, r"inclination_deg is 91.*\[0, 90\) or 90"),
        ({"disk_thickness": 1.0}, "disk_thickness is 1"),
        ({"disk_thickness": float("nan")}, "disk_thickness is nan"),
    ],
)
def test_an_impossible_disk_is_refused(changes, message):
    with pytest.raises(MetadataError, match=message):
        replace(thick(45.0), **changes)
