"""What the teaching demo shows: physics that is known, and the same for all who ask."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.demo.model.measurement import DemoMeasurement
from experiments.demo.model.parameters import (
    KURVS_9_HALPHA_SNR,
    SLIDERS,
    DemoParameters,
    presets,
)
from experiments.demo.model.sky import GRID, DemoSky, demo_galaxy, demo_psf
from experiments.demo.model.state import demo_state, intrinsic_maps
from kurvs_pipeline.errors import ConfigurationError
from kurvs_sim import ExposureModel, Numerics, PointSpreadFunction, SpaxelGrid
from kurvs_sim.expectation.errors import IntegratedExpectation
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.scene.scene import Scene
from kurvs_sim.survey.galaxies import kurvs_galaxy

GALAXY = DemoParameters()
BRIGHT = replace(GALAXY, halpha_snr=200.0, inclination_deg=0.0)


def arrays(state):
    maps = [getattr(part, name) for part in (state.intrinsic, state.observed)
            for name in ("halpha", "log_n2", "velocity_kms")]  # fmt: skip
    return [*maps, *vars(state.profiles).values(), *vars(state.spectra).values()]


def test_the_same_sliders_give_the_same_arrays():
    for first, again in zip(arrays(demo_state(GALAXY)), arrays(demo_state(GALAXY)), strict=True):
        np.testing.assert_array_equal(first, again)


def test_worse_seeing_flattens_the_slope():
    slopes = [
        demo_state(replace(BRIGHT, seeing_fwhm_arcsec=fwhm)).gradients.slope[1]
        for fwhm in (0.1, 0.4, 0.8, 1.2)
    ]
    assert slopes == sorted(slopes)
    assert slopes[0] < 0.7 * BRIGHT.gradient
    assert slopes[-1] > 0.3 * BRIGHT.gradient


@pytest.mark.parametrize("gradient", [-0.08, -0.03, 0.03])
def test_the_forward_fit_finds_the_gradient_of_a_face_on_galaxy(gradient):
    low, best, high = demo_state(replace(BRIGHT, gradient=gradient)).gradients.forward
    assert abs(best - gradient) < 3.0 * 0.5 * (high - low)
    assert high - low < 0.02


@pytest.mark.parametrize("wings", [0.0, 0.4])
def test_uniform_abundance_stays_uniform_behind_any_seeing(wings):
    flat = replace(GALAXY, gradient=0.0, psf_inverse_beta=wings, seeing_fwhm_arcsec=1.0)
    maps = DemoSky(flat).scene.smeared_line_maps
    log_ratio = np.log10(maps["nii_6584"] / maps["halpha"])
    assert np.ptp(log_ratio) < 1e-4


@pytest.mark.parametrize("wings", [0.0, 0.3])
@pytest.mark.parametrize("inclination", [30.0, 70.0])
def test_quick_maps_are_those_of_the_accurate_simulator(wings, inclination):
    parameters = replace(GALAXY, psf_inverse_beta=wings, inclination_deg=inclination)
    quick = DemoSky(parameters).scene.smeared_line_maps
    galaxy, psf = demo_galaxy(parameters), demo_psf(parameters)
    fine = replace(Numerics(), padding_arcsec=4.0)
    accurate = Scene(galaxy, GRID, psf, fine).smeared_line_maps
    for line in ("halpha", "nii_6584"):
        assert np.abs(quick[line] - accurate[line]).max() < 0.01 * accurate[line].max()
    # Light that wrapped around would show where there is little, in the ratio.
    visible = accurate["halpha"] > 1e-3 * accurate["halpha"].max()
    assert visible[0].any() or visible[:, 0].any()
    ratios = [maps["nii_6584"] / maps["halpha"] for maps in (quick, accurate)]
    np.testing.assert_allclose(ratios[0][visible], ratios[1][visible], rtol=0.02)


def test_moving_a_slider_keeps_the_draw_of_the_noise():
    def drawn(parameters):
        sky = DemoSky(parameters)
        return (sky.noisy_cube() - sky.cube) / sky.channel_sigma[:, None, None]

    np.testing.assert_allclose(
        drawn(GALAXY), drawn(replace(GALAXY, seeing_fwhm_arcsec=0.9, halpha_snr=20.0)), atol=1e-6
    )


def test_new_noise_is_another_draw_of_the_same_galaxy():
    other = GALAXY.with_new_noise()
    first, second = demo_state(GALAXY), demo_state(other)
    np.testing.assert_array_equal(first.intrinsic.halpha, second.intrinsic.halpha)
    assert first.gradients.slope[1] != second.gradients.slope[1]


def test_halpha_has_the_signal_to_noise_ratio_of_the_slider():
    snr = [
        DemoMeasurement(DemoSky(replace(GALAXY, noise_seed=seed))).fits.snr[0, 0]
        for seed in range(6)
    ]
    assert np.mean(snr) == pytest.approx(GALAXY.halpha_snr, rel=0.05)


def test_dust_moves_the_light_but_not_the_ratio_of_close_lines():
    clear, dusty = (
        intrinsic_maps(DemoSky(replace(GALAXY, dust_gradient=gradient))) for gradient in (0.0, -0.3)
    )
    assert np.abs(dusty.log_n2 - clear.log_n2).max() < 0.01
    assert dusty.halpha[14, 27] > 1.5 * clear.halpha[14, 27]
    assert dusty.halpha[14, 14] < 0.8 * clear.halpha[14, 14]


def test_a_face_on_galaxy_does_not_rotate_and_has_round_annuli():
    state = demo_state(BRIGHT)
    assert np.nanmax(np.abs(state.observed.velocity_kms)) < 1e-6
    for outline, edge in zip(state.outlines_arcsec, (0.5, 1.0, 1.5), strict=True):
        np.testing.assert_allclose(np.hypot(*outline), edge)


def test_the_receding_side_is_to_the_right():
    velocity = demo_state(GALAXY).intrinsic.velocity_kms
    assert velocity[14, 20] > 50.0 > -50.0 > velocity[14, 7]


def test_faint_annuli_become_limits():
    profiles = demo_state(replace(GALAXY, halpha_snr=30.0)).profiles
    assert np.isfinite(profiles.abundance[0])
    assert np.isnan(profiles.abundance[-1])
    assert np.isnan(profiles.limit[0])


def test_narrower_annuli_are_more():
    names = [
        demo_state(replace(GALAXY, annulus_width_arcsec=width)).annulus_names
        for width in (0.2, 0.3, 0.5, 0.75)
    ]
    assert [len(of) for of in names] == [7, 5, 3, 2]


def test_every_corner_of_the_sliders_has_a_state():
    random = np.random.default_rng(5)
    ends = np.array([(slider.low, slider.high) for slider in SLIDERS])
    for _ in range(12):
        chosen = ends[np.arange(len(ends)), random.integers(0, 2, len(ends))]
        names = [slider.name for slider in SLIDERS]
        state = demo_state(DemoParameters(**dict(zip(names, map(float, chosen), strict=True))))
        assert np.isfinite(state.intrinsic.halpha).all()
        assert np.isfinite(state.observed.halpha).any()


@pytest.mark.parametrize(
    "impossible",
    [{"halpha_snr": 0.0}, {"halpha_snr": -3.0}, {"halpha_snr": float("nan")},
     {"annulus_width_arcsec": 0.0}, {"noise_seed": -1}],
)  # fmt: skip
def test_what_no_galaxy_can_be_shown_with_is_refused(impossible):
    with pytest.raises(ConfigurationError, match=next(iter(impossible))):
        DemoParameters(**impossible)


def test_a_state_survives_its_url():
    for parameters in (GALAXY, *presets().values()):
        assert DemoParameters.from_query(parameters.as_query()) == (parameters, ())


def test_presets_stand_on_the_sliders():
    assert all(parameters == parameters.on_sliders() for parameters in presets().values())


@pytest.mark.parametrize(
    ("query", "field", "value", "told"),
    [
        ({"seeing_fwhm_arcsec": "9"}, "seeing_fwhm_arcsec", 1.2, "set to 1.20, the most"),
        ({"gradient": "-3"}, "gradient", -0.1, "set to -0.100, the least"),
        ({"halpha_snr": "many"}, "halpha_snr", 60.0, "not a number"),
        ({"inclination_deg": "nan"}, "inclination_deg", 45.0, "not a number"),
        ({"noise_seed": "-1"}, "noise_seed", 0, "set to 0, the least"),
        ({"colour": "red"}, "gradient", -0.05, "colour is no parameter"),
    ],
)
def test_bad_parameters_of_a_url_are_clamped_and_told(query, field, value, told):
    parameters, messages = DemoParameters.from_query(query)
    assert getattr(parameters, field) == value
    assert len(messages) == 1
    assert told in messages[0]


def test_what_somebody_wrote_in_a_url_cannot_become_part_of_the_page():
    _, (message,) = DemoParameters.from_query({"gradient": "<script>alert(1)</script>"})
    assert "<" not in message


def test_the_preset_of_a_survey_galaxy_is_as_noisy_as_its_exposures():
    scene = Scene(kurvs_galaxy(9), SpaxelGrid(), PointSpreadFunction(), Numerics())
    expected = IntegratedExpectation(scene, ExposureModel(), NoiseCovariance()).expected("halpha")
    assert expected.calibrated_snr == pytest.approx(KURVS_9_HALPHA_SNR, rel=0.01)
    assert abs(presets()["KURVS 9"].halpha_snr - expected.calibrated_snr) < 2.5
