"""Designs of recoveries: which mocks they hold, and what is refused before any work."""

import re

import numpy as np
import pytest
from paths import EXAMPLES

from experiments.cli import execute
from experiments.recovery.config import load_recovery
from experiments.recovery.design import (
    DEFAULT_AXES,
    NAMES,
    Grid,
    LatinHypercube,
    MockList,
    MockParameters,
)
from experiments.recovery.experiment import RecoveryExperiment
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.fitting.coverage import LINE_FLAGS
from kurvs_pipeline.fluxes.joint import POOR_FIT

RANGES = {"gradient_dex_per_kpc": (-0.06, 0.02), "psf_beta": (2.5, 5.0)}


@pytest.fixture
def load(tmp_path):
    """Return a function that reads the text of a file."""

    def load(text, seed=1):
        path = tmp_path / "recovery.toml"
        path.write_text(text)
        return load_recovery(path, seed)

    return load


def with_gradients(*gradients):
    return Grid({**DEFAULT_AXES, "gradient_dex_per_kpc": gradients})


def test_a_grid_holds_every_combination_once():
    grid = Grid()
    galaxies = {grid.galaxy(index) for index in range(grid.n_galaxies)}
    assert len(galaxies) == 4 * 2 * 3
    assert grid.galaxy(0) == MockParameters(-0.08, 30.0, 0.3)
    assert grid.galaxy(1) == MockParameters(-0.08, 30.0, 0.5)


def test_a_latin_hypercube_has_one_galaxy_in_every_slice_of_every_range():
    cube = LatinHypercube(RANGES, n_galaxies=50, seed=3)
    galaxies = [cube.galaxy(index) for index in range(50)]
    for name, (low, high) in RANGES.items():
        values = np.array([getattr(galaxy, name) for galaxy in galaxies])
        slices = np.floor((values - low) / (high - low) * 50).astype(int)
        assert sorted(slices) == list(range(50))
    assert {galaxy.rotation_kms for galaxy in galaxies} == {MockParameters().rotation_kms}


def test_the_seed_decides_a_latin_hypercube():
    first, again, other = (LatinHypercube(RANGES, 5, seed).galaxy(2) for seed in (1, 1, 2))
    assert first == again != other


def test_realisations_are_of_the_same_galaxy():
    experiment = RecoveryExperiment(realisations=3)
    assert experiment.n_tasks == 72
    assert experiment.galaxy(5) == experiment.galaxy(5)


def test_clumps_dust_and_wings_are_in_the_galaxy():
    chosen = MockParameters(clump_fraction=0.3, dust_gradient_mag_per_kpc=-0.05, rotation_kms=90.0)
    experiment = RecoveryExperiment(MockList((chosen,)))
    galaxy = experiment.galaxy(0)
    radius_kpc = chosen.effective_radius_arcsec * galaxy.kpc_per_arcsec
    assert galaxy.structures[0].flux_fraction == 0.3
    assert galaxy.a_v(radius_kpc) == pytest.approx(0.38)
    assert galaxy.a_v(radius_kpc + 1.0) == pytest.approx(0.33)
    assert galaxy.rotation(1e9) == pytest.approx(90.0)


def test_the_gradients_that_a_refusal_offers_are_accepted():
    with pytest.raises(ConfigurationError) as caught:
        RecoveryExperiment(with_gradients(-0.2))
    offered = re.search(r"choose between (\S+) and (\S+)", str(caught.value))
    RecoveryExperiment(with_gradients(*map(float, offered.groups())))


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"gradient_dex_per_kpc": ()}, "gradient_dex_per_kpc is []"),
        ({"inclination_deg": (30.0, 30.0)}, "inclination_deg is [30.0, 30.0]"),
        ({"inclination_deg": (30.0, 90.0)}, "inclination_deg is [30.0, 90.0]"),
        ({"effective_radius_arcsec": (0.5, 0.0)}, "effective_radius_arcsec is [0.5, 0.0]"),
        ({"psf_beta": (1.0,)}, "psf_beta is [1.0]"),
        ({"clump_fraction": (1.5,)}, "clump_fraction is [1.5]"),
        ({"seeing_fwhm_arcsec": (3.0,)}, "seeing_fwhm_arcsec is [3.0]"),
        ({"halpha_snr": (1e300,)}, "halpha_snr is [1e+300]"),
    ],
)
def test_a_grid_that_cannot_be_simulated_is_refused(axes, message):
    with pytest.raises(ConfigurationError, match=re.escape(message)) as caught:
        Grid(axes)
    assert "expected" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"realisations": 0}, "realisations is 0"),
        ({"realisations": 10**9}, "realisations are 24000000000 mocks"),
        ({"redshift": 0.9}, "redshift is 0.9"),
        ({"bands": ("YJ",)}, "bands is ['YJ']"),
        ({"diagnostics": ("n3",)}, "diagnostics is ['n3']"),
        ({"diagnostics": ("n2", "n2o2")}, "n2o2, whose oii_3726 is at 0.932 um"),
        ({"diagnostics": ("n2", "n2")}, "diagnostics is ['n2', 'n2']"),
        ({"design": Grid({"dust_gradient_mag_per_kpc": (0.5,)})},
         "dust_gradient_mag_per_kpc goes from 0.5 to 0.5"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_refused_before_any_work(options, message):
    with pytest.raises(ConfigurationError, match=re.escape(message)) as caught:
        RecoveryExperiment(**options)
    assert "expected" in str(caught.value) or "choose between" in str(caught.value)


def test_a_result_has_room_for_every_flag_of_a_slope():
    doubts = (
        "unconstrained", "no_psf_or_radius", "two_bins", "turnover", "wrong_side", "side_unknown",
        "few_draws", *LINE_FLAGS, POOR_FIT,
    )  # fmt: skip
    result = RecoveryExperiment().template()
    place = {"diagnostic": "n2", "estimator": "slope"}
    result["flag"].loc[place] = "+".join(doubts)
    assert str(result["flag"].sel(place).item()).split("+") == list(doubts)


def test_a_file_states_a_grid(load):
    experiment = load(
        "realisations = 2\n[grid]\npsf_beta = [3.0, inf]\nhalpha_snr = [20.0]", seed=8
    )
    assert experiment == RecoveryExperiment(
        Grid({"psf_beta": (3.0, np.inf), "halpha_snr": (20.0,)}), realisations=2, seed=8
    )


def test_a_file_states_a_latin_hypercube(load):
    experiment = load("[latin_hypercube]\nn_galaxies = 7\ninclination_deg = [20.0, 60.0]")
    assert experiment.design == LatinHypercube({"inclination_deg": (20.0, 60.0)}, 7, seed=1)


def test_a_file_states_galaxies_one_by_one(load):
    text = "[[galaxies]]\nhalpha_snr = 30.0\n[[galaxies]]\nrotation_kms = 100.0"
    design = load(text).design
    assert design.galaxies == (MockParameters(halpha_snr=30.0), MockParameters(rotation_kms=100.0))


def test_the_example_is_what_its_comments_say():
    path = EXAMPLES / "recovery.toml"
    experiment = load_recovery(path, 1)
    assert experiment.n_tasks == 1000
    assert set(experiment.design.ranges) == set(NAMES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grid = 3", "grid is 3"),
        ("bands = ['H']", "states no design; expected one of [grid]"),
        ("[grid]\n[latin_hypercube]\nn_galaxies = 2", "states grid and latin_hypercube"),
        ("[grid]\nseeing = [0.6]", "unknown key grid.seeing; allowed here: gradient_dex_per_kpc"),
        (
            "[latin_hypercube]\ninclination_deg = [20.0, 60.0]",
            "latin_hypercube.n_galaxies is missing",
        ),
        (
            "[latin_hypercube]\nn_galaxies = 2\ninclination_deg = [60.0, 20.0]",
            "inclination_deg is [60.0",
        ),
        ("[grid", "is not TOML"),
        ("scheme = '3'\n[grid]", "binning scheme '3' not understood"),
        ("galaxies = []", "galaxies is empty"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(load, text, message):
    with pytest.raises(ConfigurationError, match=re.escape(message)) as caught:
        load(text)
    assert "recovery.toml: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_beside_a_file_are_refused(tmp_path, capsys):
    arguments = ["recover", "--config", str(tmp_path / "a.toml"), "--seeing", "0.5"]
    assert execute(arguments) == 2
    assert "--seeing with --config" in capsys.readouterr().err


def test_resuming_needs_the_place_of_the_run(capsys):
    assert execute(["recover", "--resume"]) == 2
    assert "give the --output DIR" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gradient_dex_per_kpc", 1e300),
        ("effective_radius_arcsec", 1e300),
        ("halpha_snr", 1e-300),
        ("dust_gradient_mag_per_kpc", -1e300),
        ("seeing_fwhm_arcsec", 0.02),
    ],
)
def test_what_no_galaxy_has_is_refused(name, value):
    with pytest.raises(ConfigurationError, match=f"^{name} is .*; expected a number from"):
        MockParameters(**{name: value})
