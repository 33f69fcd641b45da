"""The simulated sky through atmosphere and spectrograph, against independent truths."""

from dataclasses import replace

import galsim
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mock_checks import FWHM_PER_SIGMA, LIGHT_KMS, assert_agree
from numpy.polynomial.chebyshev import chebvander
from scipy.signal import fftconvolve
from scipy.special import erf

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim import Galaxy, Numerics, PointSpreadFunction, SpaxelGrid
from kurvs_sim.atmosphere.airglow import PSF_KINDS
from kurvs_sim.channels import channel_integrated_gaussian, chebyshev_line_profile
from kurvs_sim.galaxy.abundance_scatter import AbundanceScatter
from kurvs_sim.galaxy.clumps import Clumps
from kurvs_sim.profiles.radial import Arctan, Constant, Exponential
from kurvs_sim.scene.scene import Scene

BAND = KMOS_BANDS["H"]
SMALL = SpaxelGrid(n_x=12, n_y=10, spaxel_arcsec=0.2)
WIDE = SpaxelGrid(n_x=60, n_y=60, spaxel_arcsec=0.2)
GAUSSIAN = PointSpreadFunction("gaussian", 0.6)
NO_SEEING = PointSpreadFunction("gaussian", 0.0)


def make_scene(galaxy, *, grid=SMALL, psf=GAUSSIAN, numerics=None):
    return Scene(galaxy, grid, psf, numerics or Numerics())


def brute_force_channel(galaxy, grid, kernel, channel, *, pixel_arcsec=0.02, padding=8):
    """Convolve one channel of the fine sky in real space coordinates, with scipy."""
    oversampling = round(grid.spaxel_arcsec / pixel_arcsec)
    n_y, n_x = ((n + 2 * padding) * oversampling for n in (grid.n_y, grid.n_x))
    y = pixel_arcsec * (np.arange(n_y) - (n_y - 1) / 2) - galaxy.offset_y_arcsec
    x = pixel_arcsec * (np.arange(n_x) - (n_x - 1) / 2) - galaxy.offset_x_arcsec
    velocity = galaxy.deproject(x[None, :], y[:, None])[1]
    low, high = BAND.wavelength_um[channel] + BAND.channel_width_um * np.array([-0.5, 0.5])
    sky = np.zeros((n_y, n_x))
    for line, brightness in galaxy.lines_at(*galaxy.in_plane_kpc(x[None, :], y[:, None])).items():
        systemic = REST_WAVELENGTH_UM[line] * (1.0 + galaxy.redshift)
        sigma = np.hypot(systemic * galaxy.dispersion_kms / LIGHT_KMS, BAND.lsf_sigma_um)
        centre = systemic * (1.0 + velocity / LIGHT_KMS)
        inside = [erf((edge - centre) / (np.sqrt(2.0) * sigma)) for edge in (low, high)]
        sky += brightness * 0.5 * (inside[1] - inside[0]) / BAND.channel_width_um
    smeared = fftconvolve(sky * pixel_arcsec**2, kernel, mode="same")
    blocks = smeared.reshape(grid.n_y + 2 * padding, oversampling, -1, oversampling)
    return blocks.sum(axis=(1, 3))[padding:-padding, padding:-padding]


@pytest.mark.parametrize(
    ("galaxy", "psf"),
    [
        (Galaxy(inclination_deg=60.0, position_angle_deg=30.0,
                a_v=Exponential(central=1.0, scale_length=3.0)), GAUSSIAN),
        (Galaxy(inclination_deg=55.0, rotation=Arctan(300.0, 0.5), dispersion_kms=20.0,
                position_angle_deg=130.0, offset_x_arcsec=0.23, offset_y_arcsec=-0.11),
         PointSpreadFunction("moffat", 0.6, moffat_beta=2.5)),
        (Galaxy(inclination_deg=50.0, position_angle_deg=200.0, structures=(
            Clumps(seed=3, number=5, flux_fraction=0.5, fwhm_kpc=1.0, effective_radius_kpc=4.0,
                   oxygen_abundance_offset_dex=-0.3),
            AbundanceScatter(seed=1, amplitude_dex=0.05, correlation_length_kpc=1.0))), GAUSSIAN),
    ],
    ids=["dust", "steep rotation, off-centre, Moffat", "clumps, scatter"],
)  # fmt: skip
def test_chebyshev_moments_match_a_convolution_per_channel(galaxy, psf):
    pixel = galsim.Pixel(0.02)
    accurate = galsim.GSParams(folding_threshold=1e-4, maximum_fft_size=16384)
    drawn = galsim.Convolve(psf.galsim_profile, pixel, gsparams=accurate)
    kernel = drawn.drawImage(nx=601, ny=601, scale=0.02, method="no_pixel", dtype=float).array
    # On the same pixels as the brute force: this is about moments, not about sampling.
    numerics = Numerics(fine_pixel_arcsec=0.02)
    cube = make_scene(galaxy, psf=psf, numerics=numerics).cube(BAND)
    halpha = np.searchsorted(BAND.wavelength_um, 0.656461 * (1.0 + galaxy.redshift))
    for channel in halpha + np.array([-9, -3, 0, 2, 7, 24]):
        expected = brute_force_channel(galaxy, SMALL, kernel, channel)
        np.testing.assert_allclose(cube[channel], expected, rtol=0.0, atol=2e-5 * cube.max())


@pytest.mark.parametrize(
    "finer",
    [
        {"fine_pixel_arcsec": 0.01},
        {"padding_arcsec": 4.0},
        {"velocity_tolerance": 1e-9},
        {"line_window_sigma": 9.0},
        {"profile_tolerance": 1e-7},
        {"pixels_per_scale_length": 8.0},
        {"pixels_per_psf_fwhm": 60.0},
    ],
    ids=lambda finer: next(iter(finer)),
)
def test_the_default_numerics_are_converged(finer):
    """Within 1e-3 of the peak for a compact, inclined galaxy."""
    galaxy = Galaxy(inclination_deg=70.0, effective_radius_arcsec=0.3, rotation=Arctan(250.0, 1.0))
    default = make_scene(galaxy).cube(BAND)
    better = make_scene(galaxy, numerics=Numerics(**finer)).cube(BAND)
    assert_agree(default, better, of_peak=1e-3)


@pytest.mark.parametrize("kind", PSF_KINDS)
@pytest.mark.parametrize("fwhm_arcsec", [0.0, 0.3])
def test_a_wide_field_holds_the_flux_of_the_galaxy(kind, fwhm_arcsec):
    galaxy = Galaxy(inclination_deg=50.0, effective_radius_arcsec=0.4, halpha_flux=2.0)
    psf = PointSpreadFunction(kind, fwhm_arcsec, moffat_beta=3.0)
    coarse = Numerics(fine_pixel_arcsec=0.04)
    scene = make_scene(galaxy, grid=WIDE, psf=psf, numerics=coarse)
    assert scene.line_maps["halpha"].sum() == pytest.approx(2.0, rel=1e-3)
    assert scene.smeared_line_maps["halpha"].sum() == pytest.approx(2.0, rel=1e-3)
    total = sum(smeared.sum() for line, smeared in scene.smeared_line_maps.items()
                if 1.46 < 2.5 * REST_WAVELENGTH_UM[line] < 1.85)  # fmt: skip
    cube_total = scene.cube(BAND).sum(dtype=float) * BAND.channel_width_um
    assert cube_total == pytest.approx(total, rel=1e-3)


@pytest.mark.parametrize("kind", PSF_KINDS)
def test_an_inclined_disk_looks_as_galsim_draws_it(kind):
    galaxy = Galaxy(inclination_deg=60.0, position_angle_deg=0.0, effective_radius_arcsec=0.5)
    psf = PointSpreadFunction(kind, 0.6, moffat_beta=2.5)
    scene = make_scene(galaxy, grid=SpaxelGrid(n_x=27, n_y=25, spaxel_arcsec=0.1), psf=psf)
    disk = galsim.Exponential(half_light_radius=0.5).transform(0.5, 0.0, 0.0, 1.0).withFlux(1.0)
    accurate = galsim.GSParams(folding_threshold=2e-4, kvalue_accuracy=1e-6)
    smeared = galsim.Convolve(disk, psf.galsim_profile, gsparams=accurate)
    drawn = smeared.drawImage(nx=27, ny=25, scale=0.1, dtype=float).array
    assert_agree(scene.smeared_line_maps["halpha"], drawn, of_peak=1e-3)


def test_half_the_light_of_a_face_on_disk_is_within_its_effective_radius():
    galaxy = Galaxy(inclination_deg=0.0, effective_radius_arcsec=0.8)
    grid = SpaxelGrid(n_x=180, n_y=180, spaxel_arcsec=0.05)
    scene = make_scene(galaxy, grid=grid, psf=NO_SEEING)
    inside = (scene.fraction_within(0.8) * scene.line_maps["halpha"]).sum()
    assert inside == pytest.approx(0.5, abs=2e-3)


def test_the_aperture_has_the_area_of_its_ellipse():
    scene = make_scene(Galaxy(inclination_deg=60.0, position_angle_deg=40.0))
    area = scene.fraction_within(0.7).sum() * SMALL.spaxel_arcsec**2
    assert area == pytest.approx(np.pi * 0.7**2 * 0.5, rel=3e-3)


def test_without_seeing_the_smeared_map_is_the_map():
    scene = make_scene(Galaxy(), psf=NO_SEEING)
    smeared, sharp = scene.smeared_line_maps["nii_6584"], scene.line_maps["nii_6584"]
    assert_agree(smeared, sharp, of_peak=1e-6)


def test_a_gaussian_through_a_gaussian_adds_widths_in_quadrature():
    """The second moment of an exponential disk along any axis is 3 h^2."""
    galaxy = Galaxy(inclination_deg=0.0, effective_radius_arcsec=0.4)
    scene = make_scene(galaxy, grid=WIDE)
    image = scene.smeared_line_maps["halpha"]
    second = (image * scene.x_arcsec**2).sum() / image.sum()
    seeing = 0.6 / FWHM_PER_SIGMA
    expected = 3.0 * galaxy.scale_length_arcsec**2 + seeing**2 + 0.2**2 / 12.0
    assert second == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("psf", [GAUSSIAN, PointSpreadFunction("moffat", 0.5)])
def test_a_face_on_disk_looks_the_same_after_a_quarter_turn(psf):
    grid = SpaxelGrid(n_x=13, n_y=13, spaxel_arcsec=0.2)
    image = make_scene(Galaxy(inclination_deg=0.0), grid=grid, psf=psf).smeared_line_maps["halpha"]
    assert_agree(image, np.rot90(image), of_peak=1e-6)


def test_the_receding_side_of_the_cube_is_red():
    """Position angle 90 degrees: East, which is negative x."""
    galaxy = Galaxy(inclination_deg=60.0, position_angle_deg=90.0, rotation=Arctan(250.0, 0.5))
    cube = make_scene(galaxy).cube(BAND)
    near = np.abs(BAND.wavelength_um - 2.5 * 0.656461) < 0.003
    line = cube[near].sum(axis=1)
    centroid = (line * BAND.wavelength_um[near, None]).sum(axis=0) / line.sum(axis=0)
    assert centroid[1] > 2.5 * 0.656461 > centroid[-2]


def test_an_outflow_recedes_on_the_far_side_and_leaves_the_major_axis_alone():
    """100 km/s in the plane at 60 degrees; position angle 0 has its far side to the West."""
    galaxy = Galaxy(
        redshift=1.5, inclination_deg=60.0, effective_radius_arcsec=0.8, dispersion_kms=30.0,
        rotation=Arctan(0.0, 1.0), radial_velocity=Constant(100.0), a_v=Constant(0.0),
    )  # fmt: skip
    grid = SpaxelGrid(n_x=21, n_y=21, spaxel_arcsec=0.1)
    cube = make_scene(galaxy, grid=grid, psf=NO_SEEING).cube(BAND)
    offset_kms = (BAND.wavelength_um / (2.5 * 0.6564610) - 1.0) * LIGHT_KMS
    near = np.abs(offset_kms) < 400.0
    line = cube[near].astype(float)
    velocity = (line * offset_kms[near, None, None]).sum(axis=0) / line.sum(axis=0)
    # [N II] 6548 is 670 km/s to the blue: too far to count.
    assert velocity[10, 16] == pytest.approx(100.0 * np.sin(np.radians(60.0)), abs=3.0)
    assert velocity[10, 4] == pytest.approx(-100.0 * np.sin(np.radians(60.0)), abs=3.0)
    assert velocity[16, 10] == pytest.approx(0.0, abs=3.0)


def test_an_offset_moves_the_galaxy_and_not_its_coordinates():
    galaxy = Galaxy(inclination_deg=40.0, a_v=Constant(0.0))
    moved = replace(galaxy, offset_x_arcsec=0.4, offset_y_arcsec=-0.2)
    here, there = make_scene(galaxy), make_scene(moved)
    image, shifted = (scene.smeared_line_maps["halpha"] for scene in (here, there))
    assert shifted[:-1, 2:] == pytest.approx(image[1:, :-2], rel=1e-3)
    assert there.x_arcsec == pytest.approx(here.x_arcsec - 0.4)


def test_native_spaxels_are_the_sums_of_finer_ones():
    galaxy = Galaxy(inclination_deg=60.0, position_angle_deg=20.0)
    fine = make_scene(galaxy, grid=SpaxelGrid(28, 28, 0.1)).smeared_line_maps["halpha"]
    native = make_scene(galaxy, grid=SpaxelGrid(14, 14, 0.2)).smeared_line_maps["halpha"]
    summed = fine.reshape(14, 2, 14, 2).sum(axis=(1, 3))
    assert_agree(native, summed, of_peak=1e-4)


@settings(max_examples=8)
@given(st.floats(0.01, 100.0))
def test_the_cube_is_linear_in_flux(factor):
    one = make_scene(Galaxy()).cube(BAND)
    many = make_scene(Galaxy(halpha_flux=factor)).cube(BAND)
    assert_agree(many, factor * one, of_peak=1e-5)


def test_a_line_that_is_out_of_the_band_leaves_it_empty():
    scene = make_scene(Galaxy(redshift=1.5))
    cube = np.zeros((BAND.n_channels, SMALL.n_y, SMALL.n_x), dtype=np.float32)
    scene.add_line(cube, "oii_3726", BAND)
    assert not cube.any()


def test_gas_without_dispersion_is_as_wide_as_the_line_spread_function():
    scene = make_scene(Galaxy(dispersion_kms=0.0))
    assert scene.line_sigma_um("halpha", BAND) == BAND.lsf_sigma_um
    assert np.all(np.isfinite(scene.cube(BAND)))


def test_seeing_wider_than_the_field_is_refused():
    with pytest.raises(MetadataError, match=r"PSF fwhm_arcsec is 4.*field of 2\.4 arcsec"):
        make_scene(Galaxy(), psf=PointSpreadFunction("moffat", 4.0))


@pytest.mark.parametrize("velocity_over_sigma", [0.3, 1.0, 2.9, 4.0, 10.0])
def test_a_line_is_expanded_to_the_tolerance_at_any_velocity(velocity_over_sigma):
    """Every channel of a line at every velocity, against the line itself."""
    sigma_um, systemic_um = 2.0 * BAND.channel_width_um, 1.64
    sigma_kms = LIGHT_KMS * sigma_um / systemic_um
    fastest_kms = velocity_over_sigma * sigma_kms
    profile = chebyshev_line_profile(
        BAND.wavelength_um, BAND.channel_width_um, systemic_um=systemic_um, sigma_um=sigma_um,
        maximum_velocity_kms=fastest_kms,
        n_moments=Numerics().chebyshev_order(fastest_kms, sigma_kms),
    )  # fmt: skip
    velocity = np.linspace(-1.0, 1.0, 37)
    expanded = profile @ chebvander(velocity, profile.shape[1] - 1).T
    exact = channel_integrated_gaussian(
        BAND.wavelength_um, BAND.channel_width_um,
        systemic_um * (1.0 + velocity * fastest_kms / LIGHT_KMS), np.full(37, sigma_um),
    )  # fmt: skip
    assert np.max(np.abs(expanded - exact)) < 1e-5 * exact.max()


@pytest.mark.parametrize(
    ("grid", "numerics"),
    [
        (SpaxelGrid(n_x=1000, n_y=1000, spaxel_arcsec=0.2), Numerics()),
        (SMALL, Numerics(padding_arcsec=1e6)),
        (SMALL, Numerics(pixels_per_psf_fwhm=1e12)),
    ],
    ids=["field", "padding", "oversampling"],
)
def test_a_sky_that_no_memory_could_hold_is_refused(grid, numerics):
    with pytest.raises(MetadataError, match=r"number of fine pixels is \d+; expected at most"):
        Scene(Galaxy(), grid, GAUSSIAN, numerics)


def test_a_thin_disk_near_edge_on_is_told_to_be_thicker():
    with pytest.raises(MetadataError, match=r"edge-on, with an axis ratio of 0\.0017: give"):
        Scene(Galaxy(inclination_deg=89.9), SMALL, GAUSSIAN, Numerics())
    Scene(Galaxy(inclination_deg=89.9, disk_thickness=0.2), SMALL, GAUSSIAN, Numerics())


@pytest.mark.parametrize("number", [0, 1.5, True, "28", None, 10**12, float("inf")])
def test_spaxels_are_counted_in_whole_numbers(number):
    with pytest.raises(MetadataError, match=r"n_x is .*; expected a whole number between 1 and"):
        SpaxelGrid(n_x=number)


@pytest.mark.parametrize("width", ["0.1", None, [0.1], True, np.array([0.1, 0.2])])
def test_what_is_no_number_is_refused_by_name(width):
    with pytest.raises(MetadataError, match=r"spaxel_arcsec is .*; expected a number"):
        SpaxelGrid(spaxel_arcsec=width)
