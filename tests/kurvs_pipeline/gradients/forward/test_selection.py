"""Which galaxies show a gradient depends on the gradient."""

import numpy as np
import pytest

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.gradients.forward.fluxes import ApertureFluxes
from kurvs_pipeline.gradients.forward.model import ForwardModel
from kurvs_pipeline.gradients.forward.profiles import InverseCalibration, NitrogenProfiles
from kurvs_pipeline.gradients.forward.selection import chance_of_bins
from kurvs_pipeline.smearing.matrix import InclinedDisk
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.smearing.sky_apertures import EllipseApertures

MODEL = ForwardModel(
    InclinedDisk(0.0), 0.5, 8.6, SeeingKnowledge(0.6),
    EllipseApertures(((0.0, 0.5), (0.5, 1.0), (1.0, 1.5))),
    NitrogenProfiles(InverseCalibration(DIAGNOSTICS["n2"])),
)  # fmt: skip
GRADIENTS = np.linspace(-0.2, 0.2, 9)


def fluxes_with(error):
    flux = MODEL.predict(np.zeros(1), MODEL.prior_mean[None]).flux
    return ApertureFluxes(flux, error**2 * np.eye(6).reshape(2, 3, 2, 3))


@pytest.mark.parametrize("fewest", [1, 2, 3])
def test_the_chance_is_how_often_noise_leaves_enough_annuli(fewest):
    fluxes = fluxes_with(0.015)
    found = chance_of_bins(MODEL, fluxes, MODEL.prior_mean, np.array([-0.02]), fewest=fewest)
    expected = MODEL.predict(np.array([-0.02]), MODEL.prior_mean[None]).flux
    drawn = expected + 0.015 * np.random.default_rng(1).standard_normal((20_000, 2, 3))
    enough = (drawn > 4.0 * 0.015).all(axis=1).sum(axis=1) >= fewest
    assert found[0] == pytest.approx(enough.mean(), abs=0.012)


def test_bright_galaxies_are_always_seen_and_dark_ones_never():
    bright, dark = (
        chance_of_bins(MODEL, fluxes_with(error), MODEL.prior_mean, GRADIENTS[3:6])
        for error in (1e-5, 1e3)
    )
    np.testing.assert_allclose(bright, 1.0)
    np.testing.assert_allclose(dark, 0.0, atol=1e-4)


def test_outer_disks_that_are_rich_in_metals_are_seen_more_often():
    chance = chance_of_bins(MODEL, fluxes_with(0.01), MODEL.prior_mean, GRADIENTS, fewest=3)
    assert (np.diff(chance[:6]) > 0.0).all()


def test_an_annulus_that_was_not_measured_cannot_be_detected():
    fluxes = fluxes_with(1e-5)
    flux = fluxes.flux.copy()
    flux[:, 1, 0] = np.nan
    found = chance_of_bins(
        MODEL, ApertureFluxes(flux, fluxes.covariance), MODEL.prior_mean, GRADIENTS, fewest=3
    )
    np.testing.assert_array_equal(found, 0.0)
