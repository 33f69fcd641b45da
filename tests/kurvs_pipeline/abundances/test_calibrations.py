"""Calibrations of abundances against numbers worked out by hand, and against one another."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kurvs_pipeline.abundances import polynomials as published
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS, calibrations
from kurvs_pipeline.abundances.polynomials import PolynomialCalibration
from kurvs_pipeline.dust import transmitted_fraction
from kurvs_pipeline.lines import REST_WAVELENGTH_UM

POLYNOMIALS = {name: value for name, value in vars(published).items()
               if isinstance(value, PolynomialCalibration)}  # fmt: skip


def fluxes(log_n2=-0.9, log_o3=0.4, log_oii=0.5):
    """Lines relative to H-beta: [N II]/H-alpha, [O III]5007 and [O II] over H-beta."""
    return {
        "halpha": 2.86, "nii_6584": 2.86 * 10.0**log_n2, "hbeta": 1.0, "oiii_5007": 10.0**log_o3,
        "oii_3726": 0.4 * 10.0**log_oii, "oii_3729": 0.6 * 10.0**log_oii,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"),
    [("n2", 8.41), ("n2_analogues", 8.38), ("n2_marino13", 8.33), ("o3n2", 8.44),
     ("o3n2_analogues", 8.46), ("o3n2_marino13", 8.26)],
)  # fmt: skip
def test_linear_calibrations_give_known_values(name, expected):
    """At N2 = -0.9 and O3N2 = 1.3."""
    assert float(DIAGNOSTICS[name].from_fluxes(fluxes())) == pytest.approx(expected, abs=0.006)


def survey_rows(shared_data, column):
    """Yield the public fluxes of a galaxy with its value in the authors' own tables."""
    with (shared_data / "real/integrated_fluxes.csv").open() as table:
        fluxes_of = {row["name"]: row for row in csv.DictReader(table)}
    for field in ("cdfs", "cosmos"):
        with (shared_data / f"reference/output/{field}_integ_met.csv").open() as table:
            for row in csv.DictReader(table):
                if row["name"] in fluxes_of and row[column] != "nan":
                    yield fluxes_of[row["name"]], float(row[column])


OIII, OII = 10.0**0.4, 10.0**0.5
"""Over H-beta, of the lines above."""


@pytest.mark.parametrize(
    ("start", "expected"),
    [("r23", OIII * 4.0 / 3.0 + OII), ("r3_analogues", OIII * 4.0 / 3.0), ("r3_curti20", OIII),
     ("r3_sanders24", OIII), ("r3_cataldi25", OIII), ("r2_", OII), ("o32_survey", OIII / OII),
     ("o32_curti20", OIII / OII), ("o32_sanders24", OIII / OII), ("o32_cataldi25", OIII / OII)],
)  # fmt: skip
def test_ratios_count_the_lines_of_oiii_that_they_should(start, expected):
    """[O III] 4959 is a third of 5007, and not in every ratio."""
    known = [diagnostic for name, diagnostic in DIAGNOSTICS.items() if name.startswith(start)]
    assert known
    for diagnostic in known:
        assert float(diagnostic.log_ratio(fluxes())) == pytest.approx(np.log10(expected))


def test_oiii_over_nii_is_not_o3n2():
    """H-alpha and H-beta, 0.456 dex apart without dust, are only in the second."""
    apart = DIAGNOSTICS["o3n2"].log_ratio(fluxes())
    apart = apart - DIAGNOSTICS["oiii_nii_maiolino08"].log_ratio(fluxes())
    assert float(apart) == pytest.approx(np.log10(2.86))


def test_o32_is_that_of_bian_with_both_lines():
    expected = 8.54 - 0.59 * (np.log10(4.0 / 3.0) - 0.1)
    assert float(DIAGNOSTICS["o32"].from_fluxes(fluxes())) == pytest.approx(expected)


def test_r23_of_maiolino_at_solar_abundance_is_its_first_coefficient():
    assert published.MAIOLINO08_R23.above_turnover(0.7462) == pytest.approx(8.69, abs=1e-4)


def test_r23_turns_over_near_8():
    """Where Maiolino et al. (2008), Fig. 5, have its maximum."""
    assert published.MAIOLINO08_R23.turnover == pytest.approx(8.05, abs=0.1)
    peak = float(published.MAIOLINO08_R23.log_ratio(published.MAIOLINO08_R23.turnover))
    for side in ("above_turnover", "below_turnover"):
        read = getattr(published.MAIOLINO08_R23, side)
        assert read(peak) == pytest.approx(published.MAIOLINO08_R23.turnover, abs=2e-3)
        assert np.isnan(read(peak + 0.01))


def test_bian_s_r23_is_the_sum_of_its_parts():
    """At 8.2 the analogues have 0.940 from their own R3 and O32, and 0.947 from R23."""
    assert float(published.BIAN18_R23.log_ratio(8.2)) == pytest.approx(0.944, abs=0.01)


SETS = {
    "sanders24": (published.SANDERS24_R3, published.SANDERS24_R2, published.SANDERS24_R23),
    "cataldi25": (published.CATALDI25_R3, published.CATALDI25_R2, published.CATALDI25_R23),
    "curti20": (published.CURTI20_R3, published.CURTI20_R2, published.CURTI20_R23),
}


def r23_of_parts(r3, r2, abundance):
    """4959 adds a third to 5007."""
    parts = 4.0 / 3.0 * 10.0 ** r3.log_ratio(abundance) + 10.0 ** r2.log_ratio(abundance)
    return np.log10(parts)


@pytest.mark.parametrize(
    ("name", "abundance", "tolerance"),
    [("sanders24", np.linspace(7.6, 8.3, 8), 0.03), ("cataldi25", np.linspace(7.4, 8.4, 11), 0.04),
     ("curti20", np.linspace(7.8, 8.8, 11), 0.08)],
)  # fmt: skip
def test_r23_is_the_sum_of_its_parts(name, abundance, tolerance):
    """Fits of their own to the same galaxies, whose scatter is about 0.1 dex."""
    r3, r2, r23 = SETS[name]
    assert r23.log_ratio(abundance) == pytest.approx(r23_of_parts(r3, r2, abundance), abs=tolerance)


def test_the_constant_of_sanders_r23_is_not_the_one_with_a_digit_too_many():
    """At 8.0, where the polynomials are their constants."""
    parts = float(r23_of_parts(published.SANDERS24_R3, published.SANDERS24_R2, 8.0))
    assert parts == pytest.approx(1.017, abs=0.01)
    assert abs(parts - 1.1017) > 0.08


@pytest.mark.parametrize(
    ("set_name", "o32", "tolerance"),
    [("sanders24", published.SANDERS24_O32, 0.25), ("cataldi25", published.CATALDI25_O32, 0.15)],
)
def test_o32_is_the_difference_of_r3_and_r2(set_name, o32, tolerance):
    """Of 5007 alone: at 8.0 within 0.08 dex, and 0.12 dex more with 4959."""
    r3, r2, _ = SETS[set_name]
    abundance = np.array([8.0, *np.linspace(7.6, 8.3, 8)])
    apart = r3.log_ratio(abundance) - r2.log_ratio(abundance) - o32.log_ratio(abundance)
    assert apart[0] == pytest.approx(0.0, abs=0.08)
    assert apart == pytest.approx(0.0, abs=tolerance)


def test_oiii_nii_of_maiolino_is_without_balmer_lines():
    """At solar abundance, from R3 0.155 and R2 0.560 that make R23 0.746 with 4959."""
    r3 = np.log10((10.0**0.7462 - 10.0**0.5603) * 0.75)
    oiii_nii = r3 - float(published.MAIOLINO08_N2.log_ratio(8.69)) - np.log10(2.86)
    assert float(published.MAIOLINO08_OIII_NII.log_ratio(8.69)) == pytest.approx(oiii_nii, abs=0.03)


@pytest.mark.parametrize(
    ("polynomial", "at", "expected"),
    [("SANDERS24_R3", 7.5, 0.757), ("SANDERS24_R2", 7.5, -0.468), ("SANDERS24_R23", 7.5, 0.921),
     ("SANDERS24_O32", 7.5, 1.300), ("SANDERS24_NE3O2", 7.5, 0.113), ("CATALDI25_R3", 8.0, 0.864),
     ("CATALDI25_R2", 8.0, 0.049), ("CATALDI25_R23", 8.0, 1.024), ("CATALDI25_O32", 8.0, 0.737),
     ("CURTI20_O3N2", 8.69, 0.281), ("BIAN18_R3", 8.2, 0.846)],
)  # fmt: skip
def test_polynomials_have_their_values(polynomial, at, expected):
    """Worked out by hand."""
    assert float(POLYNOMIALS[polynomial].log_ratio(at)) == pytest.approx(expected, abs=2e-3)


def test_curti_s_o32_is_the_difference_of_r3_and_r2():
    abundance = np.linspace(7.8, 8.8, 11)
    parts = published.CURTI20_R3.log_ratio(abundance) - published.CURTI20_R2.log_ratio(abundance)
    # The scatter of the relation is 0.14 dex.
    assert published.CURTI20_O32.log_ratio(abundance) == pytest.approx(parts, abs=0.14)


@pytest.mark.parametrize("name", POLYNOMIALS)
@given(fraction=st.floats(0.02, 0.98))
def test_what_is_read_back_is_what_was_put_in(name, fraction):
    calibration = POLYNOMIALS[name]
    first, last = calibration.valid_range
    for low, high, read in (
        (first, calibration.turnover, calibration.below_turnover),
        (calibration.turnover, last, calibration.above_turnover),
    ):
        abundance = low + fraction * (high - low)
        if high - low > 0.05:
            back = read(calibration.log_ratio(abundance))
            # Flat at the top, where 1e-6 in the ratio is a thousandth in abundance.
            assert back == pytest.approx(abundance, abs=3e-3)


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_beyond_its_range_a_calibration_says_nothing(name):
    first, last = POLYNOMIALS[name].valid_range
    assert np.isnan(POLYNOMIALS[name].log_ratio([first - 0.01, last + 0.01])).all()


def test_the_table_has_every_calibration_with_its_source():
    table = calibrations()
    assert list(table["diagnostic"]) == list(DIAGNOSTICS)
    assert all(table["source"])
    assert all(table["lowest"] < table["highest"])


def test_the_table_writes_relations_as_formulas():
    table = calibrations()
    table.add_index("diagnostic")
    assert table.loc["n2"]["relation"] == "12 + log(O/H) = 8.98 + 0.63 N2"
    assert table.loc["r3_sanders24"]["relation"] == (
        "R3 = 0.834 - 0.072 x - 0.453 x^2; x = 12 + log(O/H) - 8"
    )
    assert table.loc["n2_curti20"]["relation"].startswith("N2 = -0.489 + 1.513 x - 2.554 x^2")


def test_scatter_is_that_of_the_publications():
    assert DIAGNOSTICS["n2_marino13"].scatter_dex == 0.16
    assert DIAGNOSTICS["r23_curti20"].scatter_dex == 0.12
    assert np.isnan(DIAGNOSTICS["n2"].scatter_dex)


def test_sides_of_two_valued_relations_meet_at_the_turnover():
    sides = {name for name in DIAGNOSTICS if f"{name}_lower" in DIAGNOSTICS}
    assert sides == {"r23", "r23_curti20", "r23_sanders24", "r23_cataldi25", "r3_curti20",
                     "r3_sanders24", "r3_cataldi25", "r2_curti20"}  # fmt: skip
    for name in sides:
        upper, lower = DIAGNOSTICS[name], DIAGNOSTICS[f"{name}_lower"]
        assert (upper.branch, lower.branch) == ("upper", "lower")
        assert upper.valid_range[0] == lower.valid_range[1]


def dust_free(lines, stack_a_v):
    """Lines of a galaxy without its own attenuation, or else that of the stack."""
    observed = {name: float(lines[name]) for name in ("halpha", "nii_6584", "hbeta", "oiii_5007")}
    observed |= dict.fromkeys(("oii_3726", "oii_3729"), 0.5 * float(lines["oii_3727"]))
    observed |= {"sii_6716": float(lines["sii_6717"]), "sii_6731": float(lines["sii_6731"])}
    decrement = observed["halpha"] / observed["hbeta"] if observed["hbeta"] > 0.0 else 0.0
    own = float(lines["sn_hbeta"]) > 4.0 and decrement > 2.86
    # Equation 1 of Li et al. (2025), with its k of 2.46 and 3.82.
    a_v = 3.22 / (0.4 * (3.82 - 2.46)) * np.log10(decrement / 2.86) if own else stack_a_v
    return {name: flux / transmitted_fraction(REST_WAVELENGTH_UM[name], a_v)
            for name, flux in observed.items()}  # fmt: skip


def off_the_survey_s_tables(shared_data, name, column, stack_a_v):
    return np.array([
        float(DIAGNOSTICS[name].from_fluxes(dust_free(lines, stack_a_v))) - value
        for lines, value in survey_rows(shared_data, column)
    ])  # fmt: skip


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "column", "number"),
    [("n2o2", "K19N2O2", 10), ("r23", "M08R23", 3), ("o32_survey", "B18O32", 5),
     ("n2", "B18N2", 26), ("n2_marino13", "M13N2", 26), ("o3n2", "B18O3N2", 5),
     ("o3n2_marino13", "M13O3N2", 5), ("n2s2", "D16", 11)],
)  # fmt: skip
def test_the_survey_s_tables_come_out_with_its_stack_as_a_colour_excess(
    shared_data, name, column, number
):
    """To their second digit: 0.38 as E(B-V) is A_V = 0.38 x 3.22. The text calls it A_V."""
    off = off_the_survey_s_tables(shared_data, name, column, 0.38 * 3.22)
    assert len(off) == number
    assert np.abs(off).max() < 0.0075


@pytest.mark.real_data
def test_with_the_stack_as_a_v_n2o2_is_higher_than_in_the_survey_s_tables(shared_data):
    off = off_the_survey_s_tables(shared_data, "n2o2", "K19N2O2", 0.38)
    assert np.median(off) == pytest.approx(0.09, abs=0.02)


@pytest.mark.real_data
@pytest.mark.parametrize("stack_a_v", [0.38, 0.38 * 3.22])
def test_o32_of_the_survey_s_tables_has_4_3_on_the_logarithm(shared_data, stack_a_v):
    """On the ratio, or not at all, some galaxy is off by more than rounding with any dust."""
    for added in (0.0, np.log10(4.0 / 3.0)):
        off = [
            9.54 - 0.59 * (float(DIAGNOSTICS["o32_survey"].log_ratio(lines)) + added) - z
            for lines, z in (
                (dust_free(row, stack_a_v), z) for row, z in survey_rows(shared_data, "B18O32")
            )
        ]
        assert np.abs(off).max() > 0.02
