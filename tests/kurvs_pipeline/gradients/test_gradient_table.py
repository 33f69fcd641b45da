"""Errors of gradients hold every draw of the noise, with the bins that it would have detected."""

import numpy as np
import pytest

from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.gas.abundances import abundance_table
from kurvs_pipeline.gas.attenuation import Attenuation
from kurvs_pipeline.gas.draws import AbundanceDraws
from kurvs_pipeline.gradients.table import gradient_table

RADIUS_KPC = np.array([2.0, 6.0, 10.0])
HALPHA, NII_TO_HALPHA = 100.0, 0.2


class MultipliesGradients:
    """Smearing that divides every gradient by a factor, whatever the bins."""

    reference_gradient = -0.02
    is_known = False

    def __init__(self, factor=2.0, offset=0.0):
        self.factor, self.offset = factor, offset

    def f_grad(self, *_, **__):
        return self.factor

    def intrinsic_gradients(self, observed, *_, **__):
        return self.factor * observed + self.offset


APERTURES = ("integrated", "A", "B", "C")


def gradients(nii_snr, *, halpha_snr=1000.0, nii_to_halpha=NII_TO_HALPHA, seed=1, f_grad=2.0,
              offset=0.0):  # fmt: skip
    """Return the gradients by N2 of annuli with [N II] at these S/N."""
    nii = np.broadcast_to(nii_to_halpha, 3) * HALPHA
    flux = np.stack([np.full(3, HALPHA), nii], axis=1)
    error = np.stack([np.full(3, HALPHA / halpha_snr), nii / np.array(nii_snr)], axis=1)
    flux, error = (np.concatenate([array[:1], array]) for array in (flux, error))
    covariance = error[:, :, None] ** 2 * np.eye(2)
    no_dust = Attenuation(np.zeros(4), np.zeros(4), np.full(4, "stack"))
    draws = AbundanceDraws.of(
        JointFluxes(APERTURES, ("halpha", "nii_6584"), flux, covariance), no_dust,
        np.random.default_rng(seed),
    )  # fmt: skip
    abundances = abundance_table(draws)
    annuli = abundances[abundances["aperture"] != "integrated"]
    smearing = MultipliesGradients(f_grad, offset)
    table = gradient_table(annuli, RADIUS_KPC, smearing, draws, np.random.default_rng(0))
    return {str(row["estimator"]): row for row in table if row["diagnostic"] == "n2"}


def test_bright_bins_give_the_error_of_the_weighted_line():
    snr = np.array([50.0, 30.0, 20.0])
    abundance_err = 0.63 / np.log(10.0) / snr  # Bian et al. (2018): 8.98 + 0.63 N2
    _, covariance = np.polyfit(RADIUS_KPC, np.zeros(3), 1, w=1.0 / abundance_err, cov="unscaled")
    found = gradients(snr)["slope"]
    assert found["gradient_err"].value == pytest.approx(np.sqrt(covariance[0, 0]), rel=0.06)
    assert found["drawn_fraction"] == 1.0


def test_the_interval_surrounds_the_gradient():
    found = gradients([50.0, 30.0, 20.0], nii_to_halpha=[0.3, 0.2, 0.15])["slope"]
    assert found["gradient_low"] < found["gradient"] < found["gradient_high"]


def test_a_bin_at_the_limit_is_lost_in_half_of_the_draws():
    found = gradients([50.0, 4.001, 1.0])["slope"]
    assert found["n_bins"] == 2
    # The third bin, at 1 sigma, is detected in 0.1 per cent of draws.
    assert found["drawn_fraction"] == pytest.approx(0.5, abs=0.03)


def test_losing_bins_makes_the_error_larger_than_that_of_the_line():
    # Steep, so that which bins are used changes the slope.
    steep = gradients([50.0, 30.0, 4.5], nii_to_halpha=[0.2, 0.2, 0.02])["slope"]
    three = 0.63 / np.log(10.0) / np.array([50.0, 30.0, 4.5])
    _, covariance = np.polyfit(RADIUS_KPC, np.zeros(3), 1, w=1.0 / three, cov="unscaled")
    assert steep["gradient_err"].value > 1.5 * np.sqrt(covariance[0, 0])


def test_the_corrected_gradient_and_its_interval_are_corrected_alike():
    found = gradients([50.0, 30.0, 20.0], nii_to_halpha=[0.3, 0.2, 0.15])
    for column in ("gradient", "gradient_err", "gradient_low", "gradient_high"):
        assert found["slope_fgrad"][column] == 2.0 * found["slope"][column]


@pytest.mark.parametrize("offset", [-0.3, 0.3])
def test_an_interval_by_other_corrections_reaches_to_the_gradient(offset):
    found = gradients([50.0, 30.0, 20.0], nii_to_halpha=[0.3, 0.2, 0.15], offset=offset)
    row = found["slope_fgrad"]
    assert row["gradient_low"] <= row["gradient"] <= row["gradient_high"]
    assert row["gradient_err"].value > 0.5 * abs(offset)


def test_a_slope_lies_in_its_interval_although_most_draws_lose_an_annulus():
    # Draws in which the faint annulus is seen at all are those that noise made brighter.
    for seed in range(5):
        row = gradients([50.0, 4.01, 1.0], nii_to_halpha=[0.2, 0.02, 0.02], seed=seed)["slope"]
        assert "few_draws" in row["flag"]
        assert row["gradient_low"] <= row["gradient"] <= row["gradient_high"]


def test_a_correction_beyond_every_known_gradient_is_told():
    found = gradients([50.0, 30.0, 20.0], nii_to_halpha=[0.3, 0.2, 0.15], f_grad=1e5)
    assert abs(found["slope_fgrad"]["gradient"].value) > 0.4
    assert found["slope_fgrad"]["flag"] == "unconstrained"
    assert found["slope"]["flag"] == "ok"


def test_fewer_than_two_bins_give_no_gradient_and_no_error():
    found = gradients([50.0, 2.0, 1.0])["slope_fgrad"]
    assert found["flag"] == "too_few_bins"
    assert np.isnan(
        [found[name].value for name in ("gradient", "gradient_err", "gradient_low")]
    ).all()


def test_a_seed_gives_the_same_errors():
    first, again = (gradients([10.0, 8.0, 6.0])["slope"] for _ in range(2))
    assert first["gradient_err"] == again["gradient_err"]
