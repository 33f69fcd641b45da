"""Classes and their probabilities, from lines on known sides and at known distances of curves."""

import csv

import numpy as np
import pytest
from scipy.stats import norm

from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.gas.classes import (
    SURVEY_AGN,
    StellarMass,
    assumptions_on_mass_excitation,
    bpt_table,
    mass_excitation_table,
)

NAMES = ("halpha", "nii_6584", "hbeta", "oiii_5007")
REDSHIFT = 1.5


def galaxies(log_nii_halpha, log_oiii_hbeta, error=0.01, **limits):
    """Galaxies of H-alpha 286 and H-beta 100; those of limits have these fluxes instead."""
    x, y = np.broadcast_arrays(*map(np.atleast_1d, (log_nii_halpha, log_oiii_hbeta)))
    lines = {"halpha": np.full(x.shape, 286.0), "nii_6584": 286.0 * 10.0**x,
             "hbeta": np.full(x.shape, 100.0), "oiii_5007": 100.0 * 10.0**y}  # fmt: skip
    lines |= {name: np.full(x.shape, float(flux)) for name, flux in limits.items()}
    flux = np.stack([lines[name] for name in NAMES], axis=1)
    sigma = np.broadcast_to(
        [error.get(name, 0.01) for name in NAMES] if isinstance(error, dict) else error, 4
    )
    return JointFluxes(names_of(flux), NAMES, flux, np.tile(np.diag(sigma**2), (len(flux), 1, 1)))


def names_of(flux):
    return tuple(f"galaxy {index}" for index in range(len(flux)))


def bpt(fluxes, redshift=REDSHIFT, seed=3):
    return bpt_table(fluxes, np.random.default_rng(seed), redshift=redshift)


def mass_excitation(fluxes, log_mass, **options):
    return mass_excitation_table(
        fluxes, np.random.default_rng(4), log_stellar_mass=log_mass, **options
    )


def test_classes_are_those_between_the_curves():
    """At log([N II]/H-alpha) = -0.4: Kauffmann -0.056, z = 1.5 0.367, Kewley 0.489."""
    table = bpt(galaxies(-0.4, [-0.1, 0.0, 0.43, 0.6]))
    assert list(table["class_local"]) == ["star_forming", "composite", "composite", "agn"]
    assert list(table["class_at_redshift"]) == ["star_forming", "star_forming", "agn", "agn"]
    for name, expected in (("star_forming", [1, 0, 0, 0]), ("composite", [0, 1, 1, 0]),
                           ("agn", [0, 0, 0, 1])):  # fmt: skip
        assert list(table[f"p_{name}"]) == expected


def test_each_galaxy_may_have_its_own_redshift():
    table = bpt(galaxies([-0.4, -0.4], [0.3, 0.3]), redshift=[0.0, 2.0])
    assert list(table["class_at_redshift"]) == ["agn", "star_forming"]


@pytest.mark.parametrize("distance_sigma", [-1.5, -0.5, 0.0, 1.0])
def test_probabilities_are_those_of_normal_errors(distance_sigma):
    """[N II]/H-alpha known; [O III] 5 per cent, at a distance of Kewley's curve of 2001."""
    limit = 0.61 / (-0.5 - 0.47) + 1.19
    oiii = 100.0 * 10.0**limit * (1.0 + 0.05 * distance_sigma)
    fluxes = galaxies(-0.5, 0.0, {"oiii_5007": 0.05 * 100.0 * 10.0**limit}, oiii_5007=oiii)
    (row,) = bpt(fluxes)
    # The error is 5 per cent of the flux on the curve.
    assert row["p_agn"] == pytest.approx(norm.cdf(distance_sigma), abs=0.03)
    assert row["p_star_forming"] + row["p_composite"] + row["p_agn"] == pytest.approx(1.0)


def test_coordinates_have_the_errors_of_their_lines():
    (row,) = bpt(galaxies(-0.5, 0.3, {"oiii_5007": 10.0, "hbeta": 4.0}))
    assert row["log_oiii_hbeta"].value == pytest.approx(0.3)
    expected = np.hypot(10.0 / (100.0 * 10.0**0.3), 0.04) / np.log(10.0)
    for side in ("low", "high"):
        assert row[f"log_oiii_hbeta_err_{side}"].value == pytest.approx(expected, rel=0.1)


def test_faint_hbeta_gives_a_lower_limit_that_leaves_the_class_open():
    """H-beta at 2 sigma: [O III]/H-beta > 150 / 40, with room above and below the curve."""
    (row,) = bpt(galaxies(-0.9, 0.0, {"hbeta": 10.0}, hbeta=20.0, oiii_5007=150.0))
    assert row["log_oiii_hbeta_limit"] == "lower"
    assert row["log_oiii_hbeta"].value == pytest.approx(np.log10(150.0 / 40.0))
    assert np.isnan(row["log_oiii_hbeta_err_low"])
    assert row["class_local"] == "unknown"
    # At 2 sigma it is beyond 150 / 20 = 7.5 half of the time, and the curve is at 5.5.
    assert 0.5 < row["p_agn"] < 0.9


def test_a_lower_limit_beyond_the_curves_is_an_active_nucleus():
    (row,) = bpt(galaxies(-0.2, 0.0, {"hbeta": 1.0}, hbeta=0.5, oiii_5007=60.0))
    assert row["log_oiii_hbeta_limit"] == "lower"
    assert (row["class_local"], row["class_at_redshift"]) == ("agn", "agn")
    assert row["p_agn"] > 0.99


def test_an_upper_limit_below_the_curves_is_star_formation():
    (row,) = bpt(galaxies(-0.6, 0.0, {"oiii_5007": 5.0}, oiii_5007=3.0))
    assert row["log_oiii_hbeta_limit"] == "upper"
    assert row["class_local"] == "star_forming"


def test_an_upper_limit_on_nitrogen_alone_does_not_make_an_active_nucleus():
    """Right of the limit is excluded, left of it everything is possible."""
    bright = bpt(galaxies(-0.9, 0.6, {"nii_6584": 20.0}, nii_6584=10.0))[0]
    assert bright["log_nii_halpha_limit"] == "upper"
    assert bright["class_local"] == "unknown"
    faint = bpt(galaxies(-0.9, -0.5, {"nii_6584": 10.0}, nii_6584=5.0))[0]
    assert faint["class_local"] == "star_forming"


def test_strong_nitrogen_is_enough_where_the_other_lines_were_not_seen():
    """Beyond the asymptotes; with less nitrogen nothing is known without [O III]."""
    fluxes = galaxies([0.5, -0.5], 0.0, hbeta=np.nan, oiii_5007=np.nan)
    fluxes.covariance[:, 2:] = fluxes.covariance[:, :, 2:] = np.nan
    table = bpt(fluxes)
    assert list(table["class_local"]) == ["agn", "unknown"]
    assert list(table["log_oiii_hbeta_limit"]) == ["none", "none"]
    assert np.isnan(table["p_agn"]).all()


def test_bands_without_lines_leave_every_class_unknown():
    only_halpha = JointFluxes(("A",), ("halpha",), np.array([[100.0]]), np.array([[[1.0]]]))
    (row,) = bpt(only_halpha)
    assert row["class_local"] == row["class_at_redshift"] == "unknown"
    assert row["log_nii_halpha_limit"] == "none"


def test_a_seed_gives_the_same_probabilities():
    fluxes = galaxies(-0.4, 0.45, 10.0)
    assert bpt(fluxes, seed=1)["p_agn"] == bpt(fluxes, seed=1)["p_agn"]


def test_mass_and_excitation_divide_at_the_published_curves():
    """At 10^11: lower -0.480, upper -0.281; at 10^9 only one, 0.89."""
    table = mass_excitation(
        galaxies(-0.5, [-0.6, -0.4, -0.1, 0.8, 0.95]), [11.0, 11.0, 11.0, 9.0, 9.0],
        log_stellar_mass_err=0.0,
    )  # fmt: skip
    assert list(table["class_mass_excitation"]) == [
        "star_forming", "intermediate", "agn", "star_forming", "agn",
    ]  # fmt: skip


def test_every_row_names_the_curves_of_its_class():
    (row,) = mass_excitation(galaxies(-0.5, 0.4), 10.3)
    assert "Juneau et al. 2014, local" in row["curves"]
    table = bpt(galaxies(-0.5, [0.3, 0.3]), redshift=[0.02, 1.5])
    assert list(table["curve_at_redshift"]) == [
        "Kewley et al. 2013 at z = 0.02", "Kewley et al. 2013 at z = 1.5",
    ]  # fmt: skip
    assert "Kauffmann et al. 2003" in table["curves_local"][0]


@pytest.mark.parametrize(("mass", "redshift", "number"), [(10.3, 1.5, 1), (10.3, 0.1, 0),
                                                          (np.nan, 1.5, 0)])  # fmt: skip
def test_the_curves_of_mass_are_said_to_be_local_where_galaxies_are_not(mass, redshift, number):
    notes = assumptions_on_mass_excitation(StellarMass(mass), redshift)
    assert len(notes) == number
    assert all("local" in note and "p_agn" in note for note in notes)


def test_the_error_of_the_mass_is_in_the_probability():
    """A known ratio on the upper curve at 10.5: more massive is beyond, half of the time."""
    on_curve = 410.24 - 109.333 * 10.5 + 9.71731 * 10.5**2 - 0.288244 * 10.5**3
    (row,) = mass_excitation(galaxies(-0.5, on_curve, 1e-3), 10.5)
    assert row["p_agn"] == pytest.approx(0.5, abs=0.04)
    assert row["p_intermediate"] > 0.2


def test_without_a_mass_only_extreme_ratios_are_known():
    """Beyond 1.14 [O III]/H-beta is above the curves at any mass."""
    table = mass_excitation(galaxies(-0.5, [0.3, 1.3]), np.nan)
    assert list(table["class_mass_excitation"]) == ["unknown", "agn"]


def test_the_survey_s_active_nuclei_are_the_two_that_it_names():
    assert set(SURVEY_AGN) == {11, 12}


@pytest.mark.real_data
def test_no_other_galaxy_of_the_survey_is_surely_active(shared_data):
    """Where all four lines are detected: Li et al. (2025), Fig. 2, has them as star-forming.

    The public fluxes are rounded to 0.01, which is an error of 0.003 beside that of the lines.
    """
    columns = ("halpha", "nii_6584", "hbeta", "oiii_5007")
    with (shared_data / "real/integrated_fluxes.csv").open() as table:
        rows = [row for row in csv.DictReader(table)
                if min(float(row[f"sn_{name}"]) for name in columns) > 4.0]  # fmt: skip
    assert len(rows) >= 5
    assert not {int(row["kurvs_id"]) for row in rows} & set(SURVEY_AGN)
    flux, ratio = (
        np.array([[float(row[prefix + name]) for name in columns] for row in rows])
        for prefix in ("", "sn_")
    )
    sigma = np.hypot(flux / ratio, 0.01 / np.sqrt(12.0))
    fluxes = JointFluxes(names_of(flux), NAMES, flux, sigma[:, :, None] ** 2 * np.eye(4))
    found = bpt(fluxes, redshift=[float(row["redshift"]) for row in rows])
    assert (found["p_agn"] < 0.84).all()
    assert (found["p_agn_at_redshift"] < 0.84).all()


@pytest.mark.real_data
def test_lines_alone_do_not_find_the_survey_s_active_nucleus(shared_data):
    """Number 12 has [N II] by the authors' own table, and neither H-beta nor [O III]."""
    with (shared_data / "reference/output/cdfs_integ_met.csv").open() as table:
        (row,) = (row for row in csv.DictReader(table) if row["name"] == "cdfs_30561")
    assert row["B18O3N2"] == "nan"
    log_n2 = (float(row["B18N2"]) - 8.98) / 0.63
    (found,) = bpt(galaxies(log_n2, 0.0, {"hbeta": 30.0, "oiii_5007": 30.0}), redshift=1.6136)
    assert (found["class_local"], found["class_at_redshift"]) == ("unknown", "unknown")
    assert 12 in SURVEY_AGN


@pytest.mark.real_data
def test_local_curves_of_mass_call_some_of_the_survey_s_galaxies_active(shared_data):
    """Numbers 1 and 7, which nothing else says: the documentation warns of it."""
    with (shared_data / "paper/table_a1.csv").open() as table:
        masses = {row["kurvs_id"]: float(row["log_stellar_mass"]) for row in csv.DictReader(table)}
    with (shared_data / "real/integrated_fluxes.csv").open() as table:
        rows = [row for row in csv.DictReader(table)
                if min(float(row["sn_hbeta"]), float(row["sn_oiii_5007"])) > 4.0]  # fmt: skip
    log_oiii_hbeta = np.log10([float(r["oiii_5007"]) / float(r["hbeta"]) for r in rows])
    table = mass_excitation(
        galaxies(-0.5, log_oiii_hbeta), [masses[row["kurvs_id"]] for row in rows]
    )
    classes = dict(zip([int(r["kurvs_id"]) for r in rows], table["class_mass_excitation"],
                       strict=True))  # fmt: skip
    assert {number for number, found in classes.items() if found == "agn"} == {1, 7}
    assert {number for number, found in classes.items() if found == "intermediate"} == {10, 14}
