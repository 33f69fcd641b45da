"""Cubes of other layouts: the ESO archive's Phase 3, KMOS3D, and any FITS cube that says enough."""

import galsim
import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import ConfigurationError, CubeFormatError, MetadataError
from kurvs_pipeline.io.fits.cube import read_cube
from kurvs_pipeline.io.fits.observation import read_observation
from kurvs_pipeline.io.fits.options import CubeOptions
from kurvs_pipeline.observation import FLUX_DENSITY_UNIT, metadata_of

SHAPE = (40, 7, 6)
SIGMA = 3e-19
BUNIT = "erg.s**(-1).cm**(-2).angstrom**(-1)"
PER_ANGSTROM = 1e20
"""1 erg/s/cm2/Angstrom in 1e-16 erg/s/cm2/um."""

CARDS = {
    "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CTYPE3": "WAVE", "CUNIT1": "deg",
    "CUNIT2": "deg", "CUNIT3": "um", "CRVAL1": 53.0, "CRVAL2": -27.0, "CRVAL3": 1.6,
    "CRPIX1": 3.0, "CRPIX2": 3.0, "CRPIX3": 1.0, "CD1_1": -0.2 / 3600, "CD2_2": 0.2 / 3600,
    "CD3_3": 2e-4, "BUNIT": BUNIT,
}  # fmt: skip


def data_of(seed=0, scale=SIGMA):
    return scale * np.random.default_rng(seed).standard_normal(SHAPE)


def image(name, data, **cards):
    return fits.ImageHDU(data, header=fits.Header({**CARDS, **cards}), name=name)


def write(path, *hdus, **primary):
    fits.HDUList([fits.PrimaryHDU(header=fits.Header(primary)), *hdus]).writeto(path)
    return path


def phase3(path, *, error_name="STAT", power=2, kind=None, quality=None, **primary):
    """Write a cube as the ESO archive demands it, with errors as a power of the deviation."""
    flux = {"HDUCLASS": "ESO", "HDUCLAS1": "IMAGE", "HDUCLAS2": "DATA", "ERRDATA": error_name,
            "QUALDATA": "QUAL"}  # fmt: skip
    error = {} if kind is None else {"HDUCLAS2": "ERROR", "HDUCLAS3": kind, "SCIDATA": "DATA"}
    hdus = [
        image("DATA", data_of(), **flux),
        image(error_name, np.full(SHAPE, SIGMA**power), **error),
    ]
    if quality is not None:
        flags = {"HDUCLAS2": "QUALITY", "HDUCLAS3": "FLAG32BIT"}
        hdus.append(image("QUAL", quality, **flags))
    stated = {"PRODCATG": "SCIENCE.CUBE.IFS", "OBJECT": "GS3_22466", "INSTRUME": "KMOS", **primary}
    return write(path, *hdus, **stated)


def notes_of(cube):
    return "\n".join(cube.assumptions)


@pytest.mark.parametrize(
    ("kind", "power"), [("MSE", 2), ("RMSE", 1), ("INVMSE", -2), ("INVRMSE", -1)]
)
@pytest.mark.parametrize("error_name", ["STAT", "ERR", "GS3_ERRORS"])
def test_errors_of_a_phase_3_cube_are_what_their_class_says(tmp_path, error_name, kind, power):
    cube = read_cube(phase3(tmp_path / "c.fits", error_name=error_name, kind=kind, power=power))
    np.testing.assert_allclose(cube.dataset["flux"], PER_ANGSTROM * data_of(), rtol=1e-6)
    np.testing.assert_allclose(cube.dataset["variance"], (PER_ANGSTROM * SIGMA) ** 2, rtol=1e-6)
    assert cube.dataset["flux"].attrs["units"] == FLUX_DENSITY_UNIT
    assert "--noise-kind" not in notes_of(cube)


@pytest.mark.parametrize(
    ("error_name", "power"),
    [("NOISE", 1), ("ERR", 1), ("ERROR", 1), ("SIGMA", 1), ("STAT", 2), ("VAR", 2), ("IVAR", -2)],
)
def test_without_a_class_the_name_says_what_errors_are_and_that_is_noted(
    tmp_path, error_name, power
):
    cube = read_cube(phase3(tmp_path / "c.fits", error_name=error_name, power=power))
    np.testing.assert_allclose(cube.dataset["variance"], (PER_ANGSTROM * SIGMA) ** 2, rtol=1e-6)
    assert ("by its name (--noise-kind)" in notes_of(cube)) is (error_name != "NOISE")


def test_what_errors_are_can_be_given(tmp_path):
    path = phase3(tmp_path / "c.fits", error_name="ERR", power=2)
    cube = read_cube(path, CubeOptions(noise_kind="variance"))
    np.testing.assert_allclose(cube.dataset["variance"], (PER_ANGSTROM * SIGMA) ** 2, rtol=1e-6)
    assert "ERR is taken as the variance, as given" in notes_of(cube)


def test_errors_can_be_left_out(tmp_path):
    cube = read_cube(phase3(tmp_path / "c.fits"), CubeOptions(noise_kind="none"))
    assert np.isnan(cube.dataset["variance"]).all()
    assert "STAT is left out, as given" in notes_of(cube)


def test_a_kind_of_noise_that_there_is_not_is_refused():
    with pytest.raises(ConfigurationError, match="--noise-kind is 'sigma'; expected standard-d"):
        CubeOptions(noise_kind="sigma")


def test_flagged_voxels_are_left_out_and_counted(tmp_path):
    quality = np.zeros(SHAPE, np.int32)
    quality[5:15, 2, 3] = 4
    path = phase3(tmp_path / "c.fits", kind="MSE", quality=quality)
    cube = read_cube(path)
    np.testing.assert_array_equal(cube.dataset["mask"], quality != 0)
    assert "0.6% of the voxels are left out, flagged in QUAL" in notes_of(cube)
    assert not read_cube(path, CubeOptions(use_quality=False)).dataset["mask"].any()


def test_a_phase_3_cube_names_its_target_and_states_its_seeing(tmp_path):
    observation = read_observation([phase3(tmp_path / "c.fits", SKY_RES=0.55)])
    metadata = metadata_of(observation)
    assert metadata.name == "GS3_22466"
    assert read_cube(tmp_path / "c.fits", CubeOptions(target="gs3_22466")).target == metadata.name
    assert metadata.seeing_fwhm_arcsec == pytest.approx(0.55)
    assert "SKY_RES" in observation.attrs["assumptions"]


def test_of_another_instrument_the_resolving_power_is_taken(tmp_path):
    path = phase3(tmp_path / "c.fits", INSTRUME="ERIS", SPEC_RES=5000.0)
    dataset = read_cube(path).dataset
    # A Gaussian's FWHM is 2.3548 standard deviations.
    expected = dataset["wavelength"] / 5000.0 / 2.3548200450309493
    np.testing.assert_allclose(dataset["lsf_sigma"], expected)


def test_an_instrument_that_states_no_resolving_power_is_taken_as_kmos_and_said_so(tmp_path):
    cube = read_cube(phase3(tmp_path / "c.fits", INSTRUME="ERIS"))
    np.testing.assert_allclose(cube.dataset["lsf_sigma"], KMOS_BANDS["H"].lsf_sigma_um)
    assert "line-spread function of ERIS taken as that of KMOS H" in notes_of(cube)


def kmos3d(path, *, names=("", "", "", ""), psf=None, psf_cards=None, **primary):
    """Write a file as the KMOS3D release holds it: flux, noise, exposure map, image of a star."""
    unit = {"BUNIT": "1e-17 W/m^2/um"}
    star = galsim.Gaussian(fwhm=0.5).drawImage(nx=17, ny=17, scale=0.2).array
    data, noise = data_of(scale=0.01), np.full(SHAPE, 0.01)
    data[:4] = noise[:4] = 0.0
    hdus = [
        image(names[0], data, **unit),
        image(names[1], noise, **unit),
        image(names[2], np.full(SHAPE[1:], 3600.0)),
        fits.ImageHDU(star if psf is None else psf, name=names[3]),
    ]
    for card, value in (psf_cards or {}).items():
        hdus[3].header[f"HIERARCH ESO K3D {card}"] = value
    stated = {"OBJECT": "COS4_03493", "INSTRUME": "KMOS", "HIERARCH ESO K3D RES ORDER": 1}
    cards = {f"HIERARCH ESO K3D {key}": value for key, value in primary.items()}
    return write(path, *hdus, **stated, **cards)


@pytest.mark.parametrize(
    "names", [("", "", "", ""), ("FLUX", "NOISE", "EXPOSURE", "PSF"), ("CUBE", "N", "E", "P")]
)
def test_a_kmos3d_cube_is_read_whatever_its_extensions_are_called(tmp_path, names):
    cube = read_cube(kmos3d(tmp_path / "c.fits", names=names))
    # 1e-17 W/m2/um is 1e-14 erg/s/cm2/um.
    np.testing.assert_allclose(cube.dataset["flux"][4:], 100.0 * data_of(scale=0.01)[4:], rtol=1e-6)
    np.testing.assert_allclose(cube.dataset["variance"][4:], 1.0, rtol=1e-6)
    assert cube.dataset["mask"][:4].all()
    assert not cube.dataset["mask"][4:].any()
    assert cube.header_metadata["name"] == "COS4_03493"
    assert cube.header_metadata["seeing_fwhm_arcsec"] == pytest.approx(0.5, rel=0.01)
    assert ("in the order of KMOS3D" in notes_of(cube)) is (names[0] != "FLUX")


def test_the_resolving_power_that_kmos3d_measured_gives_the_line_spread(tmp_path):
    coefficients = {"RES COEFF0": 1000.0, "RES COEFF1": 1800.0, "RES MIN": 3881.0, "RES MAX": 9e3}
    dataset = read_cube(kmos3d(tmp_path / "c.fits", **coefficients)).dataset
    wavelength = dataset["wavelength"].to_numpy()
    power = np.maximum(1000.0 + 1800.0 * wavelength, 3881.0)
    np.testing.assert_allclose(dataset["lsf_sigma"], wavelength / power / 2.3548200450309493)


@pytest.mark.parametrize("fwhm_arcsec", [0.35, 0.5, 0.8])
@pytest.mark.parametrize("beta", [2.5, 4.0])
def test_the_seeing_is_that_of_the_star_that_the_file_holds(tmp_path, fwhm_arcsec, beta):
    star = galsim.Moffat(beta=beta, fwhm=fwhm_arcsec).shift(0.05, -0.08)
    psf = star.drawImage(nx=17, ny=16, scale=0.2).array
    path = kmos3d(tmp_path / "c.fits", psf=psf, psf_cards={"PSF MOFFAT BETA": beta})
    found = read_cube(path).header_metadata
    assert found["seeing_fwhm_arcsec"] == pytest.approx(fwhm_arcsec, rel=0.01)
    assert (found["psf_kind"], found["psf_moffat_beta"]) == ("moffat", beta)


def test_wings_that_are_stated_beyond_any_number_are_a_gaussian(tmp_path):
    psf = galsim.Gaussian(fwhm=0.5).drawImage(nx=17, ny=16, scale=0.2).array
    path = kmos3d(tmp_path / "c.fits", psf=psf, psf_cards={"PSF MOFFAT BETA": 1e17})
    found = read_cube(path).header_metadata
    assert found["seeing_fwhm_arcsec"] == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize(
    "psf", [np.zeros((17, 17)), np.full((17, 17), np.nan), np.ones((17, 17)), np.eye(2)]
)
def test_an_image_without_a_star_states_no_seeing(tmp_path, psf):
    assert (
        "seeing_fwhm_arcsec" not in read_cube(kmos3d(tmp_path / "c.fits", psf=psf)).header_metadata
    )


def test_what_the_user_says_of_the_seeing_wins(tmp_path):
    path = kmos3d(tmp_path / "c.fits")
    observation = read_observation([path], overrides={"seeing_fwhm_arcsec": 0.7})
    assert metadata_of(observation).seeing_fwhm_arcsec == 0.7


@pytest.mark.parametrize("names", [("SCI", "ERR", "DQ"), ("FLUX", "SIGMA", "MASK")])
def test_a_cube_of_any_other_layout_is_found_by_its_names(tmp_path, names):
    flags = np.zeros(SHAPE, np.uint8)
    flags[3] = 1
    extra = image("WMAP", np.ones(SHAPE))
    path = write(tmp_path / "c.fits", image(names[0], data_of()), extra,
                 image(names[1], np.full(SHAPE, SIGMA)), image(names[2], flags))  # fmt: skip
    dataset = read_cube(path).dataset
    np.testing.assert_allclose(dataset["variance"][4:], (PER_ANGSTROM * SIGMA) ** 2, rtol=1e-6)
    assert dataset["mask"][3].all()


@pytest.mark.parametrize("name", ["", "cdfs_12"])
def test_the_only_cube_needs_no_name(tmp_path, name):
    path = write(tmp_path / "c.fits", image(name, data_of()), image("ERR", np.full(SHAPE, SIGMA)))
    np.testing.assert_allclose(
        read_cube(path).dataset["variance"], (PER_ANGSTROM * SIGMA) ** 2, rtol=1e-6
    )


def test_a_cube_in_the_primary_is_read(tmp_path):
    path = tmp_path / "c.fits"
    fits.PrimaryHDU(data_of(), header=fits.Header(CARDS)).writeto(path)
    assert read_cube(path).band_name == "H"


def test_a_compressed_extension_is_read(tmp_path):
    header = fits.Header(CARDS)
    hdu = fits.CompImageHDU(
        data_of(scale=1.0).astype(np.float32), header, name="DATA", quantize_level=0.0,
        compression_type="GZIP_1",
    )  # fmt: skip
    path = write(tmp_path / "c.fits", hdu)
    assert read_cube(path, CubeOptions(flux_unit="adu")).dataset["flux"].shape == SHAPE


def test_the_noise_of_another_cube_is_not_taken(tmp_path):
    path = write(tmp_path / "c.fits", image("A.DATA", data_of()), image("B.NOISE", data_of() ** 2))
    assert np.isnan(read_cube(path).dataset["variance"]).all()


def test_a_file_without_a_cube_is_refused_with_what_it_holds(tmp_path):
    path = write(tmp_path / "c.fits", image("SLICE", data_of()[0], HDUCLAS2="DATA"),
                 image("NOISE", data_of()), INSTRUME="MUSE",
                 PRODCATG="ANCILLARY.IMAGE.WHITELIGHT")  # fmt: skip
    with pytest.raises(CubeFormatError) as error:
        read_cube(path)
    message = str(error.value)
    for part in ("c.fits", "SLICE 7x6", "CTYPE3 = 'WAVE'", f"BUNIT = '{BUNIT}'",
                 "HDUCLAS2 = 'DATA'", "NOISE 40x7x6", "INSTRUME = 'MUSE'",
                 "PRODCATG = 'ANCILLARY.IMAGE.WHITELIGHT'"):  # fmt: skip
        assert part in message
    assert len(message.splitlines()) == 1


def test_a_unit_can_be_given_in_place_of_the_header(tmp_path):
    path = phase3(tmp_path / "c.fits", kind="MSE")
    cube = read_cube(path, CubeOptions(flux_unit="erg/s/cm2/um"))
    np.testing.assert_allclose(cube.dataset["flux"], 1e16 * data_of(), rtol=1e-6)
    assert "fluxes are in erg/s/cm2/um, as given" in notes_of(cube)
    counts = read_cube(path, CubeOptions(flux_unit="adu/s")).dataset["flux"]
    assert u.Unit(counts.attrs["units"]).is_equivalent(u.adu / u.s)


def test_a_unit_that_is_none_is_refused(tmp_path):
    with pytest.raises(MetadataError, match="--flux-unit is 'gibberish'; expected a unit"):
        read_cube(phase3(tmp_path / "c.fits"), CubeOptions(flux_unit="gibberish"))


def test_a_unit_that_only_the_primary_states_is_taken(tmp_path):
    hdu = image("DATA", data_of())
    del hdu.header["BUNIT"]
    cube = read_cube(write(tmp_path / "c.fits", hdu, BUNIT=BUNIT))
    np.testing.assert_allclose(cube.dataset["flux"], PER_ANGSTROM * data_of(), rtol=1e-6)


@pytest.mark.parametrize(
    ("frame", "said"), [("TOPOCENT", "SPECSYS is TOPOCENT"), ("", "SPECSYS is absent"),
                        ("BARYCENT", ""), ("HELIOCEN", "")],
)  # fmt: skip
def test_a_motion_of_the_earth_that_was_not_taken_out_is_said_to_be_left(tmp_path, frame, said):
    notes = notes_of(read_cube(phase3(tmp_path / "c.fits", SPECSYS=frame)))
    assert ("no barycentric correction" in notes) is bool(said)
    assert said in notes
