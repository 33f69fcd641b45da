"""Scaling relations against published numbers and drawn galaxies."""

import csv

import numpy as np
import pytest

from kurvs_pipeline.errors import ConfigurationError, CoverageError
from kurvs_pipeline.scaling_relations import (
    N2_RELATION,
    MassMetallicityRelation,
    fit_mass_metallicity,
    main_sequence_log_sfr,
)

MASSES = np.linspace(9.0, 11.5, 26)


def test_low_mass_galaxies_have_the_published_specific_rate():
    """Below the bend the rate goes as mass: log SFR = m - 0.50 + 1.5 log(1 + z)."""
    assert main_sequence_log_sfr(9.0, 0.0) == pytest.approx(-0.50)
    assert main_sequence_log_sfr(9.5, 1.5) == pytest.approx(0.0 + 1.5 * np.log10(2.5))


def test_the_main_sequence_bends_at_high_mass():
    """At z = 0 and 10^11: 2 - 0.5 - 0.3 (2 - 0.36)^2."""
    assert main_sequence_log_sfr(11.0, 0.0) == pytest.approx(1.5 - 0.3 * 1.64**2)


def test_the_relation_has_its_limits():
    relation = MassMetallicityRelation(9.0, 10.5, 0.4)
    assert relation(10.5) == pytest.approx(9.0 - np.log10(2.0))
    assert relation(30.0) == pytest.approx(9.0)
    assert relation(-20.0) == pytest.approx(9.0 - 0.4 * 30.5)


def test_its_slope_is_its_derivative():
    step = 1e-5
    numeric = (N2_RELATION(MASSES + step) - N2_RELATION(MASSES - step)) / (2.0 * step)
    assert N2_RELATION.slope_at(MASSES) == pytest.approx(numeric, rel=1e-6)


def test_exact_galaxies_give_the_relation_back():
    fitted = fit_mass_metallicity(
        MASSES, N2_RELATION(MASSES), log_stellar_mass_err=0.0, oxygen_abundance_err=0.01
    )
    assert fitted(MASSES) == pytest.approx(N2_RELATION(MASSES), abs=1e-5)


def test_errors_of_mass_do_not_bias_the_curve():
    """Over the masses where galaxies are, averaged over 40 samples of 200."""
    truth = MassMetallicityRelation(8.8, 10.2, 0.6)
    random = np.random.default_rng(4)
    inside = np.linspace(9.7, 11.0, 14)
    curves = []
    for _ in range(40):
        mass = random.uniform(9.0, 11.5, 200)
        abundance = truth(mass) + random.normal(0.0, 0.03, mass.size)
        fitted = fit_mass_metallicity(
            mass + random.normal(0.0, 0.2, mass.size), abundance,
            log_stellar_mass_err=0.2, oxygen_abundance_err=0.03,
        )  # fmt: skip
        curves.append(fitted(inside))
    assert np.abs(np.mean(curves, axis=0) - truth(inside)).max() < 0.02


def test_galaxies_without_an_abundance_are_left_out():
    abundance = N2_RELATION(MASSES)
    abundance[::3] = np.nan
    fitted = fit_mass_metallicity(
        MASSES, abundance, log_stellar_mass_err=0.0, oxygen_abundance_err=0.01
    )
    assert fitted(MASSES) == pytest.approx(N2_RELATION(MASSES), abs=1e-5)


def test_three_galaxies_are_too_few():
    with pytest.raises(CoverageError, match="3 galaxies"):
        fit_mass_metallicity(
            MASSES[:3], N2_RELATION(MASSES[:3]), log_stellar_mass_err=0.1, oxygen_abundance_err=0.1
        )


@pytest.mark.parametrize(("mass_err", "abundance_err"), [(-0.1, 0.1), (0.1, 0.0)])
def test_impossible_errors_are_refused(mass_err, abundance_err):
    with pytest.raises(ConfigurationError, match="log_stellar_mass_err must be >= 0"):
        fit_mass_metallicity(
            MASSES, N2_RELATION(MASSES),
            log_stellar_mass_err=mass_err, oxygen_abundance_err=abundance_err,
        )  # fmt: skip


@pytest.mark.real_data
def test_the_survey_s_own_galaxies_give_the_published_curve(shared_data):
    """N2 abundances of the authors' tables, masses of Table A1: 0.2 dex in mass."""
    abundance = {}
    for field in ("cdfs", "cosmos"):
        with (shared_data / f"reference/output/{field}_integ_met.csv").open() as table:
            abundance |= {row["name"]: row for row in csv.DictReader(table)}
    with (shared_data / "real/integrated_fluxes.csv").open() as table:
        name_of = {row["kurvs_id"]: row["name"] for row in csv.DictReader(table)}
    with (shared_data / "paper/table_a1.csv").open() as table:
        mass_of = {row["kurvs_id"]: float(row["log_stellar_mass"]) for row in csv.DictReader(table)}
    rows = [(mass_of[k], abundance[name]) for k, name in name_of.items() if name in abundance]
    mass = np.array([mass for mass, _ in rows])
    n2, error = (np.array([float(row[key]) for _, row in rows]) for key in ("B18N2", "e_B18N2"))
    # Galaxies scatter by about 0.1 dex around the relation (Zahid et al. 2014).
    fitted = fit_mass_metallicity(
        mass, n2, log_stellar_mass_err=0.2, oxygen_abundance_err=np.hypot(error, 0.1)
    )
    inside = np.linspace(np.percentile(mass, 10), np.percentile(mass, 90), 9)
    assert fitted(inside) == pytest.approx(N2_RELATION(inside), abs=0.05)
