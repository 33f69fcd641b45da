"""Noise that neighbours share: the stated correlations, and no more noise than stated."""

import subprocess
import sys

import numpy as np
import pytest
from mock_checks import assert_is_a_value

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.spectra.noise import measure_correlation
from kurvs_sim import Galaxy, SpaxelGrid, observe
from kurvs_sim.effects.effects import Effects
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.random_streams import Stream, generator

NATIVE = SpaxelGrid(n_x=14, n_y=14, spaxel_arcsec=0.2)
RESAMPLED = SpaxelGrid(n_x=28, n_y=28, spaxel_arcsec=0.1)


def drawn(grid, *, seed=3, covariance=None, n_channels=2048):
    random = generator(seed, KMOS_BANDS["YJ"], Stream.CORRELATED_NOISE)
    return (covariance or NoiseCovariance()).draw(random, n_channels, grid).astype(float)


def lag_correlation(noise, lag):
    n = [size - step for size, step in zip(noise.shape, lag, strict=True)]
    here = noise[: n[0], : n[1], : n[2]]
    there = noise[lag[0] :, lag[1] :, lag[2] :]
    return float((here * there).mean())


@pytest.mark.parametrize(
    ("lag", "expected"),
    [
        ((0, 0, 1), 0.42), ((0, 0, 2), 0.0), ((0, 1, 0), 0.27), ((0, 2, 0), 0.0),
        ((0, 1, 1), 0.42 * 0.27), ((1, 0, 0), 0.07), ((2, 0, 0), 0.0), ((1, 0, 1), 0.07 * 0.42),
    ],
)  # fmt: skip
def test_native_neighbours_correlate_as_stated(lag, expected):
    assert lag_correlation(drawn(NATIVE), lag) == pytest.approx(expected, abs=0.01)


def triangle_on_two_taps(rho, offset, phase):
    """Covariance of two interpolated values, from the lags -2 to 2 of what they interpolate."""

    def native(lag):
        return {0: 1.0, 1: rho}.get(abs(lag), 0.0)

    def corners(position):
        left = int(np.floor(position))
        return ((left, 1.0 - position + left), (left + 1, position - left))

    def covariance(p, q):
        return sum(a * b * native(i - j) for i, a in corners(p) for j, b in corners(q))

    other = phase + offset
    return covariance(phase, other) / np.sqrt(covariance(phase, phase) * covariance(other, other))


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
def test_resampling_adds_the_covariance_of_linear_interpolation(steps):
    """Half-size spaxels lie a quarter of a native spaxel either side of a native centre."""
    both = [triangle_on_two_taps(0.42, 0.5 * steps, phase) for phase in (0.25, 0.75)]
    measured = lag_correlation(drawn(RESAMPLED), (0, 0, steps))
    assert measured == pytest.approx(np.mean(both), abs=0.02)


@pytest.mark.parametrize("grid", [NATIVE, RESAMPLED, SpaxelGrid(13, 9, 0.15)])
def test_every_spaxel_keeps_unit_variance_to_the_edge_of_the_field(grid):
    noise = drawn(grid, n_channels=8192)
    # A channel is worth 1 / (1 + 2 x 0.07^2) independent ones: no matter.
    assert (noise**2).mean(axis=0) == pytest.approx(1.0, abs=5.0 * np.sqrt(2.0 / 8192))
    assert noise.mean() == pytest.approx(0.0, abs=0.01)


def test_without_correlation_native_noise_is_white():
    noise = drawn(NATIVE, covariance=NoiseCovariance(0.0, 0.0, 0.0))
    for lag in ((0, 0, 1), (0, 1, 0), (1, 0, 0)):
        assert lag_correlation(noise, lag) == pytest.approx(0.0, abs=0.01)


def test_the_sum_of_an_aperture_scatters_as_the_covariance_says():
    covariance = NoiseCovariance()
    radius = np.hypot(RESAMPLED.x_arcsec[None, :], RESAMPLED.y_arcsec[:, None])
    weights = np.clip(8.0 - 10.0 * radius, 0.0, 1.0)
    sums = (drawn(RESAMPLED, n_channels=8192) * weights).sum(axis=(1, 2))
    expected = covariance.coadded_variance_factor(weights, RESAMPLED) * (weights**2).sum()
    assert sums.var() == pytest.approx(expected, rel=5.0 * np.sqrt(2.0 / 8192))


@pytest.fixture(scope="module")
def mocks():
    galaxy, effects = Galaxy(redshift=1.5), Effects(covariance=NoiseCovariance())
    clean = observe(galaxy, bands=("H",), halpha_snr=None, effects=effects)["H"]
    noisy = observe(galaxy, bands=("H",), seed=5, effects=effects)["H"]
    white = observe(galaxy, bands=("H",), seed=5)["H"]
    return clean, noisy, white


def test_only_the_covariance_of_a_mock_changes(mocks):
    clean, noisy, _ = mocks
    normalised = ((noisy["flux"] - clean["flux"]) / np.sqrt(noisy["variance"])).to_numpy()
    assert normalised.astype(float).var() == pytest.approx(1.0, abs=0.02)
    # The same clean galaxy lies underneath.
    assert normalised.astype(float).mean() == pytest.approx(0.0, abs=0.02)


def test_the_pipeline_measures_the_covariance_that_was_put_in(mocks):
    clean, noisy, _ = mocks
    normalised = ((noisy["flux"] - clean["flux"]) / np.sqrt(noisy["variance"])).to_numpy()
    valid = np.ones(normalised.shape, dtype=bool)
    measured = measure_correlation(
        normalised.astype(float), valid, reach=5, line_sigma_channels=2.0
    )
    radius = np.hypot(noisy["x"].to_numpy()[None, :], noisy["y"].to_numpy()[:, None])
    weights = (radius < 0.75).astype(float)
    factor = measured.coadded_variance(weights) / weights.sum()
    # A line two channels wide overlaps with itself one channel on by exp(-1/16).
    channels = 1.0 + 2.0 * NoiseCovariance().correlation_channels * np.exp(-1.0 / 16.0)
    expected = channels * NoiseCovariance().coadded_variance_factor(weights, SpaxelGrid())
    assert factor == pytest.approx(expected, rel=0.06)


def test_a_requested_signal_to_noise_ratio_counts_the_covariance(mocks):
    """The same ratio in an aperture asks for less noise a spaxel where neighbours share it."""
    _, noisy, white = mocks
    radius = np.hypot(noisy["x"].to_numpy()[None, :], noisy["y"].to_numpy()[:, None])
    factor = NoiseCovariance().coadded_variance_factor((radius < 0.75) * 1.0, SpaxelGrid())
    ratio = float((white["variance"] / noisy["variance"]).mean())
    # Channels add up to 1 + 2 x 0.07; fractions of spaxels at the edge of the aperture a little.
    assert factor < ratio < 1.16 * factor


def test_a_requested_signal_to_noise_ratio_is_found_in_correlated_noise():
    """Independent check: the scatter of least-squares fits to 300 co-added face-on spectra."""
    grid = SpaxelGrid(n_x=12, n_y=12, spaxel_arcsec=0.2)
    galaxy = Galaxy(inclination_deg=0.0, effective_radius_arcsec=0.4, redshift=1.5)
    covariance = NoiseCovariance()
    cube = observe(
        galaxy, bands=("H",), grid=grid, halpha_snr=None, effects=Effects(covariance=covariance)
    )["H"]
    fine = np.linspace(-0.1, 0.1, 41)
    weights = np.mean(
        [np.hypot(grid.x_arcsec + dx, grid.y_arcsec[:, None] + dy) <= 0.6
         for dx in fine for dy in fine], axis=0,
    )  # fmt: skip
    near = np.abs(cube["wavelength"].to_numpy() / (2.5 * 0.656461) - 1.0) < 2000.0 / 299792.458
    sigma = np.sqrt(cube["variance"].to_numpy()[:, 0, 0].astype(float))
    wavelength = cube["wavelength"].to_numpy()[near]
    spectrum = (cube["flux"].to_numpy() * weights).sum(axis=(1, 2))[near].astype(float)
    core = np.abs(wavelength / (2.5 * 0.656461) - 1.0) < 0.0008
    centre = (spectrum * wavelength)[core].sum() / spectrum[core].sum()
    width = np.sqrt((spectrum * (wavelength - centre) ** 2)[core].sum() / spectrum[core].sum())

    def gaussian(rest_um):
        offset = (wavelength - centre * rest_um / 0.656461) / width
        return offset, np.exp(-0.5 * offset**2)

    ratio = spectrum[np.argmin(np.abs(wavelength - centre * 0.658527 / 0.656461))] / spectrum.max()
    lines = [(1.0, *gaussian(0.656461)), (ratio, *gaussian(0.658527)),
             (ratio / 3.0, *gaussian(0.654986))]  # fmt: skip
    # A width that changes at constant flux: the coefficient of the line is then its flux.
    columns = [lines[0][2], lines[1][2] + lines[2][2] / 3.0,
               sum(a * u * g for a, u, g in lines), sum(a * (u**2 - 1.0) * g for a, u, g in lines),
               np.ones(wavelength.size)]  # fmt: skip
    design = np.stack(columns, axis=1) / sigma[near, None]
    drawn = [covariance.draw(np.random.default_rng(seed), 2048, grid)[near] for seed in range(300)]
    noise = np.stack([(draw * weights).sum(axis=(1, 2)) for draw in drawn], axis=1)
    scatter = np.linalg.lstsq(design, noise, rcond=None)[0][0].std()
    halpha = np.linalg.lstsq(design, spectrum / sigma[near], rcond=None)[0][0]
    assert halpha / scatter == pytest.approx(54.0, rel=4.0 / np.sqrt(600.0))


def test_other_processes_draw_the_same_noise_whatever_else_they_make():
    code = (
        "from kurvs_sim import Galaxy, SpaxelGrid, observe\n"
        "from kurvs_sim.effects.effects import Effects\n"
        "from kurvs_sim.instrument.noise_covariance import NoiseCovariance\n"
        "grid = SpaxelGrid(8, 8, 0.2)\n"
        "effects = Effects(covariance=NoiseCovariance())\n"
        "cube = observe(Galaxy(redshift=1.5), bands=BANDS, grid=grid, seed=9, effects=effects)\n"
        "import hashlib\n"
        "print(hashlib.sha256(cube['H']['flux'].to_numpy().tobytes()).hexdigest())\n"
    )
    digests = [
        subprocess.run(  # noqa: S603 - a fixed command
            [sys.executable, "-c", code.replace("BANDS", bands)],
            check=True, capture_output=True, text=True,
        ).stdout
        for bands in ("('H',)", "('YJ', 'H')")
    ]  # fmt: skip
    assert digests[0] == digests[1] != ""


def test_bands_and_seeds_have_streams_of_their_own():
    def first(seed, band, stream):
        return generator(seed, KMOS_BANDS[band], stream).standard_normal()

    noise = Stream.CORRELATED_NOISE
    draws = [first(0, "IZ", noise), first(0, "H", noise), first(1, "H", noise),
             first(0, "H", Stream.DEFECTS)]  # fmt: skip
    assert len(set(draws)) == len(draws)


def test_a_covariance_can_be_pickled():
    assert_is_a_value(NoiseCovariance(0.3, 0.2, 0.1))


@pytest.mark.parametrize(
    "options",
    [{"correlation_x": 0.6}, {"correlation_y": -0.1}, {"correlation_channels": float("nan")},
     {"native_spaxel_arcsec": 0.0}],
)  # fmt: skip
def test_an_impossible_covariance_is_refused_by_name(options):
    with pytest.raises(MetadataError, match=next(iter(options))):
        NoiseCovariance(**options)
