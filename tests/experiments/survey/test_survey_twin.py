"""Twins of the survey: that they are its galaxies, and that they are measured as it was."""

import numpy as np
import pytest

from experiments.survey.measurement import (
    corrected_slope,
    forward_of,
    measure_binnings,
    survey_draws,
)
from experiments.survey.procedure import LINES, RestSpectrum, survey_fluxes
from experiments.survey.tables import COLUMN_OF
from experiments.survey.twin import (
    DEFINITIONS,
    INTRINSIC,
    TWIN_NUMERICS,
    TwinGalaxy,
    gradient_limits,
    schemes,
    survey_noise,
    twin,
    with_gradient,
)
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.gradients.corrected import central_interval, intrinsic_gradients
from kurvs_pipeline.pipeline import Pipeline
from kurvs_sim import Numerics, PointSpreadFunction, SpaxelGrid
from kurvs_sim.profiles.radial import Linear
from kurvs_sim.scene.scene import Scene
from kurvs_sim.survey.catalogue import AIR_TO_VACUUM, kurvs_catalogue
from kurvs_sim.survey.galaxies import GradientDistribution

TWO_BINS_OR_MORE = 23
"""A large galaxy, in all annuli of which [N II] is bright."""


def member(kurvs_id, intrinsic="scattered", seed=5):
    return next(m for m in twin(INTRINSIC[intrinsic], seed=seed) if m.kurvs_id == kurvs_id)


@pytest.fixture(scope="module")
def observed():
    one = member(TWO_BINS_OR_MORE)
    return one, one.observe()


@pytest.fixture(scope="module")
def binned(observed):
    return measure_binnings(observed[1], schemes())


def test_a_twin_has_the_geometry_of_table_a1():
    members = twin(INTRINSIC["scattered"], seed=1)
    assert [m.kurvs_id for m in members] == list(kurvs_catalogue())
    for galaxy, entry in zip((m.galaxy for m in members), kurvs_catalogue().values(), strict=True):
        assert galaxy.inclination_deg == entry.inclination_deg
        assert galaxy.effective_radius_arcsec == entry.effective_radius_arcsec
        assert galaxy.position_angle_deg % 180.0 == entry.position_angle_deg
        assert (1.0 + galaxy.redshift) * AIR_TO_VACUUM == pytest.approx(
            1.0 + entry.published_redshift
        )


def test_draws_follow_the_seed_and_the_galaxy_alone():
    first, again, other = (twin(INTRINSIC["scattered"], seed=seed) for seed in (1, 1, 2))
    assert [m.gradient for m in first] == [m.gradient for m in again]
    assert all(a.gradient != b.gradient for a, b in zip(first, other, strict=True))
    assert len({m.draws_seed for m in first}) == len(first)


def test_gradients_have_the_intrinsic_scatter_where_the_calibrations_allow_it():
    distribution = INTRINSIC["scattered"]
    seeds = (np.random.SeedSequence(1, spawn_key=(n,)) for n in range(2000))
    drawn = np.array([TwinGalaxy(5, distribution, seed).gradient for seed in seeds])
    assert drawn.mean() == pytest.approx(0.0, abs=0.004)
    assert drawn.std() == pytest.approx(0.04, rel=0.05)


def test_centres_stay_within_the_calibrations():
    for one in twin(GradientDistribution(0.0, 0.2), seed=3):
        central = float(one.galaxy.oxygen_abundance(np.array(0.0)))
        assert Linear.minimum - 1e-9 <= central <= Linear.maximum + 1e-9


def test_steep_gradients_are_as_steep_as_the_largest_galaxies_can_have_them():
    steep = {m.kurvs_id: m.gradient for m in twin(INTRINSIC["steep"], seed=1)}
    assert {number for number, gradient in steep.items() if gradient > -0.05} == {36, 41}
    assert steep[36] == gradient_limits(36)[0]


@pytest.mark.parametrize("kurvs_id", [26, 34])
def test_coarser_numerics_keep_line_ratios_of_annuli(kurvs_id):
    galaxy = with_gradient(kurvs_id, -0.04)

    def log_n2(numerics):
        scene = Scene(galaxy, SpaxelGrid(), PointSpreadFunction(), numerics)
        inside = np.diff([scene.fraction_within(r) for r in (0.0, 0.5, 1.0, 1.5)], axis=0)
        nii, halpha = (
            (inside * scene.moments(line)[0]).sum(axis=(1, 2)) for line in ("nii_6584", "halpha")
        )
        return np.log10(nii / halpha)

    assert log_n2(TWIN_NUMERICS) == pytest.approx(log_n2(Numerics()), abs=0.002)


def test_a_binning_among_several_is_measured_as_the_pipeline_measures_it(observed, binned):
    one, observation = observed
    scheme = schemes()[0]
    table = Pipeline(scheme, seed=one.draws_seed).run(observation).gradients
    row = table[(table["diagnostic"] == "n2") & (table["estimator"] == "slope_fgrad")][0]
    lines = binned[scheme]
    draws = survey_draws(lines.joint, lines.located, one.draws_seed)
    slope = corrected_slope("n2", draws, lines.located)
    assert slope.slope.n_bins == row["n_bins"] >= 2
    assert slope.gradient == pytest.approx(row["gradient"].value, rel=1e-6)
    # Of the table, the error of f_grad as well.
    intrinsic = intrinsic_gradients(DIAGNOSTICS["n2"], slope.drawn, lines.located.smearing())
    low, high = central_interval(intrinsic)
    assert 0.5 * (high - low) == pytest.approx(row["gradient_err"].value, rel=1e-6)
    forward = forward_of(lines, ("n2",), one.draws_seed)
    expected = table[(table["diagnostic"] == "n2") & (table["estimator"] == "forward")][0]
    # What other lines of the band share with [N II] is left out here.
    near = 1e-3 * expected["gradient_err"].value
    assert forward[0]["gradient"] == pytest.approx(expected["gradient"].value, abs=near)


def test_lines_are_those_of_the_survey_step_by_step():
    one = member(5, "flat", seed=3)
    observation = one.observe(within_kms_of_lines=None)
    (galaxy,) = measure_binnings(observation, schemes()[:1]).values()
    located = galaxy.located
    found = survey_fluxes(galaxy, survey_noise(5))
    for band, columns in {"H": (0, 1), "YJ": (2, 3)}.items():
        for aperture in (0, 1):
            steps = RestSpectrum.of_cube(
                observation[band].to_dataset(), band=band,
                redshift=located.metadata.redshift,
                weights=located.apertures.weights[aperture],
                velocity_kms=located.frame.maps.velocity_kms,
            ).fit()  # fmt: skip
            for line, flux in zip(columns, steps.flux, strict=True):
                assert found.flux[aperture, line] == pytest.approx(
                    flux, abs=steps.stated_error, rel=0.05
                )
                assert found.flux_err[aperture, line] == pytest.approx(steps.stated_error, rel=0.25)


def test_the_survey_states_smaller_errors_than_the_errors_made(binned):
    lines = binned[schemes()[0]]
    stated = survey_fluxes(lines, survey_noise(TWO_BINS_OR_MORE)).error_of("hbeta")[0]
    assert stated < lines.joint.error_of("hbeta")[0]
    assert set(LINES) <= set(lines.joint.names)


def test_columns_of_the_page_name_the_twin_as_such():
    assert COLUMN_OF["survey"] == "Li et al. (2025)"
    assert all(COLUMN_OF[definition].startswith("twin, ") for definition in DEFINITIONS)
