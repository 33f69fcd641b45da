"""Stages of the pipeline, used one by one."""

from dataclasses import replace

import numpy as np
import pytest

from kurvs_pipeline import measure
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import ConfigurationError, MetadataError
from kurvs_pipeline.gas.attenuation import SURVEY_STACK
from kurvs_pipeline.gas.classes import StellarMass
from kurvs_pipeline.measured_galaxy import MeasuredGalaxy
from kurvs_pipeline.pipeline import Pipeline
from kurvs_pipeline.results.reading import read_results
from kurvs_pipeline.results.writing import write_results
from kurvs_pipeline.spectra.cubes import CalibratedCubes
from kurvs_sim import Galaxy, PointSpreadFunction, observe

PIPELINE = Pipeline(BinningScheme.parse("2x0.6"), seed=4)
REDSHIFT = 1.5


@pytest.fixture(scope="module")
def observation():
    """Return a bright mock in the bands of the four lines of both diagrams."""
    galaxy = Galaxy(redshift=REDSHIFT, inclination_deg=40.0)
    psf = PointSpreadFunction("gaussian", 0.6)
    return observe(galaxy, bands=["YJ", "H"], psf=psf, halpha_snr=150.0, seed=5)


@pytest.fixture(scope="module")
def located(observation):
    """Return the galaxy as it is found."""
    return PIPELINE.locate(observation)


def test_one_stage_after_the_other_is_the_pipeline(observation, located):
    whole = PIPELINE.run(observation)
    gas = PIPELINE.gas(PIPELINE.fit(located))
    for column in ("abundance", "err_low"):
        one, other = (table[column].value for table in (gas.abundances, whole.abundances))
        assert np.array_equal(one, other, equal_nan=True)
    found = PIPELINE.gradients(gas)["gradient"].value
    assert np.array_equal(found, whole.gradients["gradient"].value, equal_nan=True)


@pytest.fixture(scope="module")
def nearer():
    """Return the lines of a mock at z = 0.9 whose H-beta lies outside its one band."""
    galaxy = Galaxy(redshift=0.9, inclination_deg=40.0, effective_radius_arcsec=0.6)
    psf = PointSpreadFunction("gaussian", 0.6)
    return PIPELINE.fit(PIPELINE.locate(observe(galaxy, bands=["YJ"], psf=psf, seed=5)))


def test_a_galaxy_at_another_redshift_is_not_given_the_dust_of_the_survey_s(nearer):
    gas = PIPELINE.gas(nearer)
    assert list(gas.attenuation["source"]) == ["none"] * 3
    assert not np.isfinite(gas.attenuation["a_v"]).any()
    (note,) = [
        note for note in gas.assumptions if note.startswith("A_V of integrated, A, B is not")
    ]
    assert "--attenuation" in note
    assert "--stack-attenuation" in note


def test_the_dust_of_the_survey_s_stack_is_taken_on_request_and_said_to_be(nearer):
    gas = replace(PIPELINE, assumed_attenuation=SURVEY_STACK).gas(nearer)
    assert list(gas.attenuation["source"]) == ["stack"] * 3
    assert gas.attenuation["a_v"][0].value == pytest.approx(0.38)
    assert any("A_V of integrated, A, B is that of the survey" in n for n in gas.assumptions)


def test_priors_of_the_forward_estimators_are_among_the_assumptions(nearer, observation):
    gas = PIPELINE.gas(nearer)
    beyond = MeasuredGalaxy.of(gas, PIPELINE.gradients(gas)).assumptions
    within = PIPELINE.run(observation).assumptions
    for notes in (beyond, within):
        assert any("12 + log(O/H) there as 8.5 ± 0.6" in note for note in notes)
        assert any("galaxies at z ~ 1.5, 0 ± 0.04 dex/kpc" in note for note in notes)
        assert any("infinitely thin" in note for note in notes)
    assert any("at z = 0.9 nothing says that they are" in note for note in beyond)
    assert not any("nothing says" in note for note in within)


def test_one_call_is_a_pipeline_and_its_run(observation):
    mass = StellarMass(11.5, 0.1)
    found = measure(observation, scheme=PIPELINE.scheme, seed=PIPELINE.seed, stellar_mass=mass)
    whole = PIPELINE.run(observation, stellar_mass=mass)
    for name in ("abundances", "gradients", "mass_excitation"):
        one, other = getattr(found, name), getattr(whole, name)
        assert one.pformat() == other.pformat()
    with pytest.raises(TypeError, match="bining"):
        measure(observation, bining=PIPELINE.scheme)


def test_the_frame_has_the_redshift_of_the_galaxy(located):
    error = located.frame.redshift_err
    assert located.metadata.redshift == pytest.approx(REDSHIFT, abs=5.0 * error)
    assert 0.0 < error < 1e-4


def test_apertures_are_placed_where_the_radius_says(located):
    assert located.apertures.names == ("integrated", "A", "B")
    # 8.70 kpc an arcsec at z = 1.5 for H0 = 67.3, Omega_m = 0.315 (Planck Collaboration 2014).
    assert located.radius_kpc == pytest.approx([0.3 * 8.70, 0.9 * 8.70], rel=0.003)


def test_another_scheme_keeps_noise_centre_and_redshift(observation, located):
    other = located.with_scheme(BinningScheme.parse("3x0.4"))
    assert other.apertures.names == ("integrated", "A", "B", "C")
    assert other.frame is located.frame
    assert other.cubes is located.cubes
    # All but the background, which lies outside the last annulus of either scheme.
    directly = Pipeline(BinningScheme.parse("3x0.4")).locate(observation)
    np.testing.assert_array_equal(other.apertures.weights, directly.apertures.weights)


def test_annuli_are_the_apertures_without_the_integrated_one(located):
    annuli = located.apertures.annuli
    assert annuli.names == ("A", "B")
    np.testing.assert_array_equal(
        located.apertures.integrated_weights, located.apertures.weights[0]
    )


@pytest.mark.parametrize(("log_mass", "found"), [(8.0, "star_forming"), (11.5, "agn")])
def test_the_mass_decides_the_class_at_the_same_excitation(observation, log_mass, found):
    galaxy = PIPELINE.run(observation, stellar_mass=StellarMass(log_mass, 0.1))
    (row,) = galaxy.mass_excitation
    assert row["aperture"] == "integrated"
    assert row["class_mass_excitation"] == found
    assert row["log_stellar_mass"].value == log_mass


def test_the_class_is_read_back(observation, tmp_path):
    galaxy = PIPELINE.run(observation, stellar_mass=StellarMass(10.0))
    write_results(galaxy, tmp_path)
    (row,) = read_results(tmp_path).mass_excitation
    for name in galaxy.mass_excitation.colnames:
        assert row[name] == galaxy.mass_excitation[name][0]


def test_without_a_mass_the_class_is_unknown(observation):
    (row,) = PIPELINE.run(observation).mass_excitation
    assert row["class_mass_excitation"] == "unknown"
    assert np.isnan(row["log_stellar_mass"])


@pytest.mark.parametrize(
    ("mass", "complaint"),
    [((2e10,), "--log-stellar-mass"), ((10.0, -0.1), "--log-stellar-mass-err"), ((3.0,), "is 3")],
)
def test_a_mass_that_is_no_logarithm_is_refused(mass, complaint):
    with pytest.raises(MetadataError, match=complaint):
        StellarMass(*mass)


def test_a_band_without_data_is_left_out_with_a_note(observation):
    emptied = observation.copy(deep=True)
    emptied["YJ"]["flux"] = emptied["YJ"]["flux"] * np.nan
    cubes = CalibratedCubes.of(emptied, PIPELINE.scheme)
    assert list(cubes.bands) == ["H"]
    assert "YJ has no voxel that can be used" in cubes.assumptions[-1]


@pytest.mark.parametrize("seed", [-1, 1.5, "a"])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(ConfigurationError, match=r"seed is .*; expected a whole number >= 0"):
        Pipeline(seed=seed)
