"""Attenuation and abundances of apertures, from drawn fluxes whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.binning import Aperture
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.gas.abundances import abundance_table, metallicity_branch
from kurvs_pipeline.gas.attenuation import (
    SURVEY_STACK,
    AssumedAttenuation,
    Attenuation,
    assumed_at,
    attenuation_of,
    balmer_a_v,
    survey_attenuation_of,
)
from kurvs_pipeline.gas.draws import AbundanceDraws

# k of H-alpha and H-beta by Battisti et al. (2022), as published to two digits.
K_HALPHA, K_HBETA, R_V = 2.46, 3.82, 3.22
LINES = ("halpha", "nii_6584", "hbeta", "oiii_5007", "oii_3726", "oii_3729")
BRIGHT = {"halpha": 100.0, "nii_6584": 20.0, "hbeta": 30.0, "oiii_5007": 25.0,
          "oii_3726": 20.0, "oii_3729": 25.0}  # fmt: skip
RING = Aperture("A", 0.0, 0.5)


def joint(fluxes, errors, *, correlation=0.0, n_apertures=1):
    names = tuple(fluxes)
    flux = np.tile([fluxes[name] for name in names], (n_apertures, 1)).astype(float)
    sigma = np.array([errors[name] if isinstance(errors, dict) else errors for name in names])
    matrix = np.full((len(names), len(names)), correlation) + (1.0 - correlation) * np.eye(
        len(names)
    )
    covariance = matrix * sigma * sigma[:, None]
    unmeasured = np.isnan(flux[0])
    covariance[unmeasured | unmeasured[:, None]] = np.nan
    rings = tuple(f"ring {index}" for index in range(n_apertures))
    return JointFluxes(rings, names, flux, np.tile(covariance, (n_apertures, 1, 1)))


def no_dust(n_apertures=1):
    return Attenuation(
        np.zeros(n_apertures), np.zeros(n_apertures), np.full(n_apertures, "stack", dtype="<U6")
    )


def abundances_of(fluxes, attenuation=None, seed=1):
    random = np.random.default_rng(seed)
    draws = AbundanceDraws.of(fluxes, attenuation or no_dust(len(fluxes.flux)), random)
    return abundance_table(draws)


def row(table, diagnostic):
    (found,) = table[table["diagnostic"] == diagnostic]
    return found


def test_a_v_is_that_of_the_published_curve():
    assert balmer_a_v(np.array(2.86), np.array(1.0)) == pytest.approx(0.0, abs=1e-12)
    expected = R_V / (0.4 * (K_HBETA - K_HALPHA)) * np.log10(4.0 / 2.86)
    assert balmer_a_v(np.array(4.0), np.array(1.0)) == pytest.approx(expected, rel=0.01)


def test_a_decrement_of_its_own_wins_where_both_lines_are_detected():
    dusty = joint({"halpha": 100.0, "hbeta": 25.0}, 1.0)
    found = attenuation_of(dusty, [RING])
    assert found.source[0] == "balmer"
    slope = R_V / (0.4 * (K_HBETA - K_HALPHA)) / np.log(10.0)
    assert found.a_v_err[0] == pytest.approx(slope * np.hypot(0.01, 0.04), rel=0.01)


@pytest.mark.parametrize(
    ("fluxes", "errors"),
    [
        ({"halpha": 100.0, "hbeta": 25.0}, {"halpha": 1.0, "hbeta": 8.0}),
        ({"halpha": 100.0, "hbeta": 60.0}, 1.0),
        ({"halpha": 100.0}, 1.0),
        ({"halpha": 100.0, "hbeta": np.nan}, 1.0),
    ],
    ids=["H-beta faint", "below case B", "no H-beta", "H-beta masked"],
)
def test_elsewhere_it_is_that_of_stacked_galaxies(fluxes, errors):
    """Li et al. (2025): 0.38 integrated; 0.62, 0.40 and 0.00 in annuli of 0.5 arcsec."""
    apertures = [Aperture("integrated", 0.0, 0.9), RING, Aperture("B", 0.5, 1.0),
                 Aperture("C", 1.0, 1.5), Aperture("D", 1.5, 2.0)]  # fmt: skip
    found = attenuation_of(joint(fluxes, errors, n_apertures=5), apertures)
    assert list(found.source) == ["stack"] * 5
    assert found.a_v == pytest.approx([0.38, 0.62, 0.40, 0.0, 0.0])
    assert found.a_v_err == pytest.approx([0.15, 0.16, 0.20, 0.20, 0.20])


DUSTY = {"halpha": 100.0, "nii_6584": 20.0, "hbeta": 1.0, "oiii_5007": 20.0,
         "oii_3726": 8.0, "oii_3729": 8.0}  # fmt: skip


@pytest.mark.parametrize("fluxes", [{"halpha": 100.0}, {"halpha": 100.0, "hbeta": 60.0}])
def test_where_nothing_is_assumed_dust_that_h_beta_does_not_give_is_not_known(fluxes):
    found = attenuation_of(joint(fluxes, 1.0), [RING], None)
    assert np.isnan([found.a_v[0], found.a_v_err[0], found.lower_limit[0]]).all()
    assert found.source[0] == "none"


def test_where_nothing_is_assumed_a_faint_h_beta_still_gives_a_lower_limit():
    """100 against less than 32: no case B without dust, but less than the stack has."""
    faint = joint({"halpha": 100.0, "hbeta": 25.0}, {"halpha": 1.0, "hbeta": 8.0})
    assert attenuation_of(faint, [RING]).source[0] == "stack"
    found = attenuation_of(joint({"halpha": 100.0, "hbeta": 5.0}, {"halpha": 1.0, "hbeta": 7.5}),
                           [RING], None)  # fmt: skip
    expected = R_V / (0.4 * (K_HBETA - K_HALPHA)) * np.log10(100.0 / 30.0 / 2.86)
    assert found.source[0] == "lower_limit"
    assert found.lower_limit[0] == pytest.approx(expected, rel=0.01)


def test_an_attenuation_that_is_stated_takes_the_place_of_the_stack_s():
    apertures = [Aperture("integrated", 0.0, 0.9), RING]
    found = attenuation_of(joint({"halpha": 100.0}, 1.0, n_apertures=2), apertures,
                           AssumedAttenuation(0.8, 0.3))  # fmt: skip
    assert list(found.source) == ["stated"] * 2
    assert list(found.a_v) == [0.8] * 2
    assert list(found.a_v_err) == [0.3] * 2


@pytest.mark.parametrize("impossible", [(-0.1, 0.1), (0.4, -0.1), (np.nan, 0.1), (0.4, np.inf)])
def test_an_impossible_attenuation_is_refused(impossible):
    with pytest.raises(ConfigurationError, match="--attenuation"):
        AssumedAttenuation(*impossible)


@pytest.mark.parametrize(("redshift", "assumed"), [(0.3, None), (1.5, SURVEY_STACK), (2.3, None)])
def test_the_stack_s_attenuation_is_assumed_at_its_redshifts_only(redshift, assumed):
    stated = AssumedAttenuation(0.8, 0.3)
    assert assumed_at(redshift) is assumed
    assert assumed_at(redshift, stated) is stated


def test_abundances_say_that_their_dust_is_not_known():
    unknown = attenuation_of(joint(DUSTY | {"hbeta": 60.0}, 1.0), [RING], None)
    found = abundances_of(joint(DUSTY | {"hbeta": 60.0}, 1.0), unknown)
    for name in ("n2o2", "o32", "r23"):
        assert np.isnan(row(found, name)["abundance"])
        assert row(found, name)["flag"] == "attenuation_unknown"
    assert row(found, "o3n2")["flag"] == ""


def test_h_beta_too_faint_for_the_dust_of_the_stack_gives_a_lower_limit():
    """100 against less than 4: more than log10(25 / 2.86) of reddening."""
    found = attenuation_of(joint(DUSTY, 1.0), [Aperture("integrated", 0.0, 0.9)])
    assert found.source[0] == "lower_limit"
    assert np.isnan(found.a_v[0])
    assert np.isnan(found.a_v_err[0])
    expected = R_V / (0.4 * (K_HBETA - K_HALPHA)) * np.log10(25.0 / 2.86)
    assert found.lower_limit[0] == pytest.approx(expected, rel=0.01)


def test_the_survey_takes_the_stack_however_faint_h_beta_is():
    found = survey_attenuation_of(joint(DUSTY, 1.0), [Aperture("integrated", 0.0, 0.9)])
    assert found.source[0] == "stack"
    assert found.a_v[0] == pytest.approx(0.38)


def test_without_dust_to_correct_for_only_ratios_of_neighbours_are_given():
    fluxes = joint(DUSTY, 1.0)
    limited = attenuation_of(fluxes, [Aperture("integrated", 0.0, 0.9)])
    found, clean = abundances_of(fluxes, limited), abundances_of(fluxes)
    for name in ("n2o2", "o32", "r23"):
        assert np.isnan(row(found, name)["abundance"])
        assert np.isnan(row(found, name)["beyond_turnover"])
        assert (row(found, name)["limit"], row(found, name)["flag"]) == (
            "none",
            "attenuation_limit",
        )
    for name in ("n2", "o3n2"):
        assert row(found, name)["limit"] == row(clean, name)["limit"]
        assert row(found, name)["abundance"] == row(clean, name)["abundance"]
        assert row(found, name)["flag"] == ""
    assert row(found, "n2")["err_low"] == row(clean, "n2")["err_low"]


def test_the_nitrogen_side_does_not_need_the_dust():
    fluxes = joint(DUSTY | {"oii_3726": np.nan, "oii_3729": np.nan}, 1.0)
    limited = attenuation_of(fluxes, [Aperture("integrated", 0.0, 0.9)])
    assert metallicity_branch(fluxes, limited.a_v)[0] == "upper"


@pytest.mark.parametrize(("hbeta", "source"), [(-3.9, "lower_limit"), (-4.1, "negative_hbeta")])
def test_h_beta_too_negative_for_noise_tells_nothing_of_the_dust(hbeta, source):
    fluxes = joint(DUSTY | {"hbeta": hbeta}, 1.0)
    attenuation = attenuation_of(fluxes, [Aperture("integrated", 0.0, 0.9)])
    assert attenuation.source[0] == source
    assert np.isnan(attenuation.a_v[0])
    assert np.isfinite(attenuation.lower_limit[0]) == (source == "lower_limit")
    found = abundances_of(fluxes, attenuation)
    flag = "attenuation_limit" if source == "lower_limit" else source
    assert (row(found, "n2o2")["flag"], row(found, "n2")["flag"]) == (flag, "")
    assert np.isnan(row(found, "n2o2")["abundance"])


@pytest.mark.statistical
def test_noise_rarely_makes_a_limit_of_a_galaxy_as_dusty_as_the_stack():
    """However deep H-beta is, one in fifty at most."""
    random = np.random.default_rng(5)
    decrement = 2.86 * 10.0 ** (0.38 * 0.4 * (K_HBETA - K_HALPHA) / R_V)
    apertures = [Aperture("integrated", 0.0, 0.9)] * 4000
    for hbeta_snr in (3.0, 4.0, 4.5, 5.0, 5.5, 6.0, 7.0):
        errors = {"halpha": decrement * hbeta_snr / 54.0, "hbeta": 1.0}
        truth = {"halpha": decrement * hbeta_snr, "hbeta": hbeta_snr}
        fluxes = joint(truth, errors, n_apertures=len(apertures))
        noise = random.normal(size=fluxes.flux.shape) * [errors["halpha"], 1.0]
        measured = replace(fluxes, flux=fluxes.flux + noise)
        limited = attenuation_of(measured, apertures).source == "lower_limit"
        assert limited.mean() < 0.02, hbeta_snr


def test_abundances_are_those_of_dust_free_lines():
    """N2O2 of lines behind A_V = 1 is that of the lines before it."""
    dust = {name: 10.0 ** (-0.4 * k / R_V) for name, k in
            {"halpha": K_HALPHA, "nii_6584": 2.45, "hbeta": K_HBETA, "oiii_5007": 3.67,
             "oii_3726": 5.11, "oii_3729": 5.11}.items()}  # fmt: skip
    behind = {name: BRIGHT[name] * dust[name] for name in LINES}
    reddened = Attenuation(np.ones(1), np.zeros(1), np.array(["stack"]))
    found = row(abundances_of(joint(behind, 1e-3), reddened), "n2o2")
    clean = row(abundances_of(joint(BRIGHT, 1e-3)), "n2o2")
    # The curve's values are rounded to two digits here.
    assert found["abundance"].value == pytest.approx(clean["abundance"].value, abs=0.01)


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_errors_are_those_of_the_covariance(correlation):
    """N2 is 0.63 log: its error is 0.63 / ln 10 times that of the ratio."""
    errors = {"halpha": 3.0, "nii_6584": 1.0}
    fluxes = joint({"halpha": 100.0, "nii_6584": 20.0}, errors, correlation=correlation)
    found = row(abundances_of(fluxes), "n2")
    relative = np.sqrt(0.05**2 + 0.03**2 - 2.0 * correlation * 0.05 * 0.03)
    expected = 0.63 / np.log(10.0) * relative
    assert found["err_low"].value == pytest.approx(expected, rel=0.06)
    assert found["err_high"].value == pytest.approx(expected, rel=0.06)


def test_the_error_of_the_attenuation_is_carried():
    """Of N2O2, whose lines are far apart; N2's are neighbours."""
    unsure = Attenuation(np.array([0.4]), np.array([0.2]), np.array(["stack"]))
    found = abundances_of(joint(BRIGHT, 1e-6), unsure)
    # log([NII]/[OII]) moves by 0.4 (k_OII - k_NII) / R_V per magnitude.
    of_ratio = 0.4 * (5.11 - 2.45) / R_V * 0.2
    log_ratio = np.log10(20.0 / 45.0) + 0.4 * (2.45 - 5.11) / R_V * 0.4
    relation = DIAGNOSTICS["n2o2"].oxygen_abundance
    expected = 0.5 * (relation(log_ratio + of_ratio) - relation(log_ratio - of_ratio))
    n2o2 = row(found, "n2o2")
    assert 0.5 * (n2o2["err_low"] + n2o2["err_high"]).value == pytest.approx(expected, rel=0.08)
    assert row(found, "n2")["err_low"].value < 0.002


def test_intervals_hold_the_truth_as_often_as_they_say():
    """68 per cent of 2000 rings whose fluxes scatter by their errors."""
    random = np.random.default_rng(3)
    truth, errors = {"halpha": 100.0, "nii_6584": 20.0}, {"halpha": 4.0, "nii_6584": 2.0}
    fluxes = joint(truth, errors, n_apertures=2000)
    noise = random.normal(size=fluxes.flux.shape) * [4.0, 2.0]
    measured = replace(fluxes, flux=fluxes.flux + noise)
    found = abundances_of(measured)
    found = found[(found["diagnostic"] == "n2") & (found["limit"] == "")]
    expected = 8.98 + 0.63 * np.log10(0.2)
    low = found["abundance"] - found["err_low"]
    high = found["abundance"] + found["err_high"]
    held = np.mean((low.value <= expected) & (expected <= high.value))
    assert held == pytest.approx(norm.cdf(1.0) - norm.cdf(-1.0), abs=0.03)


@pytest.mark.parametrize(
    ("faint", "diagnostic", "kind"),
    [("nii_6584", "n2", "upper"), ("nii_6584", "o3n2", "upper"), ("oiii_5007", "o3n2", "lower"),
     ("oii", "n2o2", "lower")],
)  # fmt: skip
def test_one_faint_line_bounds_the_abundance(faint, diagnostic, kind):
    faint_lines = ("oii_3726", "oii_3729") if faint == "oii" else (faint,)
    fluxes = BRIGHT | dict.fromkeys(faint_lines, 1.0)
    errors = {name: 1.0 if name in faint_lines else 0.5 for name in LINES}
    table = abundances_of(joint(fluxes, errors))
    found = row(table, diagnostic)
    assert found["limit"] == kind
    assert np.isnan(found["err_low"])
    sigma = np.sqrt(len(faint_lines))
    at_limit = {name: 4.0 * sigma / len(faint_lines) if name in faint_lines else BRIGHT[name]
                for name in LINES}  # fmt: skip
    expected = DIAGNOSTICS[diagnostic].from_fluxes(at_limit)
    assert found["abundance"].value == pytest.approx(float(expected), abs=1e-9)


def test_a_pair_is_detected_by_its_sum():
    """Two lines of S/N 3 that nothing ties are a pair of S/N 4.2."""
    fluxes = BRIGHT | {"oii_3726": 3.0, "oii_3729": 3.0}
    assert row(abundances_of(joint(fluxes, 1.0)), "n2o2")["limit"] == ""


def test_two_faint_lines_tell_nothing():
    fluxes = BRIGHT | {"nii_6584": 1.0, "oiii_5007": 1.0}
    found = row(abundances_of(joint(fluxes, 1.0)), "o3n2")
    assert found["limit"] == "none"
    assert np.isnan(found["abundance"])


def test_a_line_without_data_tells_nothing():
    fluxes = BRIGHT | {"nii_6584": np.nan}
    table = abundances_of(joint(fluxes, 1.0))
    assert [row(table, name)["limit"] for name in ("n2", "o3n2")] == ["none", "none"]


def test_diagnostics_without_their_lines_are_left_out():
    table = abundances_of(joint({"halpha": 100.0, "nii_6584": 20.0}, 1.0))
    assert {str(name).split("_")[0] for name in table["diagnostic"]} == {"n2"}


def test_abundances_beyond_the_range_of_a_calibration_say_so():
    table = abundances_of(joint({"halpha": 100.0, "nii_6584": 20.0}, 1.0))
    assert row(table, "n2_analogues")["extrapolated"]  # 8.48; used to 8.4
    assert not row(table, "n2")["extrapolated"]


def test_numbers_far_beyond_a_calibration_are_not_given():
    """[N II]/[O II] a million times too small, as if one band had another unit."""
    scaled = BRIGHT | {"oii_3726": 2e7, "oii_3729": 2.5e7}
    found = row(abundances_of(joint(scaled, 1.0)), "n2o2")
    assert np.isnan(found["abundance"])
    assert found["limit"] == "none"
    assert np.isnan(found["err_low"])


def test_a_seed_gives_the_same_errors():
    one, other = (abundances_of(joint(BRIGHT, 1.0), seed=5) for _ in range(2))
    assert np.array_equal(one["err_low"].value, other["err_low"].value, equal_nan=True)
