"""The geometry of a simulated galaxy, and the light that it emits."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from kurvs_pipeline.abundances import DIAGNOSTICS
from kurvs_pipeline.dust import R_V
from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim import Galaxy
from kurvs_sim.emission import HONOURED_DIAGNOSTICS, dust_free_ratios, line_surface_brightness
from kurvs_sim.profiles import Constant, Exponential, Linear


def test_a_galaxy_pickles():
    galaxy = Galaxy(redshift=1.2)
    assert pickle.loads(pickle.dumps(galaxy)) == galaxy  # noqa: S301


def test_half_an_arcsec_at_redshift_1_5_is_4_3_kpc():
    assert 0.5 * Galaxy(redshift=1.5).kpc_per_arcsec == pytest.approx(4.35, abs=0.05)


def test_the_light_within_a_radius_follows_the_exponential_curve_of_growth():
    galaxy = Galaxy(inclination_deg=60.0, effective_radius_arcsec=0.7, halpha_flux=3.0)

    def enclosed(radius_arcsec):
        def ring(r):
            return 2 * np.pi * r * 0.5 * float(galaxy.halpha(r * galaxy.kpc_per_arcsec))

        return quad(ring, 0.0, radius_arcsec)[0]

    assert enclosed(0.7) == pytest.approx(1.5, rel=1e-6)
    x = 1.0 / galaxy.scale_length_arcsec
    assert enclosed(1.0) == pytest.approx(3.0 * (1.0 - (1.0 + x) * np.exp(-x)), rel=1e-9)


@pytest.mark.parametrize(
    ("position_angle_deg", "x", "y"),
    [(0.0, 0.0, 1.0), (90.0, -1.0, 0.0), (180.0, 0.0, -1.0), (270.0, 1.0, 0.0)],
)
def test_the_receding_side_is_where_the_position_angle_points(position_angle_deg, x, y):
    """North is +y and East is -x."""
    galaxy = Galaxy(inclination_deg=50.0, position_angle_deg=position_angle_deg)
    radius_kpc, velocity = galaxy.deproject(x, y)
    assert radius_kpc == pytest.approx(galaxy.kpc_per_arcsec)
    expected = galaxy.rotation(radius_kpc) * np.sin(np.radians(50.0))
    assert velocity == pytest.approx(expected)
    assert galaxy.deproject(-x, -y)[1] == pytest.approx(-expected)


def test_the_minor_axis_is_foreshortened_and_has_no_velocity():
    galaxy = Galaxy(inclination_deg=60.0, position_angle_deg=0.0)
    radius_kpc, velocity = galaxy.deproject(1.0, 0.0)
    assert radius_kpc == pytest.approx(2.0 * galaxy.kpc_per_arcsec)
    assert velocity == pytest.approx(0.0, abs=1e-9)


@given(st.floats(7.0, 9.2))
def test_honoured_diagnostics_return_the_abundance(abundance):
    fluxes = dust_free_ratios(abundance)
    for name in HONOURED_DIAGNOSTICS:
        assert DIAGNOSTICS[name].from_fluxes(fluxes) == pytest.approx(abundance, abs=1e-5), name


def test_n2_follows_the_relation_of_the_survey():
    """12 + log(O/H) = 8.98 + 0.63 log([N II]/H-alpha), written out."""
    galaxy = Galaxy(oxygen_abundance=Linear(central=8.8, gradient=-0.05))
    lines = galaxy.lines(4.0, dust=False)
    assert np.log10(lines["nii_6584"] / lines["halpha"]) == pytest.approx((8.6 - 8.98) / 0.63)


def test_doublets_leave_the_atom_at_three_to_one():
    ratios = dust_free_ratios(8.6)
    assert ratios["nii_6584"] / ratios["nii_6548"] == pytest.approx(3.0)
    assert ratios["oiii_5007"] / ratios["oiii_4959"] == pytest.approx(3.0)


def test_the_density_sensitive_pairs_have_the_ratios_asked_for():
    ratios = dust_free_ratios(8.6, oii_3729_to_3726=1.1, sii_6716_to_6731=1.2)
    assert ratios["oii_3729"] / ratios["oii_3726"] == pytest.approx(1.1)
    assert ratios["sii_6716"] / ratios["sii_6731"] == pytest.approx(1.2)


def test_the_balmer_decrement_gives_the_attenuation_back():
    """A_V from k(H-alpha) = 2.46 and k(H-beta) = 3.82 of Battisti et al. (2022)."""
    radius = np.array([0.0, 2.0, 6.0])
    galaxy = Galaxy(a_v=Exponential(central=1.5, scale_length=4.0))
    lines = galaxy.lines(radius)
    excess = np.log10(lines["halpha"] / lines["hbeta"] / 2.86)
    assert R_V / (0.4 * (3.82 - 2.46)) * excess == pytest.approx(galaxy.a_v(radius), rel=0.01)


def test_halpha_as_observed_does_not_depend_on_dust():
    radius = np.linspace(0.0, 10.0, 5)
    dusty, clean = Galaxy(a_v=Constant(2.0)), Galaxy(a_v=Constant(0.0))
    assert dusty.lines(radius)["halpha"] == pytest.approx(clean.lines(radius)["halpha"])
    assert np.all(dusty.lines(radius, dust=False)["halpha"] > clean.lines(radius)["halpha"])


@given(st.floats(1e-3, 1e3), st.floats(7.0, 9.2), st.floats(0.0, 3.0))
def test_every_line_is_linear_in_halpha(factor, abundance, a_v):
    one = line_surface_brightness(1.0, abundance, a_v)
    many = line_surface_brightness(factor, abundance, a_v)
    assert set(one) == set(REST_WAVELENGTH_UM)
    for line in one:
        assert many[line] == pytest.approx(factor * one[line])


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("redshift", -1.0),
        ("inclination_deg", 90.0),
        ("inclination_deg", float("nan")),
        ("position_angle_deg", 360.0),
        ("effective_radius_arcsec", 0.0),
        ("halpha_flux", 0.0),
        ("dispersion_kms", -5.0),
        ("offset_x_arcsec", float("inf")),
        ("dec_deg", 91.0),
    ],
)
def test_an_impossible_galaxy_is_refused_by_name(keyword, value):
    with pytest.raises(MetadataError, match=keyword):
        Galaxy(**{keyword: value})


def test_negative_attenuation_is_refused():
    with pytest.raises(MetadataError, match="a_v"):
        Galaxy(a_v=Constant(-0.1)).lines(1.0)
