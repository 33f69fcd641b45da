"""Wavelengths are read as the header means them, or refused."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from kurvs_pipeline.errors import CubeFormatError, MetadataError, OutputError
from kurvs_pipeline.io.fits.wavelength import wavelength_axis, write_wavelength_axis
from kurvs_pipeline.lines import air_from_vacuum, vacuum_from_air

N_CHANNELS = 50
STEP_UM = 2e-4
GIVEN = {"start_um": 1.5, "step_um": STEP_UM}


def header_of(**changes):
    header = fits.Header()
    header["CTYPE3"], header["CUNIT3"] = "WAVE", "um"
    header["CRPIX3"], header["CRVAL3"], header["CDELT3"] = 1.0, 1.5, STEP_UM
    for key, value in changes.items():
        if value is None:
            del header[key]
        else:
            header[key] = value
    return header


def read(header, **options):
    return wavelength_axis(header, N_CHANNELS, "cube.fits [X.DATA]", **options)


def test_the_axis_counts_from_the_reference_pixel():
    wavelength, _ = read(header_of(CRPIX3=11.0))
    np.testing.assert_allclose(wavelength, 1.5 + STEP_UM * (np.arange(N_CHANNELS) - 10))


def test_pc3_3_scales_the_step():
    wavelength, _ = read(header_of(CDELT3=1.0, PC3_3=STEP_UM))
    np.testing.assert_allclose(np.diff(wavelength), STEP_UM)


@pytest.mark.parametrize(
    "kind",
    ["WAVE-TAB", "WAVE-GRI", "AWAV-GRA", "WAVE-F2W", "FREQ", "VELO",
     "VRAD", "VOPT-F2W", "ENER", "LOGLAM", "DEC--TAN"],
)  # fmt: skip
def test_an_axis_that_is_not_linear_in_wavelength_is_refused(kind):
    with pytest.raises(CubeFormatError) as error:
        read(header_of(CTYPE3=kind))
    message = str(error.value)
    for part in ("cube.fits [X.DATA]", f"CTYPE3 = '{kind}'", "WAVE", "AWAV", "--wavelength-start"):
        assert part in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("kind", "counted"),
    [("FREQ", "frequency"), ("VELO-F2V", "velocity"), ("VOPT", "optical velocity")],
)
def test_an_axis_that_counts_something_else_is_refused_with_the_reason(kind, counted):
    with pytest.raises(CubeFormatError, match=rf"CTYPE3 = '{kind}' \({counted}\)"):
        read(header_of(CTYPE3=kind))


@pytest.mark.parametrize("unit", ["um", "Angstrom"])
def test_a_logarithmic_axis_is_read_by_the_definition_of_the_standard(unit):
    """Greisen et al. (2006), eq. 5: the reference times the exponential of its relative offset."""
    scale = {"um": 1.0, "Angstrom": 1e4}[unit]
    header = header_of(
        CTYPE3="WAVE-LOG", CRPIX3=11.0, CUNIT3=unit, CRVAL3=1.5 * scale, CDELT3=STEP_UM * scale
    )
    wavelength, notes = read(header)
    offset_um = STEP_UM * (np.arange(N_CHANNELS) - 10)
    np.testing.assert_allclose(wavelength, 1.5 * np.exp(offset_um / 1.5), rtol=1e-12)
    assert any("logarithm" in note for note in notes)


@pytest.mark.parametrize(
    ("spelling", "scale"),
    [("MICRON", 1.0), ("UM", 1.0), ("A", 1e4), ("angstroms", 1e4), ("nm", 1e3), ("m", 1e-6)],
)
def test_units_of_wavelength_may_be_spelt_in_many_ways(spelling, scale):
    wavelength, _ = read(header_of(CUNIT3=spelling, CRVAL3=1.5 * scale, CDELT3=STEP_UM * scale))
    np.testing.assert_allclose(wavelength, 1.5 + STEP_UM * np.arange(N_CHANNELS))


def test_a_logarithmic_axis_in_air_is_converted():
    wavelength, _ = read(header_of(CTYPE3="AWAV-LOG"))
    expected = 1.5 * np.exp(STEP_UM * np.arange(N_CHANNELS) / 1.5)
    np.testing.assert_allclose(air_from_vacuum(wavelength), expected, rtol=1e-9)


@pytest.mark.parametrize("kind", ["WAVE", "AWAV", "WAVE-LOG"])
def test_the_medium_can_be_given(kind):
    linear = read(header_of(CTYPE3=kind), medium="vacuum")[0]
    in_air, notes = read(header_of(CTYPE3=kind), medium="air")
    np.testing.assert_allclose(in_air, vacuum_from_air(linear), rtol=1e-12)
    assert any("as given" in note for note in notes)


def test_an_unknown_medium_is_refused():
    with pytest.raises(MetadataError, match="--medium is 'water'; expected air or vacuum"):
        read(header_of(), medium="water")


def test_an_axis_that_iraf_says_is_logarithmic_is_refused():
    with pytest.raises(CubeFormatError, match="DC-FLAG = 1"):
        read(header_of(**{"CTYPE3": "LINEAR", "DC-FLAG": 1}))


@pytest.mark.parametrize("kind", ["WAVE-LOG", "FREQ"])
def test_one_override_alone_does_not_state_the_axis(kind):
    for key, value in GIVEN.items():
        with pytest.raises(CubeFormatError, match=kind):
            read(header_of(CTYPE3=kind), **{key: value})


@pytest.mark.parametrize("kind", ["WAVE-LOG", "FREQ", None])
def test_start_and_step_together_state_the_axis_whatever_the_header_says(kind):
    header = header_of(CTYPE3=kind, CUNIT3="furlong", CRVAL3=None)
    wavelength, notes = read(header, **GIVEN)
    np.testing.assert_allclose(wavelength, 1.5 + STEP_UM * np.arange(N_CHANNELS))
    for stated in ("wavelengths start at 1.5 um as given", "channels are 0.0002 um wide as given"):
        assert any(stated in note for note in notes)


@pytest.mark.parametrize("options", [{}, GIVEN])
def test_air_stays_air_with_and_without_overrides(options):
    wavelength, notes = read(header_of(CTYPE3="AWAV"), **options)
    np.testing.assert_allclose(
        air_from_vacuum(wavelength), 1.5 + STEP_UM * np.arange(N_CHANNELS), rtol=1e-9
    )
    assert any("AWAV" in note for note in notes)


def test_an_axis_without_a_type_is_taken_as_a_wavelength_and_said_so():
    _, notes = read(header_of(CTYPE3=None))
    assert any("CTYPE3 is absent" in note for note in notes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"CRVAL3": "NaN"}, "CRVAL3 is 'NaN'; expected a number"),
        ({"CDELT3": "fine"}, "CDELT3 is 'fine'; expected a number"),
        ({"CRPIX3": "first"}, "CRPIX3 is 'first'; expected a number"),
        ({"CDELT3": 0.0}, "CDELT3 is 0; expected a step > 0"),
        ({"CDELT3": -STEP_UM}, "CDELT3 is -0.0002; expected a step > 0"),
        ({"CD3_3": -1e-4}, "CD3_3 is -0.0001; expected a step > 0"),
        ({"CD3_1": 1e-5, "CD3_3": STEP_UM}, "CD3_1 is 1e-05; expected 0"),
        ({"PC1_3": 0.1}, "PC1_3 is 0.1; expected 0"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(changes, message):
    with pytest.raises(CubeFormatError) as error:
        read(header_of(**changes))
    assert message in str(error.value)
    assert "cube.fits [X.DATA]" in str(error.value)
    assert "--wavelength-" in str(error.value)


@pytest.mark.parametrize("options", [{"start_um": np.nan}, {"start_um": -1.0},
                                     {"step_um": 0.0}, {"step_um": np.inf}])  # fmt: skip
def test_an_override_that_cannot_be_used_is_named(options):
    with pytest.raises(MetadataError, match=r"--wavelength-(start|step) is"):
        read(header_of(), **options)


@pytest.mark.parametrize("kind", ["WAVE", "AWAV", "WAVE-LOG", "AWAV-LOG"])
def test_a_written_axis_reads_back(kind):
    linear = 1.6 + STEP_UM * np.arange(N_CHANNELS)
    if kind.endswith("LOG"):
        linear = np.geomspace(1.6, 1.65, N_CHANNELS)
    wavelength = vacuum_from_air(linear) if kind.startswith("AWAV") else linear
    header = header_of(CTYPE3=kind, CRVAL3=0.3, CRPIX3=1096.0, CD3_3=1.0, PC3_3=2.0)
    write_wavelength_axis(header, wavelength)
    np.testing.assert_allclose(read(header)[0], wavelength, rtol=1e-12)
    by_astropy = WCS(header).spectral.pixel_to_world_values(np.arange(N_CHANNELS)) * 1e6
    np.testing.assert_allclose(by_astropy, linear, rtol=1e-12)


def test_an_axis_that_fits_cannot_state_is_not_written():
    with pytest.raises(OutputError, match="not equally spaced"):
        write_wavelength_axis(header_of(), 1.5 + 0.1 * np.linspace(0, 1, N_CHANNELS) ** 2)
