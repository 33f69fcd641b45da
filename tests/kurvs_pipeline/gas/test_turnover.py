"""Two-valued calibrations near their turnover: intervals hold the truth, and flags say so.

The truth is known by construction: lines of a stated R23 with Gaussian noise.
"""

import numpy as np
import pytest

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.abundances.polynomials import MAIOLINO08_R23
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.gas.abundances import abundance_table
from kurvs_pipeline.gas.attenuation import Attenuation
from kurvs_pipeline.gas.draws import AbundanceDraws
from kurvs_pipeline.gradients.table import gradient_table

LINES = ("halpha", "nii_6584", "hbeta", "oiii_5007", "oii_3726", "oii_3729")
SNR = np.array([50.0, 20.0, 10.0, 25.0, 12.0, 12.0])
TURNOVER = MAIOLINO08_R23.turnover
RADIUS_KPC = np.array([2.0, 6.0, 10.0])


class NoSmearing:
    """Smearing that changes no gradient."""

    reference_gradient = -0.02
    is_known = False

    def f_grad(self, *_, **__):
        return 1.0

    def intrinsic_gradients(self, observed, *_, **__):
        return observed


def lines_of(abundance, *, log_excess=0.0, nii=25.0):
    """Return metal-rich gas without dust, shape (n_apertures, n_lines)."""
    r23 = 10.0 ** (MAIOLINO08_R23.log_ratio(np.atleast_1d(abundance)) + log_excess)
    oxygen = 35.0 * r23
    same = np.ones_like(oxygen)
    return np.stack([100.0 * same, nii * same, 35.0 * same, 0.5 * oxygen * 0.75,
                     0.25 * oxygen, 0.25 * oxygen], axis=1)  # fmt: skip


APERTURES = ("integrated", "A", "B", "C")


def draws_of(flux, error, apertures=None):
    n = len(flux)
    names = apertures or tuple(f"{index}" for index in range(n))
    joint = JointFluxes(names, LINES, flux, error[:, :, None] ** 2 * np.eye(len(LINES)))
    no_dust = Attenuation(np.zeros(n), np.zeros(n), np.full(n, "stack"))
    return AbundanceDraws.of(joint, no_dust, np.random.default_rng(1))


def r23_rows(flux, error):
    table = abundance_table(draws_of(flux, error))
    return table[table["diagnostic"] == "r23"]


@pytest.mark.parametrize("above_turnover", [0.05, 0.3])
def test_the_interval_holds_the_truth_in_68_per_cent_of_cases(above_turnover):
    """Of 400 apertures; those whose whole interval lies beyond have none and count as misses."""
    truth = TURNOVER + above_turnover
    light = np.tile(lines_of(truth), (400, 1))
    noise = np.random.default_rng(2).standard_normal(light.shape)
    found = r23_rows(light * (1.0 + noise / SNR), light / SNR)
    value = found["abundance"].value
    low, high = value - found["err_low"].value, value + found["err_high"].value
    held = (low - 1e-9 <= truth) & (truth <= high + 1e-9)
    assert held.mean() == pytest.approx(0.683, abs=3.0 * np.sqrt(0.683 * 0.317 / 400.0))


def test_a_ratio_just_beyond_is_at_the_turnover():
    light = lines_of(TURNOVER, log_excess=0.02)
    (row,) = r23_rows(light, light / SNR)
    assert row["abundance"].value == TURNOVER
    assert row["err_low"].value == 0.0
    assert row["err_high"].value > 0.1
    assert row["beyond_turnover"] > 0.5


@pytest.mark.parametrize(
    ("abundance", "log_excess", "flag"),
    [(TURNOVER + 0.05, 0.0, "turnover"), (TURNOVER, 0.3, "turnover"), (8.9, 0.0, "")],
    ids=["near", "beyond", "far"],
)
def test_an_abundance_whose_interval_ends_at_the_turnover_is_flagged(abundance, log_excess, flag):
    light = lines_of(abundance, log_excess=log_excess)
    (row,) = r23_rows(light, light / SNR)
    assert row["flag"] == flag


def test_lines_that_are_not_detected_do_not_flag_a_turnover():
    light = lines_of(8.9)
    (row,) = r23_rows(0.05 * light, light / SNR)
    assert row["beyond_turnover"] > 0.0
    assert row["flag"] == ""


def test_a_ratio_far_beyond_is_no_abundance():
    light = lines_of(TURNOVER, log_excess=0.3)
    (row,) = r23_rows(light, light / SNR)
    assert np.isnan(row["abundance"].value)
    assert row["limit"] == "none"
    assert row["beyond_turnover"] > 0.99


def test_far_from_the_turnover_nothing_is_beyond():
    light = lines_of(8.9)
    (row,) = r23_rows(light, light / SNR)
    assert row["abundance"].value == pytest.approx(8.9, abs=2e-3)
    assert row["beyond_turnover"] == 0.0


def test_relations_of_one_value_have_no_turnover():
    assert DIAGNOSTICS["n2_curti20"].turnover is None
    at, largest = DIAGNOSTICS["r23"].turnover
    assert (at, largest) == (TURNOVER, MAIOLINO08_R23.log_ratio(TURNOVER))


def flags(abundance, **options):
    light = lines_of(np.array([8.5, *abundance]), **options)
    draws = draws_of(light, light / SNR, APERTURES)
    table = abundance_table(draws)
    annuli = table[table["aperture"] != "integrated"]
    found = gradient_table(annuli, RADIUS_KPC, NoSmearing(), draws, np.random.default_rng(0))
    return {str(row["diagnostic"]): str(row["flag"]) for row in found
            if row["estimator"] == "slope"}  # fmt: skip


def test_a_gradient_through_an_annulus_at_the_turnover_is_flagged():
    assert flags([8.8, 8.7, 8.15])["r23"] == "turnover"
    assert flags([9.0, 8.9, 8.8])["r23"] == "ok"


def test_a_gradient_on_a_side_that_nitrogen_excludes_or_leaves_open_is_flagged():
    bright = flags([9.0, 8.9, 8.8])
    assert (bright["r23"], bright["r23_lower"]) == ("ok", "wrong_side")
    assert flags([9.0, 8.9, 8.8], nii=0.5)["r23"] == "wrong_side"


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("above_turnover", "most"), [(0.75, 0.01), (0.55, 0.2), (0.45, 0.45)],
)  # fmt: skip
def test_noise_alone_seldom_flags_a_turnover_that_is_far(above_turnover, most):
    """Annuli fall by 0.1 dex each; R23 changes little near its turnover, so noise reaches it."""
    assert false_alarms(TURNOVER + above_turnover, draws=100) <= most


def false_alarms(outermost, *, draws):
    """Fraction of noise draws in which a slope is flagged ``turnover``."""
    light = lines_of(outermost + np.array([0.0, 0.2, 0.1, 0.0]))
    error = light / SNR
    random = np.random.default_rng(3)
    found = [r23_flag(light + error * random.standard_normal(light.shape), error)
             for _ in range(draws)]  # fmt: skip
    return np.mean(["turnover" in flag for flag in found])


def r23_flag(flux, error):
    draws = draws_of(flux, error, APERTURES)
    table = abundance_table(draws)
    annuli = table[(table["aperture"] != "integrated") & (table["diagnostic"] == "r23")]
    found = gradient_table(annuli, RADIUS_KPC, NoSmearing(), draws, np.random.default_rng(0))
    (row,) = found[found["estimator"] == "slope"]
    return str(row["flag"])
