"""Line data, dust and calibrations agree with what is published of them."""

import numpy as np
import pytest

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS, dopita16_n2s2, kewley19_n2o2
from kurvs_pipeline.dust import CASE_B_HALPHA_HBETA, R_V, attenuation_curve, transmitted_fraction
from kurvs_pipeline.lines import LINE_GROUPS, REST_WAVELENGTH_UM, air_from_vacuum, vacuum_from_air

# Air wavelengths by which the lines are named in every textbook, Angstrom.
AIR_ANGSTROM = {
    "oii_3726": 3726.03, "oii_3729": 3728.82, "hbeta": 4861.33, "oiii_4959": 4958.91,
    "oiii_5007": 5006.84, "nii_6548": 6548.05, "halpha": 6562.80, "nii_6584": 6583.45,
    "sii_6716": 6716.44, "sii_6731": 6730.82,
}  # fmt: skip


@pytest.mark.parametrize("line", REST_WAVELENGTH_UM)
def test_vacuum_wavelengths_are_those_of_the_lines_in_air(line):
    air = 1e4 * float(air_from_vacuum(REST_WAVELENGTH_UM[line]))
    assert air == pytest.approx(AIR_ANGSTROM[line], abs=0.06)


def test_air_and_vacuum_convert_into_each_other():
    vacuum = np.linspace(0.35, 1.9, 50)
    np.testing.assert_allclose(vacuum_from_air(air_from_vacuum(vacuum)), vacuum, rtol=1e-12)


def ciddor_air(vacuum_um):
    """Return wavelengths in air by Ciddor (1996), as his dispersion formula is tabulated."""
    s2 = 1.0 / vacuum_um**2
    return vacuum_um / (1.0 + 0.05792105 / (238.0185 - s2) + 0.00167917 / (57.362 - s2))


def test_air_wavelengths_are_those_of_morton_2000_beside_ciddor_1996():
    vacuum = np.linspace(0.35, 2.5, 50)
    by_morton = (
        1.0 + 8.34254e-5 + 0.02406147 / (130.0 - vacuum**-2) + 0.00015998 / (38.9 - vacuum**-2)
    )
    np.testing.assert_allclose(air_from_vacuum(vacuum), vacuum / by_morton, rtol=1e-12)
    # 2 m/s apart, where the channels of KMOS are 40 km/s wide.
    np.testing.assert_allclose(air_from_vacuum(vacuum), ciddor_air(vacuum), rtol=7e-9)
    # The SDSS's table of line wavelengths: H-beta.
    np.testing.assert_allclose(vacuum_from_air(0.4861363), 0.4862721, rtol=1e-7)


def test_only_morton_is_named_as_the_source_of_air_wavelengths():
    assert "Morton (2000" in air_from_vacuum.__doc__


def test_every_line_is_in_one_group():
    members = [name for group in LINE_GROUPS for name, _ in group.members]
    assert sorted(members) == sorted(REST_WAVELENGTH_UM)


def test_the_attenuation_curve_has_its_published_values_at_the_balmer_lines():
    assert float(attenuation_curve(0.6563)) == pytest.approx(2.46, abs=0.01)
    assert float(attenuation_curve(0.4861)) == pytest.approx(3.82, abs=0.01)


def test_the_balmer_decrement_gives_back_the_attenuation():
    # Li et al. (2025), equation 1, with its own k values.
    a_v = 0.8
    observed = CASE_B_HALPHA_HBETA * float(
        transmitted_fraction(0.6563, a_v) / transmitted_fraction(0.4861, a_v)
    )
    found = R_V / (0.4 * (3.82 - 2.46)) * np.log10(observed / 2.86)
    assert found == pytest.approx(a_v, rel=0.01)


@pytest.mark.parametrize(
    ("name", "expected"), [("n2", 8.41), ("n2_analogues", 8.38), ("n2_marino13", 8.33)]
)
def test_n2_calibrations_at_a_typical_ratio(name, expected):
    fluxes = {"nii_6584": np.array(10.0**-0.9), "halpha": np.array(1.0)}
    assert float(DIAGNOSTICS[name].from_fluxes(fluxes)) == pytest.approx(expected, abs=0.006)


def test_o3n2_at_a_typical_ratio():
    fluxes = {"oiii_5007": np.array(10.0**0.4), "hbeta": np.array(1.0),
              "nii_6584": np.array(10.0**-0.9), "halpha": np.array(1.0)}  # fmt: skip
    assert float(DIAGNOSTICS["o3n2"].from_fluxes(fluxes)) == pytest.approx(8.44, abs=0.006)


def test_n2o2_rises_over_the_range_that_it_is_used_for():
    ratio = np.linspace(-1.2, 0.8, 200)
    abundance = kewley19_n2o2(ratio)
    assert np.all(np.diff(abundance) > 0.0)
    assert abundance[0] < 8.3
    assert abundance[-1] > 9.2


def test_dopita16_is_8_77_where_its_argument_is_nearly_zero():
    assert float(dopita16_n2s2(np.array(0.0))) == pytest.approx(8.77 + 0.45 * 0.3**5)


@pytest.mark.parametrize("flux", [0.0, -1.0, np.nan])
def test_a_line_without_flux_gives_no_abundance(flux):
    fluxes = {"nii_6584": np.array([flux]), "halpha": np.array([1.0])}
    assert np.isnan(DIAGNOSTICS["n2"].from_fluxes(fluxes)).all()
