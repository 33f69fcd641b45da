"""The point-spread function of a star: GalSim draws it, the fit finds it and knows its errors."""

from dataclasses import replace

import galsim
import numpy as np
import pytest
from astropy.io import fits
from astropy.modeling import fitting, models

from kurvs_pipeline.errors import CubeFormatError, FitError, MetadataError
from kurvs_pipeline.io.images import StarImage, collapsed, read_star
from kurvs_pipeline.observation import band_dataset
from kurvs_pipeline.smearing.point_spread import Seeing
from kurvs_pipeline.smearing.star import fit_star


def drawn(*, fwhm=0.6, beta=3.0, shear=(0.0, 0.0), shift=(0.03, -0.05), side=0.2, number=14):
    profile = galsim.Moffat(beta=beta, fwhm=fwhm) if beta else galsim.Gaussian(fwhm=fwhm)
    profile = profile.shear(g1=shear[0], g2=shear[1]).shift(*shift)
    return profile.drawImage(nx=number, ny=number, scale=side, dtype=float).array


def star_of(image, *, snr=None, seed=0, side=0.2, background=0.0):
    axis = side * (np.arange(len(image)) - 0.5 * (len(image) - 1))
    if snr is None:
        return StarImage(image + background, axis, axis)
    error = np.sqrt((image**2).sum()) / snr
    noise = error * np.random.default_rng(seed).standard_normal(image.shape)
    return StarImage(image + background + noise, axis, axis, np.full(image.shape, error))


def shared_noise(shape, random):
    """Noise with the correlation of neighbouring spaxels in KMOS cubes."""
    noise = random.standard_normal((3 * shape[0], 3 * shape[1]))
    for correlation in (0.27, 0.42):
        noise = noise.T.copy()
        for index in range(1, noise.shape[1]):
            noise[:, index] *= np.sqrt(1.0 - correlation**2)
            noise[:, index] += correlation * noise[:, index - 1]
    return noise[-shape[0] :, -shape[1] :]


@pytest.mark.parametrize("side", [0.1, 0.2])
@pytest.mark.parametrize(("fwhm", "beta"), [(0.5, 2.5), (0.6, 3.0), (0.8, 4.5)])
def test_a_star_without_noise_gives_its_own_shape(fwhm, beta, side):
    number = round(4.0 / side)
    found = fit_star(star_of(drawn(fwhm=fwhm, beta=beta, side=side, number=number), side=side))
    assert found.fwhm_arcsec == pytest.approx(fwhm, rel=2e-3)
    assert found.inverse_beta == pytest.approx(1.0 / beta, abs=5e-3)


def test_a_gaussian_star_has_no_wings():
    found = fit_star(star_of(drawn(beta=None)))
    assert found.fwhm_arcsec == pytest.approx(0.6, rel=2e-3)
    assert found.inverse_beta < 0.02
    assert found.metadata_fields == {
        "seeing_fwhm_arcsec": pytest.approx(0.6, rel=2e-3), "psf_kind": "gaussian",
    }  # fmt: skip


@pytest.mark.parametrize("with_error", [False, True])
@pytest.mark.parametrize("unit", [1e-20, 1e-15, 1e-4, 1e20])
def test_the_unit_of_the_image_changes_nothing(unit, with_error):
    image = star_of(drawn(), snr=200.0)
    error = image.error if with_error else None
    expected = fit_star(replace(image, error=error))
    scaled = None if error is None else unit * error
    found = fit_star(replace(image, flux=unit * image.flux, error=scaled))
    assert (found.flag, expected.flag) == ("ok", "ok")
    assert found.fwhm_arcsec == pytest.approx(expected.fwhm_arcsec, rel=1e-6)
    np.testing.assert_allclose(found.covariance, expected.covariance, rtol=1e-3, atol=1e-9)


def test_ellipticity_is_that_of_galsim():
    found = fit_star(star_of(drawn(shear=(0.1, -0.06))))
    assert found.shear == pytest.approx((0.1, -0.06), abs=2e-3)


def test_the_seeing_of_the_star_is_that_of_the_smearing_matrix():
    """Both describe shear alike: the transform is that of the profile that was drawn."""
    found = fit_star(star_of(drawn(shear=(0.15, 0.1))))
    profile = galsim.Moffat(beta=3.0, fwhm=0.6).shear(g1=0.15, g2=0.1)
    seeing = found.seeing.best
    assert isinstance(seeing, Seeing)
    for vector in ((4.0, 0.0), (0.0, 4.0), (3.0, 3.0), (3.0, -3.0)):
        transform = seeing.transform(*(np.array([component]) for component in vector))[0]
        assert transform == pytest.approx(profile.kValue(*vector).real, abs=3e-3)


def test_a_background_does_not_matter():
    without, beneath = (fit_star(star_of(drawn(), background=level)) for level in (0.0, 0.02))
    assert beneath.fwhm_arcsec == pytest.approx(without.fwhm_arcsec, rel=1e-5)


def test_it_agrees_with_the_moffat_fit_of_astropy():
    """Where pixels are small; astropy's model is that of their centres."""
    star = star_of(drawn(side=0.05, number=60), snr=500.0, side=0.05)
    y, x = np.meshgrid(star.y_arcsec, star.x_arcsec, indexing="ij")
    start = models.Moffat2D(star.flux.max(), 0.0, 0.0, 0.5, 3.0) + models.Const2D(0.0)
    fitted = fitting.TRFLSQFitter()(start, x, y, star.flux)
    found = fit_star(star)
    assert found.fwhm_arcsec == pytest.approx(fitted[0].fwhm, rel=3e-3)
    assert 1.0 / found.inverse_beta == pytest.approx(fitted[0].alpha.value, rel=3e-2)


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("fwhm", "beta", "snr"), [(0.4, 2.5, 200.0), (0.6, 3.0, 100.0), (0.7, 4.0, 1000.0)]
)
def test_errors_are_the_errors_made_in_noise_that_spaxels_share(fwhm, beta, snr):
    image = drawn(fwhm=fwhm, beta=beta)
    error = np.sqrt((image**2).sum()) / snr
    axis = 0.2 * (np.arange(14) - 6.5)
    pulls = []
    for seed in range(200):
        noise = error * shared_noise(image.shape, np.random.default_rng(seed))
        found = fit_star(StarImage(image + noise, axis, axis, np.full(image.shape, error)))
        made = np.log(found.fwhm_arcsec / fwhm), found.inverse_beta - 1.0 / beta
        pulls.append(made / np.sqrt(np.diag(found.covariance)[:2]))
    # The standard error of 200 pulls is 0.05.
    np.testing.assert_allclose(np.std(pulls, axis=0), 1.0, atol=0.15)
    np.testing.assert_allclose(np.mean(pulls, axis=0), 0.0, atol=0.25)


def test_without_errors_the_scatter_about_the_fit_gives_them():
    star = star_of(drawn(), snr=200.0)
    stated = fit_star(star)
    unstated = fit_star(StarImage(star.flux, star.x_arcsec, star.y_arcsec))
    np.testing.assert_allclose(np.diag(unstated.covariance), np.diag(stated.covariance), rtol=0.3)


def test_what_is_known_of_the_seeing_has_the_errors_of_the_fit():
    found = fit_star(star_of(drawn(), snr=100.0))
    seeing = found.seeing
    assert seeing.log_fwhm_err == pytest.approx(np.sqrt(found.covariance[0, 0]))
    assert -1.0 < seeing.correlation < 0.0
    assert seeing.shear == found.shear


# Stars that are not as they should be


def test_pixels_without_data_are_left_out():
    image = drawn()
    image[3, 4], image[8, 8] = np.nan, np.nan
    assert fit_star(star_of(image)).fwhm_arcsec == pytest.approx(0.6, rel=2e-3)


def test_a_saturated_core_is_left_out():
    image = drawn()
    found = fit_star(star_of(np.minimum(image, 0.6 * image.max())))
    assert found.fwhm_arcsec == pytest.approx(0.6, rel=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_noise_alone_is_no_star(seed):
    noise = np.random.default_rng(seed).standard_normal((14, 14))
    axis = 0.2 * (np.arange(14) - 6.5)
    with pytest.raises(FitError, match="no star"):
        fit_star(StarImage(noise, axis, axis, np.ones_like(noise)))


def test_an_image_without_data_is_refused():
    with pytest.raises(FitError, match="0 usable pixels"):
        fit_star(star_of(np.full((14, 14), np.nan)))


def test_a_galaxy_in_place_of_the_star_is_flagged():
    assert fit_star(star_of(drawn(fwhm=2.0, beta=4.0, number=40))).flag == "wide"


def test_a_star_at_the_border_is_flagged():
    assert fit_star(star_of(drawn(shift=(1.2, 0.0)), snr=300.0)).flag == "near_edge"


def test_two_stars_are_flagged():
    both = drawn(number=24) + 0.5 * drawn(number=24, shift=(1.5, 0.7))
    assert fit_star(star_of(both, snr=300.0)).flag == "crowded"


@pytest.mark.parametrize("snr", [100.0, 1000.0, None])
@pytest.mark.parametrize("separation", [0.4, 0.6, 0.8, 1.0, 1.4])
@pytest.mark.parametrize("brightness", [0.5, 1.0])
def test_a_double_star_is_flagged(separation, brightness, snr):
    """However far they are apart; they differ in which of the two flags says so."""
    x, y = 0.4 * separation, 0.3 * separation
    both = drawn(shift=(x, y)) + brightness * drawn(shift=(-x, -y))
    assert fit_star(star_of(both, snr=snr)).flag in {"crowded", "elongated"}


@pytest.mark.parametrize("snr", [30.0, 100.0, 1000.0])
@pytest.mark.parametrize(
    "profile",
    [galsim.Kolmogorov(fwhm=0.6), galsim.Moffat(beta=2.5, fwhm=0.8).shear(g1=0.04, g2=-0.03),
     0.8 * galsim.Gaussian(fwhm=0.5) + 0.2 * galsim.Gaussian(fwhm=1.2)],
    ids=["Kolmogorov", "slightly long", "two Gaussians"],
)  # fmt: skip
def test_no_single_star_is_flagged_for_not_being_a_moffat_profile(profile, snr):
    image = profile.drawImage(nx=14, ny=14, scale=0.2, dtype=float).array
    assert {fit_star(star_of(image, snr=snr, seed=seed)).flag for seed in range(5)} == {"ok"}


def test_a_star_alone_is_not_flagged():
    assert fit_star(star_of(drawn(), snr=300.0)).flag == "ok"


# Files


def cube_of_star(*, sky_channel=None):
    image, wavelength = drawn(), 1.5 + 2e-4 * np.arange(60)
    axis = 0.2 * (np.arange(14) - 6.5)
    random = np.random.default_rng(1)
    sigma = np.full(60, 0.02)
    if sky_channel is not None:
        sigma[sky_channel] = 5.0
    noise = sigma[:, None, None] * random.standard_normal((60, 14, 14))
    shape = (60, 14, 14)
    return band_dataset(
        flux=image + noise, variance=np.broadcast_to(sigma[:, None, None] ** 2, shape).copy(),
        mask=np.zeros(shape, dtype=bool), wavelength_um=wavelength, x_arcsec=axis, y_arcsec=axis,
        lsf_sigma_um=np.full(60, 1e-4),
    )  # fmt: skip


def test_a_cube_is_collapsed_with_its_errors():
    star = collapsed(cube_of_star())
    np.testing.assert_allclose(star.error, 0.02 / np.sqrt(60), rtol=1e-3)
    assert fit_star(star).fwhm_arcsec == pytest.approx(0.6, rel=0.03)


def test_channels_with_airglow_are_left_out():
    plain, loud = collapsed(cube_of_star()), collapsed(cube_of_star(sky_channel=7))
    np.testing.assert_allclose(loud.error, plain.error * np.sqrt(60 / 59), rtol=1e-3)
    assert np.abs(loud.flux - plain.flux).max() < 0.01


def test_channels_are_weighed_by_scatter_where_no_noise_is_stated():
    cube = cube_of_star(sky_channel=7)
    cube["variance"] = cube["variance"] * np.nan
    star = collapsed(cube)
    assert star.error is None
    assert np.abs(star.flux - collapsed(cube_of_star()).flux).max() < 0.01


def write_image(path, image, **header):
    hdu = fits.PrimaryHDU(image)
    hdu.header.update({
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 7.0, "CRPIX2": 7.0,
        "CRVAL1": 53.0, "CRVAL2": -27.0, "CDELT1": -0.2 / 3600.0, "CDELT2": 0.2 / 3600.0,
    } | header)  # fmt: skip
    hdu.writeto(path)
    return path


def test_an_image_is_read_with_its_pixel_size(tmp_path):
    star = read_star(write_image(tmp_path / "star.fits", drawn()))
    assert star.pixel_arcsec == pytest.approx((0.2, 0.2))
    assert fit_star(star).fwhm_arcsec == pytest.approx(0.6, rel=2e-3)


def test_an_image_without_coordinates_is_refused(tmp_path):
    fits.PrimaryHDU(drawn()).writeto(tmp_path / "star.fits")
    with pytest.raises(MetadataError, match="size of a pixel"):
        read_star(tmp_path / "star.fits")


def test_an_image_with_pixels_of_a_degree_is_refused(tmp_path):
    with pytest.raises(MetadataError, match="CDELT"):
        read_star(write_image(tmp_path / "star.fits", drawn(), CDELT1=-1.0, CDELT2=1.0))


def test_a_table_is_no_star(tmp_path):
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns([])]).writeto(
        tmp_path / "t.fits"
    )
    with pytest.raises(CubeFormatError, match="neither an image nor a cube"):
        read_star(tmp_path / "t.fits")


@pytest.mark.parametrize(
    ("name", "shapes"), [("error", ((14, 14), (3, 3))), ("flux", ((14,), (14, 14)))]
)
def test_images_that_do_not_fit_their_axes_are_refused(name, shapes):
    axis = np.arange(14.0)
    with pytest.raises(MetadataError, match=rf"{name} of the star .* expected \(14, 14\)"):
        StarImage(np.ones(shapes[0]), axis, axis, np.ones(shapes[1]))


def test_a_close_pair_passes_as_one_star_in_wider_seeing():
    pair = sum(drawn(shift=(side * 0.15, 0.0)) for side in (-1.0, 1.0))
    found = fit_star(star_of(pair, snr=200.0))
    assert found.flag == "ok"
    assert found.fwhm_arcsec / 0.6 == pytest.approx(1.12, abs=0.03)
