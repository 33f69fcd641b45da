"""Files of other pipelines: extensions, spaxels and media as they are found, or asked for."""

import numpy as np
import pytest
from astropy.io import fits

from kurvs_pipeline.errors import CubeFormatError, MetadataError
from kurvs_pipeline.io.fits.cube import read_cube
from kurvs_pipeline.io.fits.options import CubeOptions
from kurvs_pipeline.lines import vacuum_from_air

SHAPE = (40, 9, 8)
SIGMA = 0.02
CARDS = {
    "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CTYPE3": "WAVE", "CUNIT1": "deg",
    "CUNIT2": "deg", "CUNIT3": "um", "CRVAL1": 53.0, "CRVAL2": -27.0, "CRVAL3": 1.6,
    "CRPIX1": 3.0, "CRPIX2": 3.0, "CRPIX3": 1.0, "CD1_1": -0.1 / 3600, "CD2_2": 0.1 / 3600,
    "CD3_3": 2e-4, "BUNIT": "1e-16 erg/s/cm2/um",
}  # fmt: skip


def flux_of(seed=0):
    return (SIGMA * np.random.default_rng(seed).standard_normal(SHAPE)).astype("f4")


def image(name, data=None, *, without=(), **cards):
    header = fits.Header()
    header.update({**CARDS, **cards})
    for keyword in without:
        del header[keyword]
    return fits.ImageHDU(flux_of() if data is None else data, header, name=name)


def noise(name="", power=1.0, **cards):
    return image(name, np.full(SHAPE, SIGMA**power, "f4"), **cards)


def write(path, *hdus, **primary):
    fits.HDUList([fits.PrimaryHDU(header=fits.Header(primary)), *hdus]).writeto(path)
    return path


def notes_of(cube):
    return "\n".join(cube.assumptions)


def assert_noise_is_used(cube):
    np.testing.assert_allclose(cube.dataset["variance"], SIGMA**2, rtol=1e-5)


@pytest.mark.parametrize(
    ("flux", "error", "power"),
    [
        ("FLUX", "FLUX_ERR", 1), ("FLUX", "FLUXERR", 1), ("FLUX", "ERR_FLUX", 1),
        ("SCI", "UNC", 1), ("SCI", "UNCERTAINTY", 1), ("SCI", "SCI_ERR", 1),
        ("DATA", "DATA_VAR", 2), ("DATA", "VARDATA", 2), ("CUBE", "VARCUBE", 2),
        ("DATA", "VARIANCES", 2), ("FLUX", "FLUX_IVAR", -2), ("SCI", "WEIGHT", -2),
        ("SCI", "WHT", -2), ("IFU.3.DATA", "IFU.3.SIGMA", 1), ("GS1_FLUX", "GS1_FLUX_ERROR", 1),
        ("DATA.1", "NOISE.1", 1), ("", "STDDEV", 1), ("MYGALAXY", "ERRORS", 1),
    ],
)  # fmt: skip
def test_noise_is_found_by_any_usual_name(tmp_path, flux, error, power):
    cube = read_cube(write(tmp_path / "c.fits", image(flux), noise(error, power)))
    assert_noise_is_used(cube)
    assert "--noise-kind" in notes_of(cube)


def test_weights_are_the_last_resort(tmp_path):
    hdus = image("SCI"), image("WHT", np.ones(SHAPE, "f4")), noise("ERR")
    assert_noise_is_used(read_cube(write(tmp_path / "c.fits", *hdus)))


def test_references_win_over_classes_that_were_copied(tmp_path):
    copied = {"HDUCLASS": "ESO", "HDUCLAS1": "IMAGE", "HDUCLAS2": "DATA", "ERRDATA": "S2",
              "QUALDATA": "FLAGGED"}  # fmt: skip
    flags = np.zeros(SHAPE, "i4")
    flags[3] = 1
    path = write(
        tmp_path / "c.fits", image("D1", **copied), noise("S2", **copied),
        image("FLAGGED", flags, **copied),
    )  # fmt: skip
    cube = read_cube(path)
    np.testing.assert_allclose(cube.dataset["variance"][0], SIGMA**2, rtol=1e-5)
    assert cube.dataset["mask"][3].all()
    assert not cube.dataset["mask"][4].any()


def test_noise_that_names_its_cube_belongs_to_it(tmp_path):
    hdus = (image("A.DATA"), noise("B.ERR", SCIDATA="A.DATA"))
    assert_noise_is_used(read_cube(write(tmp_path / "c.fits", *hdus)))


def test_a_class_of_data_does_not_make_data_of_what_is_named_noise(tmp_path):
    hdus = (image("DATA", HDUCLAS2="DATA"), noise("STAT", 2, HDUCLAS2="DATA"))
    assert_noise_is_used(read_cube(write(tmp_path / "c.fits", *hdus)))


def test_what_could_be_noise_is_named_and_used_on_request(tmp_path):
    path = write(tmp_path / "c.fits", image("DATA"), noise("SECOND"))
    assert "SECOND, of the cube's shape, is not used" in notes_of(read_cube(path))
    stated = CubeOptions(noise_kind="standard-deviation")
    assert_noise_is_used(read_cube(path, stated))


def test_noise_that_is_named_as_if_it_were_a_flux_is_found_beside_the_chosen_cube(tmp_path):
    path = write(tmp_path / "c.fits", image("FLUX"), noise("E_FLUX"))
    with pytest.raises(CubeFormatError, match="found FLUX, E_FLUX"):
        read_cube(path)
    assert_noise_is_used(
        read_cube(path, CubeOptions(extension="FLUX", noise_kind="standard-deviation"))
    )


def test_a_second_cube_with_negative_values_is_no_noise(tmp_path):
    path = write(tmp_path / "c.fits", image("DATA"), image("SECOND", flux_of(1)))
    assert "SECOND" not in notes_of(read_cube(path))


def test_a_kind_of_noise_that_nothing_takes_is_refused(tmp_path):
    path = write(tmp_path / "c.fits", image("DATA"))
    with pytest.raises(CubeFormatError, match="--noise-kind is 'variance', and 0 extensions"):
        read_cube(path, CubeOptions(noise_kind="variance"))


@pytest.mark.parametrize("extension", ["1", "extension 1"])
def test_a_cube_without_a_name_is_chosen_by_its_number(tmp_path, extension):
    path = write(tmp_path / "c.fits", image(""), noise(""))
    with pytest.raises(CubeFormatError, match="found extension 1, extension 2"):
        read_cube(path)
    cube = read_cube(path, CubeOptions(extension=extension))
    np.testing.assert_allclose(cube.dataset["flux"], flux_of(), rtol=1e-5)
    assert "extension 2, of the cube's shape, is not used" in notes_of(cube)
    stated = CubeOptions(extension=extension, noise_kind="standard-deviation")
    assert_noise_is_used(read_cube(path, stated))


def test_versions_of_one_name_belong_together(tmp_path):
    hdus = [image("SCI"), noise("ERR"), image("SCI", flux_of(1)),
            image("ERR", np.full(SHAPE, 2 * SIGMA, "f4"))]  # fmt: skip
    for hdu, version in zip(hdus, (1, 1, 2, 2), strict=True):
        hdu.ver = version
    cube = read_cube(write(tmp_path / "c.fits", *hdus), CubeOptions(extension="3"))
    np.testing.assert_allclose(cube.dataset["variance"], 4 * SIGMA**2, rtol=1e-5)


@pytest.mark.parametrize("name", ["BADPIX", "NEXP", ""])
def test_whole_numbers_are_no_fluxes(tmp_path, name):
    path = write(tmp_path / "c.fits", image("MINE"), image(name, np.zeros(SHAPE, "i2")))
    cube = read_cube(path)
    np.testing.assert_allclose(cube.dataset["flux"], flux_of(), rtol=1e-5)


@pytest.mark.parametrize("bit", [1, 4])
def test_flags_that_are_set_almost_everywhere_name_the_option(tmp_path, bit):
    flags = np.full(SHAPE, bit, "i4")
    flags[:4] = 0
    path = write(tmp_path / "c.fits", image("DATA"), noise("NOISE"), image("MASK", flags))
    with pytest.raises(CubeFormatError, match=r"MASK flags 90.0%.*--ignore-quality"):
        read_cube(path)
    assert not read_cube(path, CubeOptions(use_quality=False)).dataset["mask"].any()


@pytest.mark.parametrize(
    ("cards", "without"),
    [
        ({"CTYPE1": "LINEAR", "CTYPE2": "LINEAR", "CD1_1": -0.1, "CD2_2": 0.1},
         ("CUNIT1", "CUNIT2")),
        ({"CD1_1": -1.0, "CD2_2": 1.0}, ()),
        ({"CD1_1": -1e-9, "CD2_2": 1e-9}, ()),
        ({"CDELT1": -0.1, "CDELT2": 0.1, "CDELT3": 2e-4}, ("CD1_1", "CD2_2", "CD3_3")),
        ({"CDELT1": 1.0, "CDELT2": 1.0, "PC1_1": -0.2, "PC2_2": 0.2, "CDELT3": 2e-4},
         ("CD1_1", "CD2_2", "CD3_3")),
    ],
)  # fmt: skip
def test_a_spaxel_that_no_instrument_has_is_refused_and_can_be_stated(tmp_path, cards, without):
    path = write(tmp_path / "c.fits", image("DATA", without=without, **cards), noise("NOISE"))
    with pytest.raises(CubeFormatError, match=r"spaxels are .* by the header.*--spaxel-size"):
        read_cube(path)
    cube = read_cube(path, CubeOptions(spaxel_arcsec=0.1))
    assert cube.dataset["x"].to_numpy()[1] - cube.dataset["x"].to_numpy()[0] == pytest.approx(0.1)
    assert cube.dataset["wavelength"].to_numpy()[1] == pytest.approx(1.6002)
    assert "spaxels are 0.1 arcsec as given" in notes_of(cube)


def test_the_rotation_of_the_header_is_kept_where_the_size_is_stated(tmp_path):
    cosine, sine = np.cos(0.5), np.sin(0.5)
    turned = {"CD1_1": -cosine, "CD1_2": sine, "CD2_1": sine, "CD2_2": cosine}
    path = write(tmp_path / "c.fits", image("DATA", **turned))
    frame = read_cube(path, CubeOptions(spaxel_arcsec=0.2)).frame
    assert frame.rotation_deg == pytest.approx(np.degrees(0.5))
    assert frame.spaxel_x_arcsec == pytest.approx(0.2)


def test_a_stated_size_that_no_instrument_has_is_refused(tmp_path):
    path = write(tmp_path / "c.fits", image("DATA"))
    with pytest.raises(MetadataError, match=r"--spaxel-size is 200; expected 0\.005 to 2 arcsec"):
        read_cube(path, CubeOptions(spaxel_arcsec=200.0))


@pytest.mark.parametrize("unit", ["ARCSEC", "arcseconds", "asec", "arcsec"])
def test_the_unit_of_spaxels_is_read_in_any_spelling(tmp_path, unit):
    cards = {"CUNIT1": unit, "CUNIT2": unit, "CD1_1": -0.1, "CD2_2": 0.1}
    cube = read_cube(write(tmp_path / "c.fits", image("DATA", **cards)))
    assert cube.frame.spaxel_x_arcsec == pytest.approx(0.1)


AIR = [
    ({"CTYPE3": "AWAV"}, {}), ({}, {"AIRORVAC": "air"}), ({"CTYPE3": "LINEAR"}, {"VACUUM": False}),
    ({"CTYPE3": "LINEAR"}, {"CTYPE3": "AWAV"}), ({"CTYPE3": "LINEAR"}, {"INSTRUME": "MUSE"}),
    ({"CTYPE3": ("LINEAR", "wavelength in air")}, {}), ({"AIRORVAC": "AIR"}, {}),
]  # fmt: skip

VACUUM = [
    ({}, {}), ({"CTYPE3": "LINEAR"}, {"AIRORVAC": "vac"}), ({"CTYPE3": "LINEAR"}, {"VACUUM": 1}),
    ({}, {"INSTRUME": "MUSE"}), ({"CTYPE3": "LINEAR"}, {"INSTRUME": "KMOS"}),
]  # fmt: skip


@pytest.mark.parametrize(("cards", "primary"), AIR)
def test_air_is_believed_wherever_the_file_says_so(tmp_path, cards, primary):
    cube = read_cube(write(tmp_path / "c.fits", image("DATA", **cards), **primary))
    assert cube.dataset["wavelength"].to_numpy()[0] == pytest.approx(vacuum_from_air(1.6), abs=1e-9)
    assert "converted from air to vacuum, as" in notes_of(cube)


@pytest.mark.parametrize(("cards", "primary"), VACUUM)
def test_vacuum_is_believed_wherever_the_file_says_so(tmp_path, cards, primary):
    cube = read_cube(write(tmp_path / "c.fits", image("DATA", **cards), **primary))
    assert cube.dataset["wavelength"].to_numpy()[0] == pytest.approx(1.6)
    assert "KMOS pipeline" not in notes_of(cube)


def test_contradictions_on_the_medium_are_asked_about(tmp_path):
    path = write(tmp_path / "c.fits", image("DATA", CTYPE3="AWAV"), AIRORVAC="vac")
    with pytest.raises(CubeFormatError, match=r"both media.*--medium"):
        read_cube(path)
    assert read_cube(path, CubeOptions(medium="vacuum")).dataset["wavelength"][0] == 1.6


def test_nothing_is_taken_from_kmos_without_a_word_where_no_instrument_is_named(tmp_path):
    hdus = image("DATA", without=("CTYPE3", "CRPIX3")), noise("NOISE")
    notes = notes_of(read_cube(write(tmp_path / "c.fits", *hdus)))
    for said in ("CRPIX3 is absent", "no header names their medium", "CTYPE3 is absent",
                 "taken as that of KMOS H, as no header", "NOISE is taken as"):  # fmt: skip
        assert said in notes
    named = write(tmp_path / "k.fits", *hdus, INSTRUME="KMOS")
    for unsaid in ("taken as that of KMOS", "NOISE is taken as"):
        assert unsaid not in notes_of(read_cube(named))


def test_the_frame_of_motion_is_read_wherever_it_stands(tmp_path):
    path = write(tmp_path / "c.fits", image("DATA"), noise("NOISE", SPECSYS="BARYCENT"))
    assert "barycentric" not in notes_of(read_cube(path))


@pytest.mark.parametrize(
    ("unit", "scale"),
    [("ANGSTROM", 1e4), ("Ang", 1e4), ("UM", 1.0), ("NM", 1e3), ("METER", 1e-6),
     ("MICROMETER", 1.0), ("microns", 1.0)],
)  # fmt: skip
def test_the_unit_of_wavelengths_is_read_in_any_spelling(tmp_path, unit, scale):
    cards = {"CUNIT3": unit, "CRVAL3": 1.6 * scale, "CD3_3": 2e-4 * scale}
    cube = read_cube(write(tmp_path / "c.fits", image("DATA", **cards)))
    np.testing.assert_allclose(cube.dataset["wavelength"][:2], [1.6, 1.6002])
