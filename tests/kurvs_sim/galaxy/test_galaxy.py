"""The geometry of a simulated galaxy, and the light that it emits."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mock_checks import assert_is_a_value
from scipy.integrate import quad

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS, kewley19_n2o2
from kurvs_pipeline.dust import R_V
from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim import Galaxy
from kurvs_sim.emission.calibrated import SurveyCalibrations, line_surface_brightness
from kurvs_sim.emission.ratios import oii_3729_to_3726, sii_6716_to_6731
from kurvs_sim.profiles.radial import Constant, Exponential, Linear
from kurvs_sim.profiles.shapes import FreemanDisk, Tabulated


def test_a_galaxy_pickles():
    assert_is_a_value(Galaxy(redshift=1.2))


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


def dust_free_ratios(abundance, log_u=-2.5, electron_density_cm3=90.0):
    return SurveyCalibrations().dust_free_ratios(abundance, log_u, electron_density_cm3)


@given(st.floats(7.0, 9.2))
def test_honoured_diagnostics_return_the_abundance(abundance):
    fluxes = dust_free_ratios(abundance)
    for name in SurveyCalibrations().honoured_diagnostics:
        assert DIAGNOSTICS[name].from_fluxes(fluxes) == pytest.approx(abundance, abs=1e-5), name


@given(st.floats(8.3, 9.15), st.floats(-3.98, -1.98))
def test_oii_follows_the_ionization_parameter(abundance, log_u):
    """Kewley et al. (2019), their N2O2 relation at that very log U."""
    fluxes = dust_free_ratios(np.array([abundance, abundance]), np.array([log_u, -2.5]))
    log_n2o2 = np.log10(fluxes["nii_6584"] / (fluxes["oii_3726"] + fluxes["oii_3729"]))
    assert kewley19_n2o2(log_n2o2[0], log_u) == pytest.approx(abundance, abs=2e-3)
    assert kewley19_n2o2(log_n2o2[1], -2.5) == pytest.approx(abundance, abs=2e-3)


def test_n2_follows_the_relation_of_the_survey():
    """12 + log(O/H) = 8.98 + 0.63 log([N II]/H-alpha), written out."""
    galaxy = Galaxy(oxygen_abundance=Linear(central=8.8, gradient=-0.05))
    lines = galaxy.lines(4.0, dust=False)
    assert np.log10(lines["nii_6584"] / lines["halpha"]) == pytest.approx((8.6 - 8.98) / 0.63)


def test_doublets_leave_the_atom_at_three_to_one():
    ratios = dust_free_ratios(8.6)
    assert ratios["nii_6584"] / ratios["nii_6548"] == pytest.approx(3.0)
    assert ratios["oiii_5007"] / ratios["oiii_4959"] == pytest.approx(3.0)


# Emissivities at 10^4 K by PyNeb 1.1 (Luridiana et al. 2015) with its own atomic data.
@pytest.mark.parametrize(
    ("electron_density_cm3", "oii", "sii"),
    [(10.0, 1.484, 1.444), (100.0, 1.349, 1.351), (1000.0, 0.806, 0.914), (5000.0, 0.481, 0.590)],
)
def test_pairs_tell_the_electron_density_as_atomic_physics_has_it(electron_density_cm3, oii, sii):
    ratios = dust_free_ratios(8.6, electron_density_cm3=electron_density_cm3)
    # Atomic data of different authors differ by as much.
    assert ratios["oii_3729"] / ratios["oii_3726"] == pytest.approx(oii, rel=0.05)
    assert ratios["sii_6716"] / ratios["sii_6731"] == pytest.approx(sii, rel=0.11)


@given(st.floats(1.0, 1e5), st.floats(1.0, 1e5))
def test_denser_gas_never_has_larger_ratios(one, other):
    thin, dense = sorted((one, other))
    for relation in (oii_3729_to_3726, sii_6716_to_6731):
        assert relation(thin) >= relation(dense)


def test_the_sum_of_a_pair_does_not_depend_on_density():
    thin, dense = (dust_free_ratios(8.6, electron_density_cm3=n) for n in (10.0, 1e4))
    for pair in (("oii_3726", "oii_3729"), ("sii_6716", "sii_6731")):
        assert sum(thin[line] for line in pair) == pytest.approx(sum(dense[line] for line in pair))


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
    ratios = dust_free_ratios(abundance)
    one = line_surface_brightness(1.0, ratios, a_v)
    many = line_surface_brightness(factor, ratios, a_v)
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"a_v": Linear(central=1.0, gradient=-0.5, minimum=-9.0, maximum=9.0)},
         r"a_v is -0\.5 at radius 3 kpc; expected a finite profile between 0 and 100"),
        ({"a_v": Constant(1000.0)}, "a_v is 1000 at radius"),
        ({"oxygen_abundance": Constant(9.5)}, r"oxygen_abundance is 9\.5 at radius 0 kpc"),
        ({"log_u": Constant(-1.0)}, r"log_u is -1 at radius 0 kpc.*between -3\.98 and -1\.98"),
        ({"electron_density": Constant(0.0)}, "electron_density is 0 at radius 0 kpc"),
        ({"a_v": lambda radius: np.where(radius > 2.0, np.nan, 0.0)}, "a_v is nan at radius 3 kpc"),
    ],
)  # fmt: skip
def test_impossible_gas_is_refused_with_its_radius(changes, message):
    with pytest.raises(MetadataError, match=message):
        Galaxy(**changes).lines(np.array([0.0, 1.0, 3.0]))


class NegativeOxygen(SurveyCalibrations):
    """Calibrations that contradict one another can ask for a line below nothing."""

    def dust_free_ratios(self, *gas):
        return {**super().dust_free_ratios(*gas), "oiii_5007": np.array([0.1, -0.1])}


def test_a_line_below_nothing_is_refused_with_its_radius():
    with pytest.raises(MetadataError, match=r"oiii_5007 is -0\.1 at radius 4 kpc"):
        Galaxy(emission=NegativeOxygen()).lines(np.array([1.0, 4.0]))


@pytest.mark.parametrize(
    "rotation",
    [
        FreemanDisk(peak=220.0, scale_length=2.0),
        Tabulated(radius=(0.0, 2.0, 8.0), value=(0.0, 180.0, 220.0)),
    ],
)
def test_any_rotation_curve_sets_the_velocity_along_the_major_axis(rotation):
    galaxy = Galaxy(inclination_deg=30.0, position_angle_deg=0.0, rotation=rotation)
    radius_kpc, velocity = galaxy.deproject(0.0, np.array([0.3, 0.6]))
    assert velocity == pytest.approx(0.5 * rotation(radius_kpc))
    assert galaxy.maximum_velocity_kms == pytest.approx(110.0, rel=1e-3)


def test_a_rotation_curve_that_is_not_finite_is_refused_with_its_radius():
    galaxy = Galaxy(rotation=lambda radius: np.where(radius > 10.0, np.nan, 100.0))
    with pytest.raises(MetadataError, match=r"rotation is nan at radius 10 kpc"):
        _ = galaxy.maximum_velocity_kms


def test_an_outflow_recedes_on_the_far_half_and_not_on_the_major_axis():
    """V sin i along the minor axis; the far half is at PA - 90 degrees, here the West."""
    galaxy = Galaxy(inclination_deg=30.0, position_angle_deg=0.0, radial_velocity=Constant(60.0))
    still = replace(galaxy, radial_velocity=Constant(0.0))
    west, east = galaxy.deproject(np.array([0.4, -0.4]), 0.0)[1]
    assert (west, east) == pytest.approx((30.0, -30.0))
    assert galaxy.deproject(0.0, 0.4)[1] == pytest.approx(still.deproject(0.0, 0.4)[1])


def test_a_radial_flow_twists_the_line_of_no_velocity():
    """Rotation and outflow alike in speed bring it 45 degrees from the minor axis, in the plane."""
    galaxy = Galaxy(inclination_deg=1e-3, position_angle_deg=0.0, rotation=Constant(100.0),
                    radial_velocity=Constant(100.0))  # fmt: skip
    assert galaxy.deproject(0.3, -0.3)[1] == pytest.approx(0.0, abs=1e-9)
    assert galaxy.deproject(0.3, 0.3)[1] > 0.0


def test_a_face_on_flow_is_not_seen():
    galaxy = Galaxy(inclination_deg=0.0, radial_velocity=Constant(100.0))
    assert galaxy.deproject(0.3, 0.4)[1] == 0.0
