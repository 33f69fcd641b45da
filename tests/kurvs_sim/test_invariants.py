"""What no simulated cube may depend on, and what it must follow exactly."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from mock_checks import assert_agree

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim import Galaxy, Numerics, PointSpreadFunction, SpaxelGrid, observe
from kurvs_sim.profiles.radial import Arctan, Exponential
from kurvs_sim.scene.scene import Scene

BAND = KMOS_BANDS["H"]
SQUARE = SpaxelGrid(n_x=11, n_y=11, spaxel_arcsec=0.2)
WIDE = SpaxelGrid(n_x=50, n_y=50, spaxel_arcsec=0.2)

few = settings(max_examples=6)
galaxies = st.builds(
    Galaxy,
    redshift=st.floats(1.3, 1.7),
    inclination_deg=st.floats(0.0, 65.0),
    position_angle_deg=st.floats(0.0, 359.0),
    effective_radius_arcsec=st.floats(0.3, 0.7),
    disk_thickness=st.sampled_from([0.0, 0.2]),
    rotation=st.builds(Arctan, asymptote=st.floats(0.0, 250.0), turnover_radius=st.floats(0.8, 3)),
    dispersion_kms=st.floats(30.0, 90.0),
    a_v=st.builds(Exponential, central=st.floats(0.0, 1.5), scale_length=st.floats(3.0, 9.0)),
)
seeings = st.one_of(
    st.builds(PointSpreadFunction, st.just("gaussian"), st.floats(0.4, 0.8)),
    st.builds(PointSpreadFunction, st.just("moffat"), st.floats(0.4, 0.8), st.floats(2.5, 4.5)),
)


def cube_of(galaxy, psf, grid=SQUARE):
    """Return the channels of the H band that hold light."""
    cube = Scene(galaxy, grid, psf, Numerics()).cube(BAND)
    return cube[cube.any(axis=(1, 2))]


def lines_in(band, galaxy):
    """Return the lines that fall well inside a band."""
    observed = {line: rest * (1.0 + galaxy.redshift) for line, rest in REST_WAVELENGTH_UM.items()}
    low, high = band.wavelength_um[[0, -1]]
    return [line for line, um in observed.items() if low + 0.005 < um < high - 0.005]


@few
@given(galaxies, st.floats(0.4, 0.8))
def test_a_wide_field_holds_the_flux_of_every_line(galaxy, fwhm_arcsec):
    """Of the integral of surface brightness over the ellipse, in rings, to 1e-3."""
    scene = Scene(galaxy, WIDE, PointSpreadFunction("gaussian", fwhm_arcsec), Numerics())
    radius = np.linspace(0.0, 30.0 * galaxy.scale_length_arcsec, 6001)
    brightness = galaxy.lines(radius * galaxy.kpc_per_arcsec)
    cosine = np.cos(np.radians(galaxy.inclination_deg))
    expected = sum(
        np.trapezoid(2.0 * np.pi * cosine * radius * brightness[line], radius)
        for line in lines_in(BAND, galaxy)
    )
    found = scene.cube(BAND).sum(dtype=float) * BAND.channel_width_um
    np.testing.assert_allclose(found, expected, rtol=1e-3)


@few
@given(galaxies, seeings, st.floats(1e-2, 1e3))
def test_twice_the_light_is_twice_the_cube(galaxy, psf, factor):
    one = cube_of(galaxy, psf)
    many = cube_of(replace(galaxy, halpha_flux=factor), psf)
    assert_agree(many, factor * one, of_peak=1e-6)


@few
@given(galaxies, seeings)
def test_a_quarter_turn_of_the_galaxy_turns_the_cube(galaxy, psf):
    """From North towards East, which is from +y towards -x: anti-clockwise with x rightwards."""
    angle = (galaxy.position_angle_deg + 90.0) % 360.0
    turned = cube_of(replace(galaxy, position_angle_deg=angle), psf)
    expected = np.rot90(cube_of(galaxy, psf), axes=(2, 1))
    assert_agree(turned, expected, of_peak=1e-5)


@few
@given(galaxies, seeings, st.integers(-2, 2), st.integers(-2, 2))
def test_a_move_by_whole_spaxels_moves_the_cube(galaxy, psf, right, up):
    moved = replace(galaxy, offset_x_arcsec=0.2 * right, offset_y_arcsec=0.2 * up)
    there, here = cube_of(moved, psf), cube_of(galaxy, psf)
    inner = slice(2, -2)
    shifted = np.roll(here, (up, right), axis=(1, 2))[:, inner, inner]
    assert_agree(there[:, inner, inner], shifted, of_peak=5e-4)


@few
@given(galaxies, seeings)
def test_a_reversed_rotation_mirrors_the_velocities(galaxy, psf):
    """PA + 180 degrees exchanges the receding and approaching sides, not the light."""
    angle = (galaxy.position_angle_deg + 180.0) % 360.0
    back = Scene(replace(galaxy, position_angle_deg=angle), SQUARE, psf, Numerics())
    forth = Scene(galaxy, SQUARE, psf, Numerics())
    image = forth.smeared_line_maps["halpha"]
    assert_agree(back.smeared_line_maps["halpha"], image, of_peak=1e-6)
    np.testing.assert_allclose(back.velocity_map_kms, -forth.velocity_map_kms, atol=1e-9)


def test_a_seed_gives_the_same_noise_in_another_process_whatever_bands_are_made():
    grid = SpaxelGrid(4, 4, 0.2)
    here = observe(Galaxy(), grid=grid, bands=("IZ", "YJ"), seed=5)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = pool.submit(observe, Galaxy(), grid=grid, bands=("YJ",), seed=5).result()
    xr.testing.assert_identical(here["YJ"].to_dataset(), there["YJ"].to_dataset())


@few
@given(st.integers(0, 2**31), st.permutations(list(KMOS_BANDS)))
def test_the_order_of_bands_changes_nothing(seed, order):
    grid = SpaxelGrid(3, 3, 0.2)
    one = observe(Galaxy(), grid=grid, bands=order[:2], seed=seed)
    other = observe(Galaxy(), grid=grid, bands=order[1::-1], seed=seed)
    for name in order[:2]:
        assert np.array_equal(one[name]["flux"], other[name]["flux"])
