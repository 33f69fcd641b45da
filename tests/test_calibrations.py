"""Calibrations of abundances against numbers worked out by hand, and against one another."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kurvs_pipeline import polynomial_calibrations as published
from kurvs_pipeline.abundances import DIAGNOSTICS
from kurvs_pipeline.polynomial_calibrations import PolynomialCalibration

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


@pytest.mark.parametrize("name", ["r23", "r23_lower", "r23_analogues", "r23_curti20", "o32"])
def test_ratios_count_both_lines_of_oiii(name):
    """[O III] 4959 is a third of 5007."""
    lines = fluxes()
    both, oii = 10.0**0.4 * 4.0 / 3.0, 10.0**0.5
    expected = both / oii if name == "o32" else both + oii
    assert float(DIAGNOSTICS[name].log_ratio(lines)) == pytest.approx(np.log10(expected))


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


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "column"), [("n2", "B18N2"), ("n2_marino13", "M13N2")])
def test_the_survey_s_own_tables_come_out(shared_data, name, column):
    """From its rounded public fluxes: 0.01 in 0.06 or more is 0.05 dex in these."""
    with (shared_data / "real/integrated_fluxes.csv").open() as table:
        fluxes_of = {row["name"]: row for row in csv.DictReader(table)}
    differences = []
    for field in ("cdfs", "cosmos"):
        with (shared_data / f"reference/output/{field}_integ_met.csv").open() as table:
            for row in csv.DictReader(table):
                lines = fluxes_of.get(row["name"])
                if lines is None or row[column] == "nan":
                    continue
                values = {key: float(lines[key]) for key in ("halpha", "nii_6584")}
                needed = [values[line] for line in DIAGNOSTICS[name].lines]
                if min(needed) >= 0.06:
                    found = float(DIAGNOSTICS[name].from_fluxes(values))
                    differences.append(found - float(row[column]))
    assert len(differences) >= 3
    assert abs(np.median(differences)) < 0.03
