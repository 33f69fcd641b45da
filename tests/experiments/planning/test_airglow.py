"""Which sky lines a plan names, and the redshift without."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.planning.answer import airglow_verdict, verdict
from experiments.planning.planner import ExposurePlanner
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_sim import ExposureModel, Galaxy
from kurvs_sim.atmosphere.airglow import airglow_lines, oh_lines, sky_photon_rate
from kurvs_sim.instrument.spaxels import SpaxelGrid

HIT, CLEAN = 1.45, 1.455


@pytest.fixture(scope="module")
def planned():
    return {z: ExposurePlanner(Galaxy(redshift=z)) for z in (1.44, HIT, CLEAN, 1.46)}


def test_the_sky_line_is_the_brightest_one_on_the_line(planned):
    halpha = planned[HIT].airglow.hits[0]
    observed_um = 0.65646 * (1.0 + HIT)
    wavelength_um, rate = oh_lines()
    near = np.abs(wavelength_um / observed_um - 1.0) * 3e5 < 150.0
    assert halpha.line == "halpha"
    assert halpha.wavelength_um == wavelength_um[near][np.argmax(rate[near])]
    band = KMOS_BANDS["H"]
    assert abs(band.wavelength_um[halpha.channel] - halpha.wavelength_um) <= (
        0.5 * band.channel_width_um
    )


def test_the_lines_that_are_hit_are_those_whose_exposure_rises(planned):
    hit = {z: [h.line for h in planner.airglow.hits] for z, planner in planned.items()}
    assert hit == {1.44: [], HIT: ["halpha", "nii_6584"], CLEAN: [], 1.46: ["nii_6584"]}
    hours = {z: planner.hours_for(0.02) for z, planner in planned.items()}
    assert min(hours[HIT], hours[1.46]) > 2.0 * max(hours[1.44], hours[CLEAN])


def test_the_nearest_clean_redshift_asks_for_no_more_than_another(planned):
    clean = planned[HIT].airglow.clean_redshift
    assert abs(clean - HIT) < CLEAN - HIT
    there = replace(planned[HIT], galaxy=Galaxy(redshift=clean))
    assert there.hours_for(0.02) < 1.3 * planned[CLEAN].hours_for(0.02)
    assert planned[CLEAN].airglow.clean_redshift == CLEAN


def test_the_cause_is_told(planned):
    told = airglow_verdict(planned[HIT], 0.02)
    assert "sky line at 1.6080 um (channel 848 of H) lies 66 km/s from H-alpha" in told
    assert "nearest clean redshift, 1.45" in told
    assert airglow_verdict(planned[CLEAN], 0.02) == ""
    assert "as sky lines lie on its lines" in verdict(
        replace(planned[HIT], seeing_known=True), 0.0058
    )


def test_a_sky_of_nothing_but_lines_has_their_variance():
    dark = ExposureModel(read_noise_electrons=0.0, dark_current_electrons_per_s=0.0)
    band = KMOS_BANDS["H"]
    found = dark.airglow_fraction(band, SpaxelGrid())
    np.testing.assert_allclose(found, airglow_lines(band) / sky_photon_rate(band))
