"""Ionization parameters against hand-made numbers, another relation and models put in."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from kurvs_pipeline.abundances.diagnostics import kewley19_n2o2
from kurvs_pipeline.dust import transmitted_fraction
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.gas.attenuation import Attenuation
from kurvs_pipeline.gas.draws import AbundanceDraws
from kurvs_pipeline.gas.ionization import (
    diaz00_log_u,
    ionization_table,
    kewley19_log_u,
    kewley19_log_u_and_abundance,
)

LINES = {"halpha": 300.0, "nii_6584": 30.0, "hbeta": 100.0, "oiii_5007": 60.0,
         "oii_3726": 90.0, "oii_3729": 110.0}  # fmt: skip


def joint(lines, error):
    covariance = np.eye(len(lines)) * np.broadcast_to(error, len(lines)) ** 2
    return JointFluxes(("A",), tuple(lines), np.array([list(lines.values())]), covariance[None])


def no_dust():
    return Attenuation(np.zeros(1), np.zeros(1), np.array(["stack"]))


def table_of(lines, error=0.1, attenuation=None):
    random = np.random.default_rng(2)
    draws = AbundanceDraws.of(joint(lines, error), attenuation or no_dust(), random)
    table = ionization_table(draws)
    return {str(row["relation"]): row for row in table}


@pytest.mark.parametrize(
    ("log_o32", "abundance", "expected"),
    [(0.0, 8.69, -2.6935), (-0.5, 8.5, -3.1763), (-1.0, 8.2, -3.5487)],
)
def test_kewley_s_cubic_has_its_values(log_o32, abundance, expected):
    """Added up by hand."""
    assert float(kewley19_log_u(log_o32, abundance)) == pytest.approx(expected, abs=2e-3)


def test_diaz_at_equal_lines_is_its_zero_point():
    assert float(diaz00_log_u(0.0)) == -3.02
    assert float(diaz00_log_u(1.0)) == pytest.approx(-2.22)


def test_two_models_agree_where_both_were_fitted():
    """Within 0.35 dex, for log U of -4 to -2.9."""
    log_o32 = np.linspace(-1.3, 0.0, 14)
    both = diaz00_log_u(log_o32 + np.log10(4.0 / 3.0))
    assert kewley19_log_u(log_o32, 8.2) == pytest.approx(both, abs=0.35)
    assert kewley19_log_u(log_o32, 8.5) == pytest.approx(both, abs=0.35)


@given(abundance=st.floats(8.35, 8.9), log_u=st.floats(-3.7, -2.2))
def test_both_are_found_from_lines_that_they_make(abundance, log_u):
    """N2O2 and O32 by root finding, of each relation by itself."""
    n2o2 = brentq(lambda x: float(kewley19_n2o2(x, log_u)) - abundance, -1.6, 0.6)
    o32 = brentq(lambda x: float(kewley19_log_u(x, abundance)) - log_u, -1.6, 1.2)
    found_log_u, found_abundance = kewley19_log_u_and_abundance(n2o2, o32)
    assert float(found_log_u) == pytest.approx(log_u, abs=3e-3)
    assert float(found_abundance) == pytest.approx(abundance, abs=3e-3)


def test_beyond_the_models_there_is_no_answer():
    log_u, abundance = kewley19_log_u_and_abundance([0.4, -0.8, 2.0], [1.4, -0.5, 0.0])
    assert np.isnan(log_u[[0, 2]]).all()
    assert np.isnan(abundance[[0, 2]]).all()
    assert np.isfinite(log_u[1])


def test_more_oiii_is_a_higher_ionization_parameter():
    faint, bright = table_of(LINES), table_of(LINES | {"oiii_5007": 90.0})
    for relation, row in faint.items():
        assert bright[relation]["log_u"] > row["log_u"]


def test_errors_are_those_of_the_lines():
    """0.80 / ln 10 times the relative error of a ratio."""
    errors = [0.1, 0.1, 0.1, 6.0, 7.0, 7.0]
    row = table_of(LINES, errors)["o32_diaz00"]
    expected = 0.80 / np.log(10.0) * np.hypot(6.0 / 60.0, 7.0 * np.sqrt(2.0) / 200.0)
    assert row["err_low"].value == pytest.approx(expected, rel=0.08)
    assert row["err_high"].value == pytest.approx(expected, rel=0.08)


def test_dust_is_taken_off():
    a_v = 1.0
    behind = {name: flux * float(transmitted_fraction(wavelength, a_v))
              for (name, flux), wavelength in zip(
                  LINES.items(), (0.6564, 0.6585, 0.4863, 0.5008, 0.3727, 0.3730), strict=True)
              }  # fmt: skip
    reddened = Attenuation(np.full(1, a_v), np.zeros(1), np.array(["stack"]))
    clean, found = table_of(LINES), table_of(behind, 0.05, reddened)
    for relation in clean:
        assert found[relation]["log_u"].value == pytest.approx(
            clean[relation]["log_u"].value, abs=2e-3
        )


@pytest.mark.parametrize(
    ("faint", "kind"), [(("oiii_5007",), "upper"), (("oii_3726", "oii_3729"), "lower")]
)
def test_a_faint_line_bounds_it(faint, kind):
    errors = [5.0 if name in faint else 0.1 for name in LINES]
    rows = table_of(LINES | dict.fromkeys(faint, 0.0), errors)
    for row in rows.values():
        assert row["limit"] in {kind, "none"}
        assert np.isnan(row["err_low"])
    assert rows["o32_diaz00"]["limit"] == kind


def test_without_oii_nothing_is_known():
    rows = table_of({name: LINES[name] for name in ("halpha", "nii_6584", "oiii_5007")})
    assert {row["limit"] for row in rows.values()} == {"none"}
    assert all(np.isnan(row["log_u"]) for row in rows.values())


def test_numbers_beyond_the_fit_say_so():
    """[O III] / [O II] of 3 is log U of about -2; the relation was fitted below -2.98."""
    assert not table_of(LINES | {"oiii_5007": 40.0})["o32_kewley19"]["extrapolated"]
    assert table_of(LINES | {"oiii_5007": 400.0})["o32_kewley19"]["extrapolated"]


def test_rows_go_from_aperture_to_aperture():
    one = joint(LINES, 0.1)
    two = JointFluxes(
        ("A", "B"), one.names, *(np.repeat(array, 2, 0) for array in (one.flux, one.covariance))
    )
    dust = Attenuation(np.zeros(2), np.zeros(2), np.array(["stack", "stack"]))
    draws = AbundanceDraws.of(two, dust, np.random.default_rng(2))
    table = ionization_table(draws)
    assert list(table["aperture"]) == ["A", "A", "B", "B"]
    assert len(set(table["relation"])) == 2


@pytest.mark.real_data
def test_the_survey_s_galaxies_lie_about_its_stack(shared_data):
    """Li et al. (2025): -2.5 of all stacked; here the median of galaxies with rounded fluxes."""
    with (shared_data / "real/integrated_fluxes.csv").open() as table:
        rows = [
            {k: float(v) for k, v in row.items() if k != "name"} for row in csv.DictReader(table)
        ]
    rows = [r for r in rows if min(r["sn_oii_3727"], r["sn_oiii_5007"], r["sn_nii_6584"]) > 4.0
            and min(r["oii_3727"], r["nii_6584"]) >= 0.04]  # fmt: skip
    names, wavelengths = ("oii_3727", "oiii_5007", "nii_6584"), (0.3729, 0.5008, 0.6585)
    oii, oiii, nii = (
        np.log10([r[name] for r in rows]) - np.log10(transmitted_fraction(wavelength, 0.38))
        for name, wavelength in zip(names, wavelengths, strict=True)
    )
    assert len(rows) == 4
    assert np.median(diaz00_log_u(oiii - oii + np.log10(4.0 / 3.0))) == pytest.approx(-2.5, abs=0.1)
    log_u, _ = kewley19_log_u_and_abundance(nii - oii, oiii - oii)
    # Beyond -2.98 this one is extrapolated, and steeper.
    assert np.nanmedian(log_u) == pytest.approx(-2.5, abs=0.5)
