"""Files that hold no usable cube are refused in one line that names what is wrong."""

import gzip

import numpy as np
import pytest
from astropy.io import fits

from kurvs_pipeline.errors import CubeFormatError, MetadataError
from kurvs_pipeline.io.fits.cube import read_cube
from kurvs_pipeline.io.fits.options import CubeOptions
from kurvs_pipeline.io.reading import read_observation

SHAPE = (30, 5, 6)
CARDS = {
    "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CTYPE3": "WAVE", "CUNIT3": "um",
    "CRVAL1": 53.0, "CRVAL2": -27.0, "CRVAL3": 1.6, "CRPIX3": 1.0,
    "CD1_1": -0.2 / 3600, "CD2_2": 0.2 / 3600, "CD3_3": 2e-4,
}  # fmt: skip


def data_of(shape=SHAPE):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def cube(path, data=None, *extensions):
    data = data_of() if data is None else data
    image = fits.ImageHDU(data, header=fits.Header(CARDS), name="X.DATA")
    fits.HDUList([fits.PrimaryHDU(), image, *extensions]).writeto(path)
    return path


def with_bare_value(path, keyword, text):
    """Put a value into a header that is not FITS, as other software does."""
    content = cube(path).read_bytes()
    start = content.index(keyword.ljust(8).encode() + b"=")
    path.write_bytes(content[: start + 10] + text.rjust(20).encode() + content[start + 30 :])
    return path


def refusal(path, **options):
    with pytest.raises(CubeFormatError) as error:
        read_cube(path, CubeOptions(**options))
    message = str(error.value)
    assert path.name in message
    assert len(message.splitlines()) == 1
    return message


@pytest.mark.parametrize("text", ["NaN", "Inf", "1.6.2"])
@pytest.mark.parametrize("keyword", ["CRVAL3", "CRPIX3", "CD3_3"])
def test_a_bare_word_for_a_number_is_named_with_its_keyword(tmp_path, keyword, text):
    message = refusal(with_bare_value(tmp_path / "c.fits", keyword, text))
    assert f"{keyword} is '{text}'; expected a number" in message


def test_a_bare_word_where_it_does_not_matter_is_passed_over(tmp_path):
    cube_read = read_cube(with_bare_value(tmp_path / "c.fits", "CRVAL1", "NaN"))
    assert "ra_deg" not in cube_read.header_metadata


@pytest.mark.parametrize("shape", [(1, 5, 6), (30, 1, 6), (30, 5, 1)])
def test_a_cube_of_one_channel_or_row_is_refused(tmp_path, shape):
    message = refusal(cube(tmp_path / "c.fits", data_of(shape)))
    assert f"NAXIS1, NAXIS2, NAXIS3 are {shape[2]}, {shape[1]}, {shape[0]}" in message


@pytest.mark.parametrize("shape", [(5, 6), (1, 30, 5, 6)])
def test_an_image_without_three_axes_is_refused(tmp_path, shape):
    message = refusal(cube(tmp_path / "c.fits", data_of(shape)))
    assert "x".join(map(str, shape)) in message
    assert "NAXIS = 3" in message


def test_a_folder_is_no_file(tmp_path):
    assert "folder" in refusal(tmp_path)


def test_a_table_is_no_cube(tmp_path):
    column = fits.Column("a", "E", array=np.arange(4.0))
    fits.BinTableHDU.from_columns([column]).writeto(tmp_path / "t.fits")
    assert "no image at all" in refusal(tmp_path / "t.fits")


@pytest.mark.parametrize("length", [3000, 4000, 9000])
def test_a_file_cut_short_anywhere_is_said_to_be_so(tmp_path, length):
    path = cube(tmp_path / "c.fits")
    path.write_bytes(path.read_bytes()[:length])
    assert "cut short" in refusal(path)


@pytest.mark.parametrize("keyword", ["NAXIS2", "BITPIX", "NAXIS", "XTENSION"])
def test_a_damaged_keyword_of_structure_is_refused(tmp_path, keyword):
    path = cube(tmp_path / "c.fits")
    content = path.read_bytes()
    start = content.index(keyword.ljust(8).encode(), 2880)
    path.write_bytes(content[:start] + b"*" + content[start + 1 :])
    with pytest.raises(CubeFormatError) as error:
        read_cube(path)
    assert path.name in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_damaged_compressed_pixels_are_refused(tmp_path):
    hdu = fits.CompImageHDU(data_of(), fits.Header(CARDS), name="DATA", compression_type="GZIP_1")
    path = tmp_path / "c.fits"
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    content = path.read_bytes()
    path.write_bytes(content[:-2880] + bytes(2880))
    assert "not a readable FITS file" in refusal(path)


@pytest.mark.parametrize(
    ("keyword", "value", "expected"),
    [
        ("SEED", "many", "KURVS SEED is 'many'; expected a whole number"),
        ("REDSHIFT", "high", "KURVS REDSHIFT is 'high'; expected a number"),
        ("PSF KIND", 3, "KURVS PSF KIND is 3; expected a text"),
    ],
)
def test_a_value_of_our_own_that_was_changed_to_another_type_is_named(
    tmp_path, keyword, value, expected
):
    path = cube(tmp_path / "c.fits")
    fits.setval(path, "HIERARCH KURVS VERSION", value="0.1.0")
    fits.setval(path, f"HIERARCH KURVS {keyword}", value=value)
    with pytest.raises(MetadataError, match=expected) as error:
        read_cube(path)
    assert path.name in str(error.value)


def test_a_compressed_file_is_read_and_one_cut_short_is_refused(tmp_path):
    content = gzip.compress(cube(tmp_path / "c.fits").read_bytes())
    path = tmp_path / "c.fits.gz"
    path.write_bytes(content)
    np.testing.assert_allclose(read_cube(path).dataset["flux"], data_of())
    path.write_bytes(content[: len(content) // 2])
    assert "cut short" in refusal(path)


def test_whole_numbers_with_an_offset_are_read_as_they_are_meant(tmp_path):
    data = (1000 * (data_of() + 6)).astype(np.uint16)
    path = cube(tmp_path / "c.fits", data)
    assert fits.getheader(path, "X.DATA")["BZERO"] == 32768
    dataset = read_cube(path).dataset
    scale = float(dataset["flux"][3, 2, 2]) / float(data[3, 2, 2])
    np.testing.assert_allclose(dataset["flux"], data * scale, rtol=1e-6)


@pytest.mark.parametrize("value", [np.nan, 0.0, np.inf, -1.0])
def test_noise_that_is_nowhere_positive_leaves_no_data_unless_it_is_left_out(tmp_path, value):
    noise = fits.ImageHDU(np.full(SHAPE, value, np.float32), name="X.NOISE")
    path = cube(tmp_path / "c.fits", None, noise)
    message = refusal(path)
    assert "900 have a flux but none a finite noise > 0" in message
    assert "--noise-kind none" in message
    assert not read_cube(path, CubeOptions(noise_kind="none")).dataset["mask"].any()


def test_infinities_are_no_data(tmp_path):
    data = data_of()
    data[:, 2, 2] = np.inf
    data[7] = -np.inf
    mask = read_cube(cube(tmp_path / "c.fits", data)).dataset["mask"].to_numpy()
    np.testing.assert_array_equal(mask, ~np.isfinite(data))


def test_a_wavelength_in_no_band_names_the_file_and_the_fix(tmp_path):
    path = cube(tmp_path / "c.fits")
    assert "--wavelength-start" in refusal(path, wavelength_start_um=12.0)


@pytest.mark.parametrize("packed", [False, True])
def test_axes_without_end_are_refused_before_they_are_counted(tmp_path, packed):
    path = with_bare_value(tmp_path / "cube.fits", "NAXIS", "99999999")
    if packed:
        path = tmp_path / "cube.fits.gz"
        path.write_bytes(gzip.compress((tmp_path / "cube.fits").read_bytes()))
    with pytest.raises(CubeFormatError, match="NAXIS is 99999999; expected at most 999"):
        read_cube(path)


@pytest.mark.parametrize(
    ("options", "told"),
    [({"overrides": {"incl": 3.0}}, "overrides has 'incl'; .*inclination_deg"),
     ({"extention": "DATA"}, "read_observation has 'extention'; .*extension")],
)  # fmt: skip
def test_a_name_that_is_no_field_is_refused_with_the_nearest(tmp_path, options, told):
    with pytest.raises(MetadataError, match=told):
        read_observation(cube(tmp_path / "cube.fits"), **options)
