"""What sky subtraction leaves: OH residuals, too much sky, wrong transmission."""

from importlib import resources

import numpy as np
import pytest

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import MetadataError
from kurvs_sim import Galaxy, NoiseModel, SpaxelGrid, observe
from kurvs_sim.atmosphere.airglow import flux_density_per_photon_rate, sky_photon_rate, transmission
from kurvs_sim.effects.effects import Effects
from kurvs_sim.effects.sky_residuals import SkyResiduals, _residual_shapes
from kurvs_sim.effects.sky_subtraction import SkyOversubtraction, TelluricResidual
from kurvs_sim.instrument.exposures import BandExposures, ExposureModel

GRID = SpaxelGrid(n_x=14, n_y=14, spaxel_arcsec=0.2)
YJ, H = KMOS_BANDS["YJ"], KMOS_BANDS["H"]
WAVELENGTH_ONLY = {"width_error": 0.0, "strength_error": 0.0}


def residual(effects, *, seed=0, band="H", noisy=False):
    """Return a mock with effects less one without, as float64."""
    options = {"bands": (band,), "grid": GRID, "seed": seed}
    options["halpha_snr"] = 54.0 if noisy else None
    galaxy = Galaxy(redshift=1.5)
    with_effects = observe(galaxy, effects=effects, **options)[band]["flux"]
    return (with_effects - observe(galaxy, **options)[band]["flux"]).to_numpy().astype(float)


def lone_line_um():
    """Return a bright OH line of H without any other within eight channels, and its rate."""
    text = resources.files("kurvs_sim").joinpath("data", "oh_lines.csv").read_text("utf-8")
    table = np.loadtxt(
        text.splitlines(),
        delimiter=",", comments=("#", "v"),
    )  # fmt: skip
    inside = table[(table[:, 0] > 1.48) & (table[:, 0] < 1.8)]
    bright = inside[np.argsort(-inside[:, 1])]
    for wavelength, rate in bright:
        others = inside[inside[:, 0] != wavelength]
        near = np.abs(others[:, 0] - wavelength) < 8.0 * H.channel_width_um
        if others[near, 1].sum() < 1e-3 * rate:
            return wavelength, rate
    raise AssertionError


def test_a_wavelength_error_leaves_p_cygni_shapes():
    """Theory: minus the derivative of a Gaussian, antisymmetric about the line."""
    centre, rate = lone_line_um()
    shape = _residual_shapes(H)[:, 0]
    offset = (H.wavelength_um - centre) / H.lsf_sigma_um
    near = np.abs(offset) < 4.0
    width = H.channel_width_um
    # Channels average over their width: the derivative becomes a difference of edges.
    sigma = H.lsf_sigma_um / width
    edges = np.exp(-0.5 * ((offset[:, None] + np.array([-0.5, 0.5]) / sigma) ** 2))
    derivative = -np.diff(edges, axis=1)[:, 0] / (np.sqrt(2.0 * np.pi) * sigma)
    expected = rate * derivative * flux_density_per_photon_rate(H)
    tolerance = 5e-3 * np.abs(expected[near]).max()
    np.testing.assert_allclose(shape[near], expected[near], rtol=0.0, atol=tolerance)
    blue, red = shape[near & (offset < 0)], shape[near & (offset > 0)]
    assert blue.min() < 0.0 < red.max()


def test_wavelength_and_width_errors_move_flux_but_add_none():
    rates = _residual_shapes(H) / flux_density_per_photon_rate(H)[:, None]
    total = np.abs(rates).sum(axis=0)
    assert np.abs(rates[:, :2].sum(axis=0)) == pytest.approx(0.0, abs=2e-3 * total.min())


def test_a_width_error_leaves_a_core_and_wings_of_the_other_sign():
    """A wider Gaussian loses flux within one standard deviation and gains beyond."""
    centre, _ = lone_line_um()
    offset = np.abs(H.wavelength_um - centre) / H.lsf_sigma_um
    shape = _residual_shapes(H)[:, 1]
    assert shape[offset < 0.7].max() < 0.0
    assert shape[(offset > 2.0) & (offset < 3.4)].min() > 0.0


def test_residuals_scale_with_the_strength_of_the_line():
    effects = Effects(sky_residuals=SkyResiduals())
    field = residual(effects).mean(axis=(1, 2))
    lines = _residual_shapes(H)[:, 2]
    assert (
        np.abs(field[lines > 30.0 * np.median(lines)]).mean()
        > 30.0 * np.abs(field[lines < 0.1 * np.median(lines)]).mean()
    )


def test_every_spaxel_of_a_slice_has_the_same_residual_and_slices_share_some():
    effects = Effects(sky_residuals=SkyResiduals(**WAVELENGTH_ONLY))
    amplitudes = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        cube = effects.sky_residuals.draw(random, H, GRID, n_exposures=480)[:, :, 0].astype(float)
        shape = _residual_shapes(H)[:, 0]
        amplitudes.append(shape @ cube / (shape @ shape) / GRID.spaxel_arcsec**2)
    drawn = np.array(amplitudes)
    expected = 0.05 / np.sqrt(480.0)
    # 60 draws share half of their variance over the field: 60 to 840 are independent.
    assert np.sqrt((drawn**2).mean()) == pytest.approx(expected, rel=0.3)
    correlation = (drawn[:, :7] * drawn[:, 7:]).mean() / (drawn**2).mean()
    assert correlation == pytest.approx(0.5, abs=0.25)
    field = residual(effects)
    np.testing.assert_allclose(
        field, field[:, :, :1] + 0.0 * field, atol=1e-3 * np.abs(field).max()
    )


def test_a_stack_of_four_times_the_exposures_keeps_half_of_each_error():
    def drawn(noise):
        options = {"bands": ("H",), "grid": GRID, "noise": noise, "halpha_snr": None}
        galaxy = Galaxy(redshift=1.5)
        flux = observe(galaxy, effects=Effects(sky_residuals=SkyResiduals()), **options)["H"][
            "flux"
        ]
        return (flux - observe(galaxy, **options)["H"]["flux"]).to_numpy()

    for few, many in (
        (NoiseModel(exposure_hours_h=20.0), NoiseModel(exposure_hours_h=80.0)),
        (ExposureModel(h=BandExposures(30, 0.3)), ExposureModel(h=BandExposures(120, 0.3))),
    ):
        kept = drawn(many)
        np.testing.assert_allclose(drawn(few), 2.0 * kept, atol=1e-3 * np.abs(kept).max())


def test_residuals_repeat_with_the_seed_and_leave_the_noise_alone():
    effects = Effects(sky_residuals=SkyResiduals())
    alone, with_noise = residual(effects, seed=4), residual(effects, seed=4, noisy=True)
    np.testing.assert_allclose(alone, with_noise, atol=2e-4 * np.abs(alone).max())
    assert not np.allclose(alone, residual(effects, seed=5))


def test_oversubtraction_takes_the_same_part_of_the_sky_from_every_spaxel():
    effects = Effects(sky_oversubtraction=SkyOversubtraction(1e-3, galaxy_fraction=0.0))
    taken = -residual(effects)
    sky = sky_photon_rate(H) * flux_density_per_photon_rate(H) * 0.2**2
    expected = np.broadcast_to(1e-3 * sky[:, None, None], taken.shape)
    np.testing.assert_allclose(taken, expected, rtol=1e-3, atol=1e-5)


def test_oversubtraction_takes_a_fraction_of_the_galaxy_s_flux():
    options = {"bands": ("H",), "grid": GRID, "halpha_snr": None}
    effects = Effects(sky_oversubtraction=SkyOversubtraction(0.0, galaxy_fraction=0.03))
    galaxy = Galaxy(redshift=1.5)
    less = observe(galaxy, effects=effects, **options)["H"]["flux"]
    all_of_it = observe(galaxy, **options)["H"]["flux"]
    assert float(less.sum() / all_of_it.sum()) == pytest.approx(0.97, rel=1e-4)
    assert float(less[:, 0, 0].min()) < 0.0


def test_a_telluric_residual_is_absorption_by_the_missed_optical_depth():
    """Beer and Lambert: five per cent more optical depth leaves T to the power of 0.05."""
    options = {"bands": ("YJ",), "grid": GRID, "halpha_snr": None}
    galaxy = Galaxy(redshift=0.975)
    effects = Effects(telluric_residual=TelluricResidual(0.05))
    seen = observe(galaxy, effects=effects, **options)["YJ"]["flux"].sum(("x", "y"))
    true = observe(galaxy, **options)["YJ"]["flux"].sum(("x", "y"))
    bright = (true > 1e-3 * true.max()).to_numpy()
    expected = np.exp(0.05 * np.log(transmission(YJ)[bright]))
    assert (seen / true).to_numpy()[bright] == pytest.approx(expected, rel=1e-5)
    assert expected.min() < 1.0


def test_one_photon_a_second_is_its_energy():
    """At 1 um a photon has 1.986e-12 erg: 1e-4 of them per s and cm2 in 2.1582e-4 um."""
    k = np.argmin(np.abs(H.wavelength_um - 1.6))
    expected = 1e-4 * 1.98645e-12 / H.wavelength_um[k] / 2.15820e-4 / 1e-16
    found = flux_density_per_photon_rate(H)[k] * transmission(H)[k]
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: SkyResiduals(wavelength_error_channels=-1.0), "wavelength_error_channels"),
        (lambda: SkyResiduals(common_fraction=1.1), "common_fraction"),
        (lambda: SkyResiduals(slice_arcsec=0.0), "slice_arcsec"),
        (lambda: SkyOversubtraction(sky_fraction=float("nan")), "sky_fraction"),
        (lambda: TelluricResidual(-1.5), "absorption_error"),
    ],
)
def test_an_impossible_error_is_refused_by_name(make, named):
    with pytest.raises(MetadataError, match=named):
        make()
