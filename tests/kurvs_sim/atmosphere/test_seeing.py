"""Seeing beyond round profiles: images of stars, wavelengths, elongation and averages."""

import numpy as np
import pytest
from astropy.io import fits
from mock_checks import FWHM_PER_SIGMA, assert_is_a_value, moments

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import CubeFormatError, MetadataError
from kurvs_pipeline.io.fits.writing import write_eso
from kurvs_pipeline.io.reading import read_observation
from kurvs_pipeline.observation import metadata_of
from kurvs_sim import Galaxy, PointSpreadFunction, SpaxelGrid, observe
from kurvs_sim.atmosphere.composite_seeing import CompositeSeeing, ElongatedSeeing, ExposureSequence
from kurvs_sim.atmosphere.seeing import GAUSSIAN_MOFFAT_BETA, ChromaticSeeing
from kurvs_sim.atmosphere.star_image import StarImage
from kurvs_sim.effects.effects import Effects

GRID = SpaxelGrid(n_x=14, n_y=14, spaxel_arcsec=0.2)
MOFFAT = PointSpreadFunction("moffat", 0.6, moffat_beta=3.0)


def sampled_gaussian(sigma_arcsec=0.3, pixel_arcsec=0.1, n=61, x0=0.0, y0=0.0):
    centres = pixel_arcsec * (np.arange(n) - n // 2)
    x, y = centres[None, :] - x0, centres[:, None] - y0
    return 700.0 * np.exp(-0.5 * (x**2 + y**2) / sigma_arcsec**2)


@pytest.fixture(scope="module")
def star():
    return StarImage.from_array(sampled_gaussian(), 0.1)


def test_the_image_of_a_gaussian_star_is_that_gaussian(star):
    sigma = 0.3
    expected = PointSpreadFunction("gaussian", FWHM_PER_SIGMA * sigma)
    exact = expected.image(0.04, 121)
    assert star.image(0.04, 121) == pytest.approx(exact, abs=2e-3 * exact.max())
    assert star.fwhm_arcsec == pytest.approx(expected.fwhm_arcsec, rel=5e-3)
    assert star.nominal == PointSpreadFunction("gaussian", star.fwhm_arcsec)


def test_a_star_off_the_middle_of_its_image_moves_nothing(star):
    displaced = StarImage.from_array(sampled_gaussian(x0=0.23, y0=-0.31), 0.1)
    exact = star.image(0.04, 121)
    assert displaced.image(0.04, 121) == pytest.approx(exact, abs=2e-3 * exact.max())


def test_a_galaxy_seen_through_the_image_of_a_star_is_that_of_its_profile(star):
    """Turned on alone: the star's image in place of the profile it was drawn from."""
    profile = PointSpreadFunction("gaussian", FWHM_PER_SIGMA * 0.3)
    cubes = {
        name: observe(Galaxy(redshift=1.5), bands=("H",), grid=GRID, psf=psf, halpha_snr=None)
        for name, psf in (("star", star), ("profile", profile))
    }
    flux = {name: cube["H"]["flux"].to_numpy() for name, cube in cubes.items()}
    tolerance = 2e-3 * flux["profile"].max()
    np.testing.assert_allclose(flux["star"], flux["profile"], rtol=0.0, atol=tolerance)
    metadata = metadata_of(cubes["star"])
    assert metadata.psf_kind == "gaussian"
    assert metadata.seeing_fwhm_arcsec == pytest.approx(profile.fwhm_arcsec, rel=5e-3)


def test_a_star_is_read_from_a_fits_file(star, tmp_path):
    path = tmp_path / "star.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(sampled_gaussian())]).writeto(path)
    assert StarImage.from_fits(path, 0.1) == star


def test_a_file_without_an_image_is_refused_by_name(tmp_path):
    path = tmp_path / "cube.fits"
    fits.PrimaryHDU(np.ones((3, 4, 5))).writeto(path)
    with pytest.raises(CubeFormatError, match=r"cube\.fits.*two axes"):
        StarImage.from_fits(path, 0.1)
    with pytest.raises(CubeFormatError, match=r"nothing\.fits"):
        StarImage.from_fits(tmp_path / "nothing.fits", 0.1)


@pytest.mark.parametrize(
    "image", [np.zeros((9, 9)), np.full((9, 9), np.nan), np.ones(9), np.ones((9, 2))]
)
def test_what_is_no_star_is_refused(image):
    with pytest.raises(MetadataError, match="star image"):
        StarImage.from_array(image, 0.1)


@pytest.mark.parametrize("name", KMOS_BANDS)
def test_seeing_goes_as_wavelength_to_minus_one_fifth(name):
    middle_um = {"IZ": 0.93, "YJ": 1.18, "H": 1.653}[name]
    seen = ChromaticSeeing().in_band(MOFFAT, KMOS_BANDS[name])
    assert seen.fwhm_arcsec == pytest.approx(0.6 * (middle_um / 1.64) ** -0.2)
    assert seen.nominal.moffat_beta == MOFFAT.moffat_beta


def test_only_bands_away_from_the_reference_are_seen_otherwise():
    options = {"bands": ("YJ", "H"), "grid": GRID, "halpha_snr": None}
    galaxy = Galaxy(redshift=1.5)
    at_h = Effects(chromatic_seeing=ChromaticSeeing(reference_um=1.653))
    chromatic = observe(galaxy, effects=at_h, **options)
    plain = observe(galaxy, **options)
    wider = PointSpreadFunction("gaussian", 0.6 * (1.18 / 1.653) ** -0.2)
    expected = observe(galaxy, psf=wider, **options)
    for name, other in (("H", plain), ("YJ", expected)):
        found, exact = chromatic[name]["flux"], other[name]["flux"]
        np.testing.assert_allclose(found, exact, rtol=0.0, atol=1e-5 * float(exact.max()))
    assert metadata_of(chromatic).seeing_fwhm_arcsec == metadata_of(plain).seeing_fwhm_arcsec


@pytest.mark.parametrize(("angle", "sign"), [(0.0, 0.0), (45.0, -1.0), (135.0, 1.0)])
def test_elongation_keeps_the_area_and_points_north_through_east(angle, sign):
    """East is at negative x: an axis towards North-East has negative <xy>."""
    seeing = ElongatedSeeing(PointSpreadFunction("gaussian", 0.6), 0.7, angle)
    pixels = 0.02 * np.arange(400)
    *_, xx, yy, xy = moments(seeing.image(0.02, 400), pixels, pixels)
    sigma2 = (0.6 / FWHM_PER_SIGMA) ** 2
    assert np.sqrt(xx * yy - xy**2) == pytest.approx(sigma2, rel=1e-3)
    half_difference = 0.5 * sigma2 * (1.0 / 0.7 - 0.7)
    assert xy == pytest.approx(sign * half_difference, abs=1e-3 * sigma2)
    expected = half_difference if angle == 0.0 else 0.0
    assert 0.5 * (yy - xx) == pytest.approx(expected, abs=1e-3 * sigma2)


def test_a_composite_is_the_average_of_its_exposures():
    profiles = tuple(PointSpreadFunction("moffat", width) for width in (0.5, 0.6, 0.8))
    offsets = ((0.04, 0.0), (-0.08, 0.04), (0.0, -0.04))
    composite = CompositeSeeing(profiles, offsets)
    images = [
        np.roll(profile.image(0.04, 200), (round(y / 0.04), round(x / 0.04)), axis=(0, 1))
        for profile, (x, y) in zip(profiles, offsets, strict=True)
    ]
    inside = slice(20, 180)
    exact = np.mean(images, axis=0)[inside, inside]
    found = composite.image(0.04, 200)[inside, inside]
    assert found == pytest.approx(exact, abs=1e-6 * exact.max())


def test_the_width_of_a_composite_is_that_of_its_image():
    composite = CompositeSeeing.of([PointSpreadFunction("gaussian", w) for w in (0.5, 0.7)])
    profile = composite.image(0.005, 801)[400, 400:]
    half = np.interp(-0.5 * profile[0], -profile, 0.005 * np.arange(401))
    assert composite.fwhm_arcsec == pytest.approx(2.0 * half, rel=1e-3)
    assert composite.nominal == PointSpreadFunction("gaussian", composite.fwhm_arcsec)


@pytest.mark.parametrize(
    "seeing",
    [
        MOFFAT,
        ElongatedSeeing(MOFFAT, 0.8, 30.0),
        CompositeSeeing.of([MOFFAT, MOFFAT.scaled(1.2)]),
        ExposureSequence(MOFFAT, n_exposures=3, registration_rms_arcsec=0.0),
    ],
)
def test_every_seeing_scales_hashes_and_can_be_pickled(seeing):
    assert seeing.scaled(1.5).fwhm_arcsec == pytest.approx(1.5 * seeing.fwhm_arcsec, rel=1e-3)
    assert_is_a_value(seeing)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: ElongatedSeeing(MOFFAT, 0.0), "axis_ratio"),
        (lambda: ElongatedSeeing(MOFFAT, 0.5, float("nan")), "position_angle_deg"),
        (lambda: CompositeSeeing((), ()), "profiles"),
        (lambda: CompositeSeeing((MOFFAT,), ()), "offsets"),
        (lambda: CompositeSeeing.of([MOFFAT.scaled(0.0)]), "fwhm_arcsec"),
        (lambda: ChromaticSeeing(reference_um=0.0), "reference_um"),
        (lambda: ChromaticSeeing(exponent=float("inf")), "exponent"),
    ],
)
def test_impossible_seeing_is_refused_by_name(make, named):
    with pytest.raises(MetadataError, match=named):
        make()


@pytest.mark.parametrize("offset", [(float("nan"), 0.0), (0.1,), (0.0, float("inf"))])
def test_exposures_are_registered_at_finite_places(offset):
    with pytest.raises(
        MetadataError, match=r"offset of a composite PSF is .*; expected two finite"
    ):
        CompositeSeeing((PointSpreadFunction("gaussian", 0.6),), (offset,))


@pytest.mark.parametrize("beta", [50.0, 3e10, np.inf])
def test_a_steep_moffat_profile_is_the_gaussian(beta):
    steep, gaussian = PointSpreadFunction("moffat", 0.6, beta), PointSpreadFunction(
        "gaussian", 0.6
    )  # fmt: skip
    np.testing.assert_array_equal(steep.image(0.05, 61), gaussian.image(0.05, 61))
    cube = observe(Galaxy(), bands=("H",), grid=GRID, psf=steep, halpha_snr=None)
    assert metadata_of(cube).psf_kind == "gaussian"


def test_moffat_profiles_approach_the_gaussian():
    limit = PointSpreadFunction("gaussian", 0.6).image(0.05, 61)
    just_below = PointSpreadFunction("moffat", 0.6, GAUSSIAN_MOFFAT_BETA - 0.01).image(0.05, 61)
    np.testing.assert_allclose(just_below, limit, rtol=0.0, atol=0.02 * limit.max())


def test_world_coordinates_give_pixels_and_directions(tmp_path):
    """Columns of the file run from West to East and rows from North to South."""
    sides = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": 0.1 / 3600.0,
             "CDELT2": -0.1 / 3600.0}  # fmt: skip
    path = tmp_path / "star.fits"
    displaced = sampled_gaussian(x0=0.23, y0=-0.31)
    fits.PrimaryHDU(displaced[::-1, ::-1], fits.Header(sides)).writeto(path)
    found = StarImage.from_fits(path)
    np.testing.assert_allclose(found.pixels, displaced)
    assert found.pixel_arcsec == pytest.approx(0.1)


def test_a_star_without_a_scale_asks_for_one(tmp_path):
    path = tmp_path / "star.fits"
    fits.PrimaryHDU(sampled_gaussian()).writeto(path)
    with pytest.raises(MetadataError, match=r"star\.fits.*CDELT"):
        StarImage.from_fits(path)


def test_a_mock_says_what_its_psf_was(star, tmp_path):
    cubes = observe(Galaxy(), bands=("H",), grid=GRID, psf=star, within_kms_of_lines=1500.0)
    told = "image of a star, 61 x 61 pixels of 0.1 arcsec"
    assert metadata_of(cubes).psf_origin == told
    path = write_eso(cubes, tmp_path)["H"]
    assert fits.getheader(path)["KURVS PSF ORIGIN"] == told
    assert metadata_of(read_observation([path])).psf_origin == told
