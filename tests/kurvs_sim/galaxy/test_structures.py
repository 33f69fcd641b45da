"""Disks that are not functions of the radius, as a scene draws them and the truth states them."""

from dataclasses import dataclass, replace

import galsim
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mock_checks import FWHM_PER_SIGMA, LIGHT_KMS, moments

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import CoverageError, MetadataError
from kurvs_sim import Galaxy, Numerics, PointSpreadFunction, SpaxelGrid, observe
from kurvs_sim.galaxy.abundance_scatter import AbundanceScatter
from kurvs_sim.galaxy.clump_map import ClumpMap
from kurvs_sim.galaxy.clumps import Clumps
from kurvs_sim.galaxy.structure import DiskStructure
from kurvs_sim.profiles.radial import Arctan, Constant, Exponential, Linear
from kurvs_sim.profiles.shapes import Ring, Sersic, Tabulated
from kurvs_sim.scene.scene import Scene
from kurvs_sim.scene.truth import _abundance_profiles, truth_dataset

BAND = KMOS_BANDS["H"]
GRID = SpaxelGrid(n_x=40, n_y=40, spaxel_arcsec=0.1)
SEEING = PointSpreadFunction("gaussian", 0.4)
SEEING_SIGMA = 0.4 / FWHM_PER_SIGMA
KPC_PER_ARCSEC = Galaxy().kpc_per_arcsec
N2 = list(DIAGNOSTICS).index("n2")


@dataclass(frozen=True)
class OneClump:
    """All light in one Gaussian: the simplest structure there is."""

    x_kpc: float
    y_kpc: float
    sigma_kpc: float
    flux_fraction: float = 1.0

    def halpha(self, x_kpc, y_kpc):
        square = (np.asarray(x_kpc) - self.x_kpc) ** 2 + (np.asarray(y_kpc) - self.y_kpc) ** 2
        gaussian = np.exp(-0.5 * square / self.sigma_kpc**2) / (2.0 * np.pi * self.sigma_kpc**2)
        return self.flux_fraction * gaussian

    def oxygen_abundance_offset(self, x_kpc, y_kpc):
        return np.zeros(np.broadcast_shapes(np.shape(x_kpc), np.shape(y_kpc)))


def scene_of(galaxy, psf=SEEING):
    return Scene(galaxy, GRID, psf, Numerics())


def clumps(**changes):
    stated = {"seed": 2, "number": 5, "flux_fraction": 0.4, "fwhm_kpc": 1.0,
              "effective_radius_kpc": 0.5 * KPC_PER_ARCSEC}  # fmt: skip
    return Clumps(**stated | changes)


def test_anything_with_light_and_abundance_is_a_structure():
    assert isinstance(OneClump(0.0, 0.0, 1.0), DiskStructure)


def test_a_structure_that_does_nothing_changes_nothing():
    """Lines are computed at every pixel then, not at radii."""
    galaxy = Galaxy(inclination_deg=60.0, a_v=Exponential(central=1.0, scale_length=4.0))
    still = AbundanceScatter(seed=1, amplitude_dex=0.0, correlation_length_kpc=1.0)
    smooth = scene_of(galaxy).cube(BAND)
    drawn = scene_of(replace(galaxy, structures=(still,))).cube(BAND)
    np.testing.assert_allclose(drawn, smooth, rtol=0.0, atol=2e-5 * smooth.max())


def test_a_clump_is_seen_where_it_is_and_as_wide_as_it_looks():
    """East of North by the position angle along the major axis, squeezed along the minor."""
    clump = OneClump(x_kpc=0.5 * KPC_PER_ARCSEC, y_kpc=0.4 * KPC_PER_ARCSEC,
                     sigma_kpc=0.15 * KPC_PER_ARCSEC)  # fmt: skip
    galaxy = Galaxy(inclination_deg=60.0, position_angle_deg=90.0, structures=(clump,))
    scene = scene_of(galaxy)
    image = scene.smeared_line_maps["halpha"]
    x, y, variance_x, variance_y, _ = moments(image, scene.x_arcsec, scene.y_arcsec)
    # The receding major axis points East, to negative x; 90 degrees less is North.
    assert (x, y) == pytest.approx((-0.5, 0.5 * 0.4), abs=2e-3)
    seen = SEEING_SIGMA**2 + 0.1**2 / 12.0
    assert variance_x == pytest.approx(0.15**2 + seen, rel=3e-3)
    assert variance_y == pytest.approx((0.5 * 0.15) ** 2 + seen, rel=3e-3)


def test_a_clump_moves_with_the_gas_of_its_place():
    clump = OneClump(x_kpc=0.8 * KPC_PER_ARCSEC, y_kpc=0.0, sigma_kpc=0.02 * KPC_PER_ARCSEC)
    galaxy = Galaxy(inclination_deg=60.0, structures=(clump,), rotation=Arctan(200.0, 2.0),
                    a_v=Constant(0.0), oxygen_abundance=Constant(7.0))  # fmt: skip
    spectrum = scene_of(galaxy).cube(BAND).sum(axis=(1, 2), dtype=float)
    near = np.abs(BAND.wavelength_um / (2.5 * 0.6564610) - 1.0) < 500.0 / LIGHT_KMS
    mean_um = (spectrum * BAND.wavelength_um)[near].sum() / spectrum[near].sum()
    velocity = (mean_um / (2.5 * 0.6564610) - 1.0) * LIGHT_KMS
    expected = 200.0 * 2.0 / np.pi * np.arctan(0.8 * KPC_PER_ARCSEC / 2.0) * np.sqrt(0.75)
    assert velocity == pytest.approx(expected, abs=2.0)


@settings(max_examples=8)
@given(st.integers(0, 999), st.floats(0.0, 1.0), st.floats(0.0, 70.0))
def test_clumps_move_light_and_make_none(seed, fraction, inclination_deg):
    galaxy = Galaxy(inclination_deg=inclination_deg, effective_radius_arcsec=0.3, halpha_flux=3.0)
    light = clumps(seed=seed, flux_fraction=fraction, effective_radius_kpc=2.0)
    scene = scene_of(replace(galaxy, structures=(light,)))
    assert scene.line_maps["halpha"].sum() == pytest.approx(3.0, rel=2e-2)
    smooth = scene_of(galaxy).line_maps["halpha"]
    assert scene.line_maps["halpha"].sum() <= 3.0 * (1.0 + 1e-3)
    assert np.abs(smooth - scene.line_maps["halpha"]).max() > 0.0 or fraction == 0.0


CLUMPY = Galaxy(
    inclination_deg=50.0, position_angle_deg=25.0, dispersion_kms=60.0,
    structures=(
        clumps(oxygen_abundance_offset_dex=-0.2),
        AbundanceScatter(seed=1, amplitude_dex=0.05, correlation_length_kpc=1.0),
    ),
)  # fmt: skip


def lit(galaxy):
    """Return the channels with light."""
    cube = Scene(galaxy, SpaxelGrid(15, 15, 0.2), SEEING, Numerics()).cube(BAND)
    return cube[cube.any(axis=(1, 2))]


def test_a_quarter_turn_turns_clumps_and_their_velocities():
    """From +y towards -x: anti-clockwise with x rightwards."""
    turned, expected = lit(replace(CLUMPY, position_angle_deg=115.0)), lit(CLUMPY)
    expected = np.rot90(expected, axes=(2, 1))
    np.testing.assert_allclose(turned, expected, rtol=0.0, atol=1e-5 * expected.max())


def test_a_move_by_whole_spaxels_moves_clumps():
    moved, here = lit(replace(CLUMPY, offset_x_arcsec=0.4, offset_y_arcsec=-0.2)), lit(CLUMPY)
    inner = slice(2, -2)
    expected = np.roll(here, (-1, 2), axis=(1, 2))[:, inner, inner]
    np.testing.assert_allclose(moved[:, inner, inner], expected, rtol=0.0, atol=5e-4 * here.max())


def test_twice_the_flux_is_twice_a_clumpy_cube():
    bright = lit(replace(CLUMPY, halpha_flux=2.0))
    np.testing.assert_allclose(bright, 2.0 * lit(CLUMPY), rtol=0.0, atol=1e-6 * bright.max())


def test_an_image_is_seen_as_galsim_sees_it():
    """A face-on image of blobs through a Moffat star, by GalSim's own interpolation."""
    pixel_arcsec = 0.06
    random = np.random.default_rng(5)
    image = np.zeros((41, 41))
    row, column = np.indices(image.shape)
    for centre_y, centre_x in random.uniform(12.0, 28.0, (6, 2)):
        image += np.exp(-0.5 * ((row - centre_y) ** 2 + (column - centre_x) ** 2) / 2.5**2)
    laid_out = ClumpMap.from_array(image, pixel_kpc=pixel_arcsec * KPC_PER_ARCSEC)
    # Major axis to the West, so that columns are spaxels' x and rows y.
    galaxy = Galaxy(inclination_deg=0.0, position_angle_deg=270.0, structures=(laid_out,))
    psf = PointSpreadFunction("moffat", 0.5, moffat_beta=3.0)
    seen = scene_of(galaxy, psf).smeared_line_maps["halpha"]
    drawn = galsim.InterpolatedImage(galsim.Image(image, scale=pixel_arcsec), flux=1.0,
                                     x_interpolant="linear")  # fmt: skip
    smeared = galsim.Convolve(drawn, psf.galsim_profile)
    expected = smeared.drawImage(nx=40, ny=40, scale=0.1, dtype=float).array
    np.testing.assert_allclose(seen, expected, rtol=0.0, atol=3e-3 * expected.max())


def test_poor_clumps_lower_the_abundance_of_their_ring():
    """[N II]/H-alpha of a circle is the mean of its places, weighted by H-alpha."""
    poor = clumps(oxygen_abundance_offset_dex=-0.3)
    galaxy = Galaxy(oxygen_abundance=Constant(8.6), structures=(poor,))
    radius = np.linspace(0.1, 6.0, 30)
    profile = _abundance_profiles(galaxy, radius)[N2]
    assert np.all(profile <= 8.6 + 1e-9)
    assert profile.min() < 8.55
    smooth = _abundance_profiles(replace(galaxy, structures=()), radius)[N2]
    assert smooth == pytest.approx(8.6)
    angle = np.linspace(0.0, 2.0 * np.pi, 2000, endpoint=False)
    x, y = 4.0 * np.cos(angle), 4.0 * np.sin(angle)
    disk = 0.6 * np.exp(-4.0 / galaxy.scale_length_arcsec / KPC_PER_ARCSEC)
    disk /= 2.0 * np.pi * (galaxy.scale_length_arcsec * KPC_PER_ARCSEC) ** 2
    halpha = poor.halpha(x, y) + disk
    offset = -0.3 * poor.halpha(x, y) / halpha
    nii = halpha * 10.0 ** ((8.6 + offset - 8.98) / 0.63)
    expected = 8.98 + 0.63 * np.log10(nii.sum() / halpha.sum())
    assert _abundance_profiles(galaxy, np.array([4.0]))[N2, 0] == pytest.approx(expected, abs=1e-3)


def test_scatter_around_circles_leaves_the_gradient():
    scatter = AbundanceScatter(seed=4, amplitude_dex=0.05, correlation_length_kpc=1.0)
    galaxy = Galaxy(oxygen_abundance=Linear(central=8.7, gradient=-0.03), structures=(scatter,))
    truth = truth_dataset(scene_of(galaxy))
    assert float(truth["gradient"].sel(diagnostic="n2")) == pytest.approx(-0.03, abs=1e-3)
    left = truth["oxygen_abundance_map"].to_numpy() - galaxy.oxygen_abundance(
        np.hypot(*galaxy.in_plane_kpc(truth["x"].to_numpy(), truth["y"].to_numpy()[:, None]))
    )
    assert 0.03 < left.std() < 0.06


def test_circles_without_light_have_no_abundance():
    dot = ClumpMap.from_array(np.ones((3, 3)), pixel_kpc=1.0)
    truth = truth_dataset(scene_of(Galaxy(structures=(dot,))))
    profile = truth["abundance_profile"].sel(diagnostic="n2")
    assert np.isfinite(profile.sel(radius_kpc=1.0, method="nearest"))
    assert np.isnan(profile.isel(radius_kpc=-1))
    assert np.isfinite(truth["gradient"].sel(diagnostic="n2"))


def test_a_galaxy_whose_light_lies_outside_the_field_is_refused():
    image = np.zeros((3, 5))
    image[1, 4] = 1.0
    far = ClumpMap.from_array(image, pixel_kpc=50.0, centre_pixel=(0.0, 1.0))
    with pytest.raises(CoverageError, match="no H-alpha of galaxy mock falls in the field"):
        scene_of(Galaxy(structures=(far,))).cube(BAND)


def test_noise_cannot_be_scaled_to_an_aperture_without_light():
    ring = Ring(1.0, 15.0, 0.1)
    galaxy = Galaxy(effective_radius_arcsec=0.2, halpha_profile=ring)
    with pytest.raises(CoverageError, match="of its H-alpha flux of 1 within"):
        observe(galaxy, bands=("H",), psf=PointSpreadFunction(fwhm_arcsec=0.0))


def test_structures_cannot_hold_more_than_all_light():
    with pytest.raises(MetadataError, match=r"sum of flux_fraction .* is 1\.2; expected at most 1"):
        Galaxy(structures=(clumps(flux_fraction=0.6), clumps(flux_fraction=0.6)))


def test_an_offset_beyond_the_calibrations_is_held_at_their_limit():
    rich = clumps(oxygen_abundance_offset_dex=2.0)
    galaxy = Galaxy(structures=(rich,))
    x, y = rich.centres_kpc.T
    assert galaxy.oxygen_abundance_at(x, y).max() <= 9.2
    assert all(np.all(np.isfinite(light)) for light in galaxy.lines_at(x, y).values())


def test_an_exponential_profile_is_the_default():
    galaxy = Galaxy(inclination_deg=40.0)
    scale_kpc = 0.5 * KPC_PER_ARCSEC / 1.6783469900
    stated = replace(galaxy, halpha_profile=Exponential(central=17.0, scale_length=scale_kpc))
    here, there = scene_of(galaxy).cube(BAND), scene_of(stated).cube(BAND)
    np.testing.assert_allclose(there, here, rtol=0.0, atol=1e-6 * here.max())


@pytest.mark.parametrize(
    "profile",
    [Ring(1.0, 4.0, 1.0), Sersic(1.0, 3.0, 0.7),
     Exponential(1.0, 1.0) + 0.2 * Ring(1.0, 3.0, 0.5)],
    ids=["ring", "sersic", "bulge and ring"],
)  # fmt: skip
def test_light_of_any_profile_adds_to_the_flux(profile):
    galaxy = Galaxy(inclination_deg=50.0, halpha_flux=2.0, halpha_profile=profile)
    assert scene_of(galaxy).line_maps["halpha"].sum() == pytest.approx(2.0, rel=2e-3)


def test_a_sersic_disk_looks_as_galsim_draws_it():
    galaxy = Galaxy(inclination_deg=60.0, position_angle_deg=0.0,
                    halpha_profile=Sersic(1.0, 0.5 * KPC_PER_ARCSEC, 0.5))  # fmt: skip
    disk = galsim.Sersic(n=0.5, half_light_radius=0.5).transform(0.5, 0.0, 0.0, 1.0).withFlux(1.0)
    smeared = galsim.Convolve(disk, SEEING.galsim_profile)
    drawn = smeared.drawImage(nx=40, ny=40, scale=0.1, dtype=float).array
    seen = scene_of(galaxy).smeared_line_maps["halpha"]
    np.testing.assert_allclose(seen, drawn, rtol=0.0, atol=1e-3 * drawn.max())


def test_negative_light_is_refused_with_its_radius():
    table = Tabulated((0.0, 2.0, 4.0, 6.0), (1.0, 1.0, -0.5, 0.0))
    with pytest.raises(MetadataError, match=r"halpha_profile is -.* at radius 3\.\d+ kpc"):
        scene_of(Galaxy(halpha_profile=table)).cube(BAND)


def test_a_galaxy_without_light_is_refused():
    with pytest.raises(MetadataError, match="halpha_profile within 200 kpc is 0"):
        scene_of(Galaxy(halpha_profile=Constant(0.0))).cube(BAND)
