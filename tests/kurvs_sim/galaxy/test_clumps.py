"""Clumps, their images, and the azimuthal scatter of the abundance."""

import subprocess
import sys

import galsim
import numpy as np
import pytest
from astropy.io import fits
from astropy.modeling.models import Gaussian2D
from hypothesis import given, settings
from hypothesis import strategies as st
from mock_checks import FWHM_PER_SIGMA, assert_is_a_value
from paths import SHARED
from scipy.stats import kstest, kurtosis

from kurvs_pipeline.errors import CubeFormatError, MetadataError
from kurvs_sim.galaxy.abundance_scatter import AbundanceScatter
from kurvs_sim.galaxy.clump_map import ClumpMap, image_from_fits
from kurvs_sim.galaxy.clumps import Clumps
from kurvs_sim.galaxy.structure import DiskStructure

IMAGES = SHARED / "reference" / "images"
STEP_KPC = 0.1
AXIS = np.arange(-40.0, 40.0 + STEP_KPC / 2, STEP_KPC)


def clumps(**changed):
    described = {
        "seed": 3, "number": 8, "flux_fraction": 0.3, "fwhm_kpc": 1.0,
        "effective_radius_kpc": 4.0, "oxygen_abundance_offset_dex": -0.2,
    }  # fmt: skip
    return Clumps(**(described | changed))


def scatter(**changed):
    described = {"seed": 3, "amplitude_dex": 0.05, "correlation_length_kpc": 1.5}
    return AbundanceScatter(**(described | changed))


def clump_map(image=((0.0, 1.0), (2.0, 3.0)), **changed):
    return ClumpMap.from_array(image, **({"pixel_kpc": 0.5} | changed))


def flux(structure):
    return structure.halpha(AXIS[None, :], AXIS[:, None]).sum() * STEP_KPC**2


STRUCTURES = (clumps(), scatter(), clump_map(flux_fraction=0.6, axis_ratio=0.5, rotation_deg=20.0))
each_structure = pytest.mark.parametrize("structure", STRUCTURES, ids=lambda s: type(s).__name__)


@each_structure
def test_a_structure_is_a_value_that_pickles_and_whose_repr_evaluates(structure):
    assert isinstance(structure, DiskStructure)
    assert_is_a_value(structure)


@each_structure
def test_a_structure_takes_any_shapes_that_broadcast(structure):
    for method in (structure.halpha, structure.oxygen_abundance_offset):
        assert method(np.zeros((1, 4)), np.zeros((3, 1))).shape == (3, 4)
        assert method(1.0, 2.0).shape == ()


@each_structure
def test_a_structure_holds_its_fraction_of_the_flux(structure):
    assert flux(structure) == pytest.approx(structure.flux_fraction, abs=1e-4)


@given(
    number=st.integers(1, 20), fraction=st.floats(0.0, 1.0), fwhm=st.floats(0.3, 3.0),
    seed=st.integers(0, 2**63 - 1),
)  # fmt: skip
@settings(max_examples=15)
def test_clumps_keep_the_flux_that_they_are_given(number, fraction, fwhm, seed):
    drawn = clumps(
        number=number, flux_fraction=fraction, fwhm_kpc=fwhm, seed=seed, effective_radius_kpc=2.0
    )
    assert flux(drawn) == pytest.approx(fraction, abs=1e-4)


def test_a_clump_is_a_gaussian_of_its_width():
    one = clumps(number=1, flux_fraction=1.0, fwhm_kpc=1.3)
    (x0, y0), sigma = one.centres_kpc[0], 1.3 / FWHM_PER_SIGMA
    expected = Gaussian2D(1.0 / (2.0 * np.pi * sigma**2), x0, y0, sigma, sigma)
    x, y = np.meshgrid(x0 + np.linspace(-2, 2, 9), y0 + np.linspace(-2, 2, 9))
    np.testing.assert_allclose(one.halpha(x, y), expected(x, y), rtol=1e-9)


def test_clumps_follow_the_light_of_the_disk():
    many = clumps(number=4000)
    x, y = many.centres_kpc.T

    def light_within(radius):
        scaled = 1.678_346_99 * radius / 4.0
        return 1.0 - (1.0 + scaled) * np.exp(-scaled)

    assert kstest(np.hypot(x, y), light_within).pvalue > 0.01
    assert kstest(np.arctan2(y, x), "uniform", (-np.pi, 2.0 * np.pi)).pvalue > 0.01


def test_where_there_is_no_other_gas_clumps_have_their_own_abundance():
    alone = clumps(flux_fraction=1.0)
    x, y = alone.centres_kpc.T
    np.testing.assert_allclose(alone.oxygen_abundance_offset(x, y), -0.2)


def test_a_clump_as_bright_as_the_disk_around_it_shifts_the_abundance_by_half():
    one = clumps(number=1, fwhm_kpc=2.0)
    x, y = one.centres_kpc[0]
    scale = 4.0 / 1.678_346_99
    disk_per_flux = np.exp(-np.hypot(x, y) / scale) / (2.0 * np.pi * scale**2)
    clump_per_flux = 1.0 / (2.0 * np.pi * (2.0 / FWHM_PER_SIGMA) ** 2)
    equal = disk_per_flux / (disk_per_flux + clump_per_flux)
    found = clumps(number=1, fwhm_kpc=2.0, flux_fraction=equal).oxygen_abundance_offset(x, y)
    assert found == pytest.approx(-0.1)


@given(st.floats(-1.0, 1.0), st.floats(0.0, 1.0), st.floats(-30.0, 30.0))
@settings(max_examples=30)
def test_mixed_gas_is_between_that_of_disk_and_clumps(offset, fraction, x_kpc):
    drawn = clumps(oxygen_abundance_offset_dex=offset, flux_fraction=fraction)
    found = drawn.oxygen_abundance_offset(x_kpc, np.linspace(-30.0, 30.0, 61))
    assert np.all(found * np.sign(offset) >= 0.0)
    assert np.all(np.abs(found) <= abs(offset) * (1.0 + 1e-12))


@pytest.mark.parametrize("draw", [clumps, scatter], ids=["clumps", "scatter"])
def test_a_seed_means_the_same_bits_and_another_seed_others(draw):
    def bits(structure):
        return (
            structure.halpha(1.0, AXIS) + structure.oxygen_abundance_offset(1.0, AXIS)
        ).tobytes()

    assert bits(draw(seed=7)) == bits(draw(seed=7))
    assert bits(draw(seed=7)) != bits(draw(seed=8))


def test_another_process_draws_the_same_clumps():
    code = (
        "from kurvs_sim.galaxy.clumps import Clumps; print(Clumps(seed=3, number=8, "
        "flux_fraction=0.3,fwhm_kpc=1.0, effective_radius_kpc=4.0).centres_kpc.tobytes().hex())"
    )
    printed = subprocess.run(  # noqa: S603 - a fixed command
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == clumps().centres_kpc.tobytes().hex()


@pytest.fixture(scope="module")
def wide_field():
    """Return a field far from the centre, where circles are all but straight."""
    axis = np.arange(15.0, 50.0, 0.25)
    field = scatter(amplitude_dex=1.0, correlation_length_kpc=1.0, seed=11)
    return field.oxygen_abundance_offset(axis[None, :], axis[:, None])


def test_the_scatter_has_its_amplitude(wide_field):
    # 35 lengths squared hold some 35^2 / (4 pi) = 100 independent cells: 7 % of the amplitude.
    assert wide_field.std() == pytest.approx(1.0, abs=3 * 0.07)


@pytest.mark.parametrize("lag", [0.5, 1.0, 2.0])
def test_the_scatter_is_correlated_over_its_length(wide_field, lag):
    step = round(lag / 0.25)
    shifted = np.mean(wide_field[:, step:] * wide_field[:, :-step]) / np.mean(wide_field**2)
    assert shifted == pytest.approx(np.exp(-0.5 * lag**2), abs=0.1)


def test_the_scatter_is_gaussian():
    draws = [
        scatter(seed=seed, amplitude_dex=1.0, correlation_length_kpc=1.0)
        .oxygen_abundance_offset(
            np.arange(12.0, 42.0, 5.0)[None, :], np.arange(-40.0, 41.0, 5.0)[:, None]
        )
        .ravel()
        for seed in range(8)
    ]
    values = np.concatenate(draws)
    assert values.std() == pytest.approx(1.0, abs=0.08)
    assert abs(kurtosis(values)) < 0.5


@pytest.mark.parametrize("radius_kpc", [0.4, 1.7, 5.3, 13.9, 80.0])
def test_the_scatter_leaves_the_radial_profile_alone(radius_kpc):
    angle = np.linspace(0.0, 2.0 * np.pi, 1200, endpoint=False)
    found = scatter(amplitude_dex=1.0).oxygen_abundance_offset(
        radius_kpc * np.cos(angle), radius_kpc * np.sin(angle)
    )
    assert abs(found.mean()) < 1e-3


def test_there_is_no_scatter_at_the_centre():
    assert scatter(amplitude_dex=1.0).oxygen_abundance_offset(0.0, 0.0) == pytest.approx(0.0)


def test_the_scatter_is_smooth_between_the_points_of_its_lattice():
    fine = np.arange(5.0, 9.0, 0.01)
    found = scatter(amplitude_dex=1.0, correlation_length_kpc=1.0).oxygen_abundance_offset(
        fine, 3.0
    )
    # The steepest slopes of such a field are a few amplitudes per correlation length.
    assert np.max(np.abs(np.diff(found))) < 5.0 * 0.01


def test_a_map_lies_along_the_receding_major_axis():
    image = np.zeros((21, 21))
    image[10, 15] = 1.0  # five columns from the centre
    x = 5 * 0.5
    assert clump_map(image).halpha(x, 0.0) == pytest.approx(1.0 / 0.5**2)
    assert clump_map(image, rotation_deg=180.0).halpha(-x, 0.0) == pytest.approx(1.0 / 0.5**2)
    # North recedes: the right of the image is West, 90 degrees less than North.
    assert clump_map(image, rotation_deg=90.0).halpha(0.0, x) == pytest.approx(1.0 / 0.5**2)
    assert clump_map(image, centre_pixel=(15, 10)).halpha(0.0, 0.0) == pytest.approx(4.0)


@pytest.mark.parametrize("rotation_deg", [0.0, 35.0, 130.0])
def test_a_round_disk_seen_inclined_is_round_again(rotation_deg):
    ratio, sigma_kpc = 0.5, 2.0
    seen = galsim.Gaussian(sigma=sigma_kpc, flux=5.0).transform(1.0, 0.0, 0.0, ratio)
    seen = seen.rotate(rotation_deg * galsim.degrees)
    image = seen.drawImage(nx=161, ny=161, scale=0.2, method="no_pixel").array
    found = clump_map(image, pixel_kpc=0.2, rotation_deg=rotation_deg, axis_ratio=ratio)
    x, y = np.meshgrid(np.linspace(-5.0, 5.0, 21), np.linspace(-5.0, 5.0, 21))
    expected = Gaussian2D(1.0 / (2.0 * np.pi * sigma_kpc**2), 0, 0, sigma_kpc, sigma_kpc)(x, y)
    np.testing.assert_allclose(found.halpha(x, y), expected, atol=6e-3 * expected.max())


def test_there_is_no_light_beyond_the_image():
    assert clump_map().halpha(50.0, 0.0) == 0.0


def test_background_noise_and_neighbours_can_be_left_out():
    image = np.full((21, 21), 0.1)
    image[10, 10], image[10, 11], image[0, 0], image[3, 10] = 1.1, 0.05, 5.0, 7.0
    found = clump_map(image, background=0.1, radius_pixels=6.0)
    assert found == clump_map(np.pad([[1.1 - 0.1]], 10))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.2])
def test_a_pixel_that_is_no_light_is_refused_by_its_place(value):
    image = np.ones((4, 5))
    image[2, 3] = value
    with pytest.raises(
        MetadataError, match=r"row 2, column 3 is .*; expected a finite number >= 0"
    ):
        clump_map(image)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: clumps(number=0), "number of clumps is 0; expected a whole number"),
        (lambda: clumps(seed=-1), "seed of the clumps"),
        (lambda: clumps(flux_fraction=1.1), "flux_fraction of the clumps"),
        (lambda: clumps(fwhm_kpc=0.0), "fwhm_kpc"),
        (lambda: clumps(oxygen_abundance_offset_dex=float("nan")), "oxygen_abundance_offset_dex"),
        (lambda: scatter(seed=-1), "seed of the abundance scatter"),
        (lambda: scatter(amplitude_dex=-0.1), "amplitude_dex"),
        (lambda: scatter(correlation_length_kpc=float("nan")), "correlation_length_kpc"),
        (lambda: clump_map(np.zeros((3, 3))), "sum of the clump map is 0.0"),
        (lambda: clump_map(np.zeros(3)), "number of axes of the clump map is 1; expected 2"),
        (lambda: clump_map(np.zeros((0, 3))), "clump map is 0 rows"),
        (lambda: clump_map(pixel_kpc=-1.0), "pixel_kpc"),
        (lambda: clump_map(axis_ratio=0.0), "axis_ratio of the clump map"),
        (lambda: clump_map(flux_fraction=2.0), "flux_fraction of the clump map"),
        (lambda: clump_map(rotation_deg=float("inf")), "rotation_deg"),
        (lambda: clump_map(centre_pixel=(9.0, 0.0)), "centre_x_pixel is 9.0; expected a place"),
        (lambda: clump_map(radius_pixels=0.0), "radius_pixels"),
        (lambda: clump_map(background=float("nan")), "background"),
    ],
)
def test_an_impossible_structure_is_refused_by_name(build, message):
    with pytest.raises(MetadataError, match=message):
        build()


@pytest.fixture
def written(tmp_path):
    def write(data):
        path = tmp_path / "image.fits"
        fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(data)]).writeto(path)
        return path

    return write


def test_an_image_is_read_from_fits(written):
    image = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(image_from_fits(written(image)), image)


def test_one_colour_of_a_picture_is_read(written):
    picture = np.arange(36.0).reshape(3, 4, 3)
    np.testing.assert_array_equal(image_from_fits(written(picture), "blue"), picture[..., 2])


@pytest.mark.parametrize(
    ("shape", "colour"), [((3, 4), "red"), ((3, 4, 3), None), ((3, 4, 2), "red"), ((4,), None)]
)
def test_an_image_that_leaves_open_what_is_meant_is_refused(written, shape, colour):
    with pytest.raises(CubeFormatError, match=r"image\.fits: image of shape .* expected"):
        image_from_fits(written(np.ones(shape)), colour)


def test_a_file_without_an_image_is_refused(tmp_path):
    (tmp_path / "text.fits").write_text("no image")
    fits.PrimaryHDU().writeto(tmp_path / "empty.fits")
    with pytest.raises(CubeFormatError, match=r"text\.fits: not a readable FITS file"):
        image_from_fits(tmp_path / "text.fits")
    with pytest.raises(CubeFormatError, match=r"empty\.fits: no image"):
        image_from_fits(tmp_path / "empty.fits")


@pytest.mark.real_data
def test_a_real_galaxy_becomes_clumps_that_hold_their_flux():
    paths = sorted(IMAGES.glob("hst_*.fits"))
    if not paths:
        pytest.skip(f"no images in {IMAGES}")
    for path in paths:
        image = image_from_fits(path, "red")
        found = ClumpMap.from_array(
            image, pixel_kpc=0.5, background=float(np.median(image)), radius_pixels=15.0
        )
        assert flux(found) == pytest.approx(1.0, abs=1e-3), path.name
