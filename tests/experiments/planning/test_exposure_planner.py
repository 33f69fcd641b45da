"""``kurvs plan``: exposures for an error of a gradient."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from astropy.table import QTable

from experiments.cli import execute
from experiments.planning.answer import verdict
from experiments.planning.planner import LONGEST_HOURS, ExposurePlanner
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.pipeline import Pipeline
from kurvs_sim import ExposureModel, Galaxy, observe
from kurvs_sim.effects.effects import Effects
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.survey.galaxies import kurvs_galaxy

RESOLVED, COMPACT = 4, 1


@pytest.fixture(scope="module")
def resolved():
    return ExposurePlanner(kurvs_galaxy(RESOLVED))


@pytest.fixture(scope="module")
def compact():
    return ExposurePlanner(kurvs_galaxy(COMPACT))


def test_the_error_is_the_one_that_the_pipeline_states_of_a_mock(resolved):
    cube = observe(
        resolved.galaxy, bands=("H",), noise=ExposureModel(), seed=3, within_kms_of_lines=3000.0,
        effects=Effects(covariance=NoiseCovariance()),
    )  # fmt: skip
    measured = Pipeline().run(cube)
    rows = measured.gradients
    row = rows[(rows["diagnostic"] == "n2") & (rows["estimator"] == "forward")][0]
    planned = resolved.gradient_error(resolved.reference_hours)
    assert planned == pytest.approx(row["gradient_err"].value, rel=0.35)
    snr = [measured.snr("integrated", line) for line in ("halpha", "nii_6584")]
    np.testing.assert_allclose(resolved.reference_snr, snr, rtol=0.2)


def test_a_bright_large_galaxy_gains_as_the_root_of_time(resolved):
    known = replace(resolved, seeing_known=True)
    ratio = known.gradient_error(20.0) / known.gradient_error(80.0)
    assert ratio == pytest.approx(2.0, rel=0.1)


def test_the_exposure_gives_the_error_that_was_asked_for(resolved):
    hours = resolved.hours_for(0.01)
    assert resolved.gradient_error(hours) == pytest.approx(0.01, rel=0.01)


def test_more_annuli_ask_for_less_time(resolved):
    narrow = replace(resolved, scheme=BinningScheme.parse("6x0.25"))
    assert narrow.hours_for(0.01) < resolved.hours_for(0.01)


def test_uncertain_seeing_sets_a_floor_for_compact_galaxies(compact):
    assert math.isinf(compact.hours_for(0.02))
    assert compact.gradient_error(LONGEST_HOURS) > 0.6 * compact.gradient_error(80.0)
    assert "with a star" in verdict(compact, 0.02)


def test_noise_beyond_photons_may_not_average_down(resolved):
    beyond_photons = 1.0 - ExposureModel().h.excess_noise ** -2
    found = resolved.relative_variance(1e6, persistent=True)
    assert found == pytest.approx(beyond_photons, rel=1e-3)
    assert resolved.gradient_error(1e6, persistent=True) > 0.9 * resolved.gradient_error(80.0)
    assert "no exposure does" in verdict(resolved, 0.005)


def test_faint_nitrogen_is_told(resolved):
    faint = replace(resolved, galaxy=replace(resolved.galaxy, halpha_flux=0.02))
    assert "[N II] is faint" in verdict(faint, 0.01)


def test_lines_outside_the_band_are_refused():
    with pytest.raises(ConfigurationError, match="H band"):
        ExposurePlanner(Galaxy(redshift=0.9))


def test_the_command_answers_and_writes(tmp_path, capsys):
    out = tmp_path / "out"
    assert execute(["plan", "examples/galaxy.toml", "--output", str(out)]) == 0
    assert "example: an error of 0.02 dex/kpc" in capsys.readouterr().out
    table = QTable.read(out / "plan.ecsv")
    assert np.all(np.diff(table["gradient_err"].value) < 0.0)
    assert (out / "plan.png").stat().st_size > 10_000
    assert json.loads((out / "run.json").read_text())["configuration"]["goal"] == 0.02


def test_bright_nitrogen_is_not_blamed_for_a_galaxy_that_is_too_small(resolved):
    tiny = replace(resolved.galaxy, effective_radius_arcsec=0.05, halpha_flux=5.0)
    answer = verdict(replace(resolved, galaxy=tiny), 0.001)
    assert "seeing and annuli are wide for 0.05 arcsec" in answer


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "--kurvs-id"),
        (["--kurvs-id", "37"], "37"),
        (["--kurvs-id", "4", "--goal", "0"], "--goal"),
        (["--kurvs-id", "4", "--scheme", "1x0.5"], "--scheme has 1 annulus"),
        (["--kurvs-id", "4", "--scheme", "2x3"], "aperture B (3-6 arcsec) has only 0%"),
    ],
)
def test_bad_options_are_told_in_one_line(tmp_path, capsys, arguments, told):
    assert execute(["plan", *arguments, "--output", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert told in message
    assert message.count("\n") == 1
