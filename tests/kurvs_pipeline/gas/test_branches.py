"""Sides of two-valued calibrations by nitrogen lines, at the borders of Kewley & Ellison."""

import numpy as np
import pytest

from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.gas.abundances import abundance_table, metallicity_branch
from kurvs_pipeline.gas.attenuation import Attenuation
from kurvs_pipeline.gas.draws import AbundanceDraws

ERROR = 0.1


def joint(log_n2o2=-0.5, log_n2=-0.6, **limits):
    """Lines with an error of 0.1, H-alpha of 1000; those of limits have that flux instead."""
    nii = 1000.0 * 10.0**log_n2
    oii = nii / 10.0**log_n2o2
    lines = {"halpha": 1000.0, "nii_6584": nii, "hbeta": 350.0, "oiii_5007": 500.0,
             "oii_3726": 0.5 * oii, "oii_3729": 0.5 * oii} | limits  # fmt: skip
    covariance = ERROR**2 * np.eye(len(lines))[None]
    return JointFluxes(("A",), tuple(lines), np.array([list(lines.values())]), covariance)


def branch_of(fluxes, a_v=0.0):
    return str(metallicity_branch(fluxes, np.full(len(fluxes.flux), a_v))[0])


@pytest.mark.parametrize(("log_n2o2", "side"), [(-1.15, "upper"), (-1.25, "lower")])
@pytest.mark.parametrize("log_n2", [-0.5, -1.6])
def test_n2o2_decides_where_it_is_known(log_n2o2, log_n2, side):
    assert branch_of(joint(log_n2o2, log_n2)) == side


@pytest.mark.parametrize(
    ("log_n2", "side"), [(-1.05, "upper"), (-1.2, "unknown"), (-1.35, "lower")]
)
def test_n2_decides_without_oii(log_n2, side):
    assert branch_of(joint(log_n2=log_n2, oii_3726=np.nan, oii_3729=np.nan)) == side


def test_dust_is_taken_off_before():
    """[O II] behind A_V = 2 is 0.4 (5.1 - 2.5) / 3.22 x 2 = 0.65 dex fainter than it was."""
    assert branch_of(joint(log_n2o2=-0.9)) == "upper"
    assert branch_of(joint(log_n2o2=-0.9), a_v=2.0) == "lower"


def test_a_limit_on_nii_can_only_say_metal_poor():
    """Its ceiling, 0.4, is log N2 = -3.4 of H-alpha; with H-alpha of 2 it is -0.7."""
    assert branch_of(joint(nii_6584=0.0)) == "lower"
    assert branch_of(joint(nii_6584=0.0, halpha=2.0, oii_3726=1.0, oii_3729=1.0)) == "unknown"


def test_a_limit_on_oii_can_only_say_metal_rich():
    assert branch_of(joint(oii_3726=0.0, oii_3729=0.0)) == "upper"
    # log N2O2 > -1.3 by the ceiling: [N II]/H-alpha decides.
    faint = joint(log_n2=-4.3, halpha=1000.0, nii_6584=0.41, oii_3726=0.0, oii_3729=0.0)
    assert branch_of(faint) == "upper"


def test_a_galaxy_without_nitrogen_is_unknown():
    assert branch_of(joint(nii_6584=np.nan)) == "unknown"


def rows_of(fluxes):
    no_dust = Attenuation(np.zeros(1), np.zeros(1), np.array(["stack"]))
    draws = AbundanceDraws.of(fluxes, no_dust, np.random.default_rng(1))
    return abundance_table(draws)


def test_rows_of_both_sides_say_which_is_right():
    table = rows_of(joint())
    checks = {str(row["diagnostic"]): str(row["branch_check"]) for row in table}
    assert (checks["r23"], checks["r23_lower"]) == ("right", "wrong")
    assert (checks["r3_sanders24"], checks["r3_sanders24_lower"]) == ("right", "wrong")
    assert (checks["n2"], checks["n2o2"]) == ("", "")
    branches = {str(row["diagnostic"]): str(row["branch"]) for row in table}
    assert (branches["r23"], branches["r23_lower"], branches["n2"]) == ("upper", "lower", "")


def not_wrong(table):
    return table[table["branch_check"] != "wrong"]


def test_the_wrong_side_may_be_left_out():
    kept = set(not_wrong(rows_of(joint()))["diagnostic"])
    assert {"r23", "n2", "r2_curti20_lower"} <= kept
    assert "r23_lower" not in kept
    undecided = rows_of(joint(log_n2=-1.2, oii_3726=np.nan, oii_3729=np.nan))
    assert len(not_wrong(undecided)) == len(undecided)


def test_rows_carry_the_scatter_of_their_calibration():
    table = rows_of(joint())
    scatter = {str(row["diagnostic"]): row["calibration_scatter"].to_value("dex") for row in table}
    assert scatter["o32_curti20"] == 0.14
    assert np.isnan(scatter["n2"])
