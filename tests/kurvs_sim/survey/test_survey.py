"""The KURVS sample: what is published, as it is published, and what is assumed."""

import csv
import math

import numpy as np
import pytest
from paths import SHARED
from scipy import stats

from kurvs_pipeline.errors import ConfigurationError, MetadataError
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim import survey_observation
from kurvs_sim.survey.catalogue import catalogue_entry, kurvs_catalogue
from kurvs_sim.survey.galaxies import (
    HALPHA_FRACTION,
    GradientDistribution,
    halpha_flux,
    kurvs_galaxy,
    kurvs_sample,
    mass_metallicity_relation,
)

PUBLIC = SHARED / "authors" / "data"
NUMBERS = [n for n in range(1, 45) if n != 37]


def test_the_sample_has_the_43_galaxies():
    assert [galaxy.name for galaxy in kurvs_sample()] == [f"KURVS-{n}" for n in NUMBERS]


def test_median_redshift_and_mass_are_those_that_the_paper_states():
    entries = kurvs_catalogue().values()
    assert np.median([e.published_redshift for e in entries]) == pytest.approx(1.50, abs=0.005)
    assert np.median([e.log_stellar_mass for e in entries]) == pytest.approx(10.2, abs=0.05)


def test_the_gradients_are_those_that_the_paper_counts():
    entries = list(kurvs_catalogue().values())
    by_name = {
        name: [value for e in entries for diagnostic, value, _ in e.gradients if diagnostic == name]
        for name in ("n2", "n2o2", "r23")
    }
    assert {name: len(values) for name, values in by_name.items()} == {
        "n2": 34, "n2o2": 8, "r23": 1,
    }  # fmt: skip
    # Published: -0.03, 0.01, 0.05 dex/kpc, printed to two decimals.
    assert np.percentile(by_name["n2"], [16, 50, 84]) == pytest.approx(
        [-0.03, 0.01, 0.05], abs=6e-3
    )


def test_the_redshift_of_kurvs_9_is_that_of_its_cube_in_vacuum():
    # The table has 1.5402; H-alpha in the public cube of the galaxy is at 1.5396 in vacuum.
    assert kurvs_galaxy(9).redshift == pytest.approx(1.5396, abs=1.5e-4)


def test_redshifts_move_by_83_kms():
    entry = catalogue_entry(2)
    shift = (entry.published_redshift - entry.redshift) / (1.0 + entry.redshift)
    assert 299792.458 * shift == pytest.approx(83.0, abs=0.5)


def sexagesimal(digits):
    """Read DDMMSSss."""
    return int(digits[:2]) + int(digits[2:4]) / 60.0 + int(digits[4:]) / 360_000.0


def test_places_are_those_of_the_targets_names():
    for entry in kurvs_catalogue().values():
        # J03321735-27535283 is at 03:32:17.35 -27:53:52.83.
        assert entry.ra_deg == pytest.approx(15.0 * sexagesimal(entry.target[1:9]), abs=1e-5)
        dec_deg = math.copysign(sexagesimal(entry.target[10:]), float(f"{entry.target[9]}1"))
        assert entry.dec_deg == pytest.approx(dec_deg, abs=1e-5)


def test_the_fields_hold_22_and_21_galaxies():
    fields = [entry.field for entry in kurvs_catalogue().values()]
    assert (fields.count("CDFS"), fields.count("COSMOS")) == (22, 21)


def test_everything_but_v_over_sigma_and_gradient_is_published_of_every_galaxy():
    for entry in kurvs_catalogue().values():
        assert np.isfinite([
            entry.published_redshift, entry.log_stellar_mass, entry.star_formation_rate,
            entry.position_angle_deg, entry.inclination_deg, entry.effective_radius_arcsec,
        ]).all()  # fmt: skip
        assert 0.0 <= entry.position_angle_deg < 180.0
    assert sum(math.isfinite(e.v_over_sigma) for e in kurvs_catalogue().values()) == 32
    assert sum(math.isfinite(e.published_gradient) for e in kurvs_catalogue().values()) == 35


@pytest.mark.real_data
def test_the_tables_in_the_package_are_those_of_the_paper(shared_data):
    for published in ("table_a1", "table_1", "v_over_sigma"):
        with (shared_data / "paper" / f"{published}.csv").open(encoding="utf-8") as file:
            rows = {int(row["kurvs_id"]): row for row in csv.DictReader(file)}
        for number, row in rows.items():
            entry = catalogue_entry(number)
            gradients = {name: (value, error) for name, value, error in entry.gradients}
            if published == "table_a1":
                assert float(row["sfr"]) == entry.star_formation_rate
                assert float(row["position_angle"]) % 180.0 == entry.position_angle_deg
                assert float(row["inclination"]) == entry.inclination_deg
            elif published == "v_over_sigma":
                assert float(row["v_over_sigma"]) == entry.v_over_sigma
            elif row["gradient_n2"]:
                assert gradients["n2"] == (float(row["gradient_n2"]), float(row["gradient_n2_err"]))


@pytest.mark.real_data
def test_star_formation_gives_more_halpha_than_the_survey_finds_by_what_is_said(shared_data):
    with (shared_data / "real" / "integrated_fluxes.csv").open(encoding="utf-8") as file:
        measured = {int(row["kurvs_id"]): float(row["halpha"]) for row in csv.DictReader(file)}
    expected = {n: kurvs_galaxy(n).halpha_flux / HALPHA_FRACTION for n in measured}
    ratios = [expected[n] / flux for n, flux in measured.items() if flux > 0.0]
    assert np.median(ratios) == pytest.approx(13.0, rel=0.1)


def test_halpha_is_the_stated_fraction_of_what_star_formation_gives():
    entry = catalogue_entry(5)
    whole = halpha_flux(entry.star_formation_rate, entry.redshift)
    assert kurvs_galaxy(5).halpha_flux == pytest.approx(whole / 6.0)


def test_geometry_is_that_of_the_table():
    galaxy = kurvs_galaxy(1)
    assert (galaxy.inclination_deg, galaxy.effective_radius_arcsec) == (38.0, 0.15)
    # -49 degrees and 131 are one axis; its Eastern end is taken to recede.
    assert galaxy.position_angle_deg == 131.0


def test_axis_ratios_are_those_that_the_inclinations_were_derived_from():
    # cos^2 i = ((b/a)^2 - q0^2) / (1 - q0^2) with q0 = 0.2 (Li et al. 2025, Section 2).
    galaxy = kurvs_galaxy(10)
    squared = (galaxy.axis_ratio**2 - 0.2**2) / (1.0 - 0.2**2)
    assert math.degrees(math.acos(math.sqrt(squared))) == pytest.approx(80.0)


def test_published_gradients_are_those_by_n2_then_n2o2_then_r23():
    assert kurvs_galaxy(2).oxygen_abundance.gradient == 0.019
    assert kurvs_galaxy(8).oxygen_abundance.gradient == 0.084


def test_the_abundance_at_the_effective_radius_lies_on_the_mass_metallicity_relation():
    # 10^10.87 solar masses: 9.00 - log10(2).
    assert mass_metallicity_relation(10.87) == pytest.approx(9.0 - math.log10(2.0))
    for number in (6, 34, 41):
        galaxy = kurvs_galaxy(number)
        radius = galaxy.effective_radius_arcsec * galaxy.kpc_per_arcsec
        expected = mass_metallicity_relation(catalogue_entry(number).log_stellar_mass)
        assert galaxy.oxygen_abundance(radius) == pytest.approx(expected)


def test_halpha_without_dust_is_that_of_kennicutt_and_evans():
    # log SFR = log L - 41.27 (their Equation 12); A(H-alpha) = 0.38 x 2.46 / 3.22 mag.
    redshift, distance_cm = 1.5, 11.11e9 * 3.0857e18
    expected = 10.0**41.27 * 10.0 ** (-0.4 * 0.38 * 2.46 / 3.22) / (4 * np.pi * distance_cm**2)
    assert halpha_flux(1.0, redshift) == pytest.approx(1e16 * expected, rel=0.02)


def test_the_velocity_at_two_effective_radii_has_the_published_ratio():
    galaxy = kurvs_galaxy(3)
    radius = 2.0 * galaxy.effective_radius_arcsec * galaxy.kpc_per_arcsec
    assert galaxy.rotation(radius) / galaxy.dispersion_kms == pytest.approx(5.73)


def test_a_ratio_that_is_not_published_is_the_median_of_the_others():
    galaxy = kurvs_galaxy(8 if math.isnan(catalogue_entry(8).v_over_sigma) else 11)
    known = [e.v_over_sigma for e in kurvs_catalogue().values() if math.isfinite(e.v_over_sigma)]
    radius = 2.0 * galaxy.effective_radius_arcsec * galaxy.kpc_per_arcsec
    assert galaxy.rotation(radius) / galaxy.dispersion_kms == pytest.approx(np.median(known))


def test_attenuation_is_that_of_the_stacked_annuli():
    galaxy = kurvs_galaxy(20)
    a_v = galaxy.a_v(np.array([0.0, 0.25, 0.75, 1.25, 3.0]) * galaxy.kpc_per_arcsec)
    np.testing.assert_allclose(a_v, [0.62, 0.62, 0.40, 0.00, 0.00], atol=1e-12)


def test_every_galaxy_has_every_line_at_every_radius():
    for galaxy in kurvs_sample():
        radius = np.linspace(0.0, 3.0, 31) * galaxy.effective_radius_arcsec * galaxy.kpc_per_arcsec
        lines = galaxy.lines(radius)
        assert set(REST_WAVELENGTH_UM) <= set(lines)
        assert all(np.all(np.isfinite(flux) & (flux >= 0.0)) for flux in lines.values())


def test_drawn_gradients_have_the_stated_distribution():
    compact = [n for n in NUMBERS if catalogue_entry(n).effective_radius_arcsec < 0.9]
    distribution = GradientDistribution(mean=-0.02, scatter=0.02)
    drawn = [
        kurvs_galaxy(number, gradients="drawn", distribution=distribution, seed=seed)
        .oxygen_abundance.gradient
        for seed in range(20)
        for number in compact
    ]  # fmt: skip
    assert stats.kstest(drawn, stats.norm(-0.02, 0.02).cdf).pvalue > 1e-3


def test_galaxies_without_a_published_gradient_are_drawn():
    assert kurvs_galaxy(11) == kurvs_galaxy(11, gradients="drawn")
    assert kurvs_galaxy(11, seed=1) != kurvs_galaxy(11)
    assert kurvs_galaxy(2, seed=1) == kurvs_galaxy(2)


def test_a_draw_does_not_depend_on_which_others_are_asked_for():
    sample = {galaxy.name: galaxy for galaxy in kurvs_sample(gradients="drawn", seed=5)}
    assert sample["KURVS-42"] == kurvs_galaxy(42, gradients="drawn", seed=5)


def test_large_galaxies_are_drawn_within_the_range_of_the_calibrations():
    steep = GradientDistribution(mean=0.0, scatter=0.2)
    for seed in range(20):
        abundance = kurvs_galaxy(36, gradients="drawn", distribution=steep, seed=seed)
        assert 7.0 <= abundance.oxygen_abundance.central <= 9.2


@pytest.mark.parametrize("number", [0, 37, 45, -1])
def test_an_unknown_number_is_refused_with_those_that_exist(number):
    with pytest.raises(ConfigurationError, match=rf"is {number}; expected one of 1-36, 38-44"):
        kurvs_galaxy(number)


def test_bad_options_are_refused_with_what_is_allowed():
    with pytest.raises(ConfigurationError, match="'published' or 'drawn'"):
        kurvs_galaxy(1, gradients="flat")
    with pytest.raises(ConfigurationError, match="seed is -1"):
        kurvs_galaxy(1, seed=-1)
    with pytest.raises(MetadataError, match="scatter is -1"):
        GradientDistribution(scatter=-1)
    with pytest.raises(ConfigurationError, match="choose a mean nearer to 0"):
        kurvs_galaxy(11, distribution=GradientDistribution(mean=9.0, scatter=0.0))


def test_bands_are_those_of_the_public_tables():
    """Of 43 galaxies one has no cube in H, 7 none in YJ and 10 none in IZ."""
    missing = {
        band: [n for n, entry in kurvs_catalogue().items() if band not in entry.bands]
        for band in ("IZ", "YJ", "H")
    }
    assert {band: len(numbers) for band, numbers in missing.items()} == {"IZ": 10, "YJ": 7, "H": 1}
    assert missing["H"] == [11]
    assert survey_observation(11)["bands"] == ("IZ",)


@pytest.mark.real_data
@pytest.mark.skipif(not PUBLIC.is_dir(), reason=f"the survey's public tables are not in {PUBLIC}")
def test_bands_agree_with_the_survey_s_repository():
    for field in ("CDFS", "COSMOS"):
        with (PUBLIC / f"{field}_morph_table.csv").open() as table:
            number = {row["name"]: int(row["ID"]) for row in csv.DictReader(table)}
        with (PUBLIC / f"{field}_OBs.csv").open() as table:
            for row in csv.DictReader(table):
                observed = tuple(band for band in ("IZ", "YJ", "H") if row[band] == "1")
                assert catalogue_entry(number[row["name"]]).bands == observed
