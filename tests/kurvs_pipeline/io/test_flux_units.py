"""BUNIT is understood however it is spelt, and said to be unknown where it is not."""

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits

from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.io.fits.flux_units import flux_scale, parse_unit
from kurvs_pipeline.observation import FLUX_DENSITY_UNIT

PER_ANGSTROM = 1e16 * 1e4
"""1 erg/s/cm2/Angstrom in 1e-16 erg/s/cm2/um."""

PER_MICRON = 1e16

WATT = 1e16 * 1e3
"""1 W/m2/um is 1e7 erg/s over 1e4 cm2."""

CALIBRATED = {
    "erg/s/cm2/A": PER_ANGSTROM,
    "erg/s/cm2/Angstrom": PER_ANGSTROM,
    "erg/s/cm^2/Ang": PER_ANGSTROM,
    "erg/s/cm**2/Angstrom": PER_ANGSTROM,
    "erg / s / cm2 / AA": PER_ANGSTROM,
    "ergs/sec/cm2/angstroms": PER_ANGSTROM,
    "ERG/S/CM2/A": PER_ANGSTROM,
    "erg/s/cm2/A/spaxel": PER_ANGSTROM,
    "erg/s/cm2/A/pix": PER_ANGSTROM,
    "erg s-1 cm-2 A-1 pixel-1": PER_ANGSTROM,
    "erg s-1 cm-2 A-1": PER_ANGSTROM,
    "erg s-1 cm-2 Angstrom-1": PER_ANGSTROM,
    "erg s^-1 cm^-2 angstrom^-1": PER_ANGSTROM,
    "erg.s**(-1).cm**(-2).angstrom**(-1)": PER_ANGSTROM,
    "erg*s**-1*cm**-2*A**-1": PER_ANGSTROM,
    "erg/(s cm2 A)": PER_ANGSTROM,
    "erg/(s.cm**2.Angstrom)": PER_ANGSTROM,
    "erg/s/cm2/um": PER_MICRON,
    "erg/s/cm2/micron": PER_MICRON,
    "erg/cm2/s/nm": 1e16 * 1e3,
    "W m-2 um-1": WATT,
    "W/m2/um": WATT,
    "W/m^2/micron": WATT,
    "10**(-20)*erg/s/cm**2/Angstrom": 1e-20 * PER_ANGSTROM,
    "10^(-20) erg/s/cm2/Angstrom": 1e-20 * PER_ANGSTROM,
    "10^-17 erg/s/cm2/A": 1e-17 * PER_ANGSTROM,
    "1E-17 erg/s/cm^2/Ang": 1e-17 * PER_ANGSTROM,
    "(1e-18) erg/s/cm2/A": 1e-18 * PER_ANGSTROM,
    "10**(-16) erg.s**(-1).cm**(-2).um**(-1)": 1.0,
    # As the CDS writes powers of ten.
    "10-16 erg/s/cm2/A": 1e-16 * PER_ANGSTROM,
    "2.5e-17 erg/s/cm2/um": 0.25,
}


def scale(text, data=None):
    data = np.full(4, 3e-18) if data is None else data
    return flux_scale(fits.Header({"BUNIT": text}), data)


@pytest.mark.parametrize("text", CALIBRATED)
def test_a_flux_density_is_calibrated_however_it_is_spelt(text):
    factor, unit, notes = scale(text)
    assert unit == FLUX_DENSITY_UNIT
    assert factor == pytest.approx(CALIBRATED[text], rel=1e-9)
    assert not notes


UNCALIBRATED = {
    "ADU/sec": u.adu / u.s,
    "ADU/S": u.adu / u.s,
    "counts": u.count,
    "DN/s": u.DN / u.s,
    "electron/s": u.electron / u.s,
    "Jy": u.Jy,
    "MJy/sr": u.MJy / u.sr,
    "erg/s/cm2": u.erg / u.s / u.cm**2,
    "erg/s/cm2/A/arcsec2": u.erg / u.s / u.cm**2 / u.Angstrom / u.arcsec**2,
    "gibberish": u.adu,
    "erg/s/cm2 A": u.adu,
    "flux density": u.adu,
    "": u.adu,
}


@pytest.mark.parametrize("text", UNCALIBRATED)
def test_any_other_unit_is_kept_and_said_not_to_be_calibrated(text):
    factor, unit, notes = scale(text)
    assert u.Unit(unit).is_equivalent(UNCALIBRATED[text])
    assert (3e-18 * factor * u.Unit(unit)).to(UNCALIBRATED[text]).value == pytest.approx(3e-18)
    assert len(notes) == 1
    assert "not calibrated" in notes[0]
    assert (repr(text) if text else "absent") in notes[0]


def test_a_power_of_ten_in_an_uncalibrated_unit_is_kept():
    factor, unit, _ = scale("10**(-17) adu", np.full(4, 2e-3))
    assert u.Unit(unit).to(u.adu) / factor == pytest.approx(1e-17)
    assert 1.0 <= 2e-3 * factor < 10.0


@pytest.mark.parametrize("typical", [0.11, 1.0, 9.9999999, 10.0, 99.0])
def test_fluxes_of_order_one_are_left_as_they_are(typical):
    assert scale("1e-17 adu", np.full(4, typical))[:2] == (1.0, "1e-17 adu")


@pytest.mark.parametrize(
    ("spelling", "unit"),
    [("ANGSTROM", u.AA), ("Ang", u.AA), ("Angstroem", u.AA), ("A", u.AA), ("UM", u.um),
     ("microns", u.um), ("MICROMETER", u.um), ("micrometres", u.um), ("NM", u.nm),
     ("nanometer", u.nm), ("METER", u.m), ("Metre", u.m), ("M", u.m), ("[um]", u.um),
     ("km/sec", u.km / u.s), ("KM/S", u.km / u.s), ("kms-1", u.km / u.s), ("m s**-1", u.m / u.s),
     ("DEGREES", u.deg), ("ARCSEC", u.arcsec), ("arcseconds", u.arcsec), ("mas", u.mas),
     ("FLAM", u.erg / u.s / u.cm**2 / u.AA), ("e-/s", u.electron / u.s),
     ("MJy/sr", u.MJy / u.sr), ("mJy", u.mJy)],
)  # fmt: skip
def test_units_are_read_in_the_spellings_of_the_wild(spelling, unit):
    assert parse_unit(spelling) == unit


@pytest.mark.parametrize(
    "text", ["0 erg/(s cm2 um)", "-1 erg/s/cm2/um", "1e400 erg/s/cm2/um", "1e-400 erg/s", "nan",
             "5", "mag(AB)", "(0) erg/s", "MJY/SR", "furlong"],
)  # fmt: skip
def test_what_is_no_unit_is_not_guessed(text):
    assert parse_unit(text) is None


@pytest.mark.parametrize("text", ["0 erg/(s cm2 um)", "km", "deg", "km/s", "K", "5", "nonsense"])
def test_a_stated_flux_unit_that_is_none_of_light_is_refused(text):
    with pytest.raises(MetadataError, match="--flux-unit is"):
        flux_scale(fits.Header(), np.ones(3), stated=text)
