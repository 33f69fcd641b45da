"""Real KMOS cubes give what was measured from them by hand."""

import numpy as np
import pytest

from experiments.measuring.one_galaxy import nii_to_halpha
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.fitting.fit import fit_lines
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.io.fits.observation import read_observation
from kurvs_pipeline.pipeline import Pipeline
from kurvs_pipeline.spectra.calibration import around_lines, calibrate, near_lines
from kurvs_pipeline.spectra.coaddition import coadd

pytestmark = pytest.mark.real_data


def measure(path, redshift, scheme, **options):
    overrides = {"redshift": redshift, "inclination_deg": 0.0}
    observation = read_observation([path], overrides=overrides, **options)
    return Pipeline(BinningScheme.parse(scheme)).run(observation)


@pytest.fixture
def yj_galaxy(shared_data):
    return measure(shared_data / "real/cubes/ecdfsf3_ifu22.fits", 0.975, "3x0.4")


@pytest.fixture
def kurvs_9(shared_data):
    return measure(
        shared_data / "real/cubes/cdfs_30267_cube_median_sub.fits", 1.5396, "1x1.1",
        wavelength_start_um=1.661539, wavelength_step_um=2.158203e-4,
    )  # fmt: skip


def test_the_redshift_of_the_yj_galaxy_is_found(yj_galaxy):
    assert 0.9745 < yj_galaxy.metadata.redshift < 0.9757


def test_the_velocity_map_of_the_yj_galaxy_is_smooth_and_spans_200_km_s(yj_galaxy):
    maps = yj_galaxy.maps
    velocity = np.where(maps.measured, maps.velocity_kms, np.nan)
    assert np.nanpercentile(velocity, 2) == pytest.approx(-85.0, abs=25.0)
    assert np.nanpercentile(velocity, 98) == pytest.approx(95.0, abs=25.0)
    steps = np.abs(np.diff(velocity, axis=1))
    assert np.nanmax(steps) < 60.0


@pytest.mark.parametrize(
    ("aperture", "by_hand"),
    [(1, ((0.325, 0.034), (0.305, 0.018))), (2, ((0.317, 0.051), (0.289, 0.028)))],
)
def test_nii_to_halpha_in_rings_is_that_measured_by_hand(yj_galaxy, aperture, by_hand):
    ratio, error = nii_to_halpha(yj_galaxy)[aperture]
    for value, value_err in by_hand:
        assert abs(ratio - value) < 2.0 * np.hypot(error, value_err)


def test_nii_in_the_outer_ring_is_a_limit_with_its_error(yj_galaxy):
    rows = yj_galaxy.fluxes[yj_galaxy.fluxes["aperture"] == "C"]
    nii = rows[rows["line"] == "nii_6584"]
    assert nii["snr"][0] < 4.0
    assert nii["flux_err"][0].value > 0.0
    assert nii["upper_limit"][0].value == pytest.approx(4.0 * nii["flux_err"][0].value)
    outer = yj_galaxy.abundances[yj_galaxy.abundances["aperture"] == "C"]
    limits = dict(zip(outer["diagnostic"], outer["limit"], strict=True))
    assert {limits[name] for name in ("n2", "n2_analogues", "n2_marino13")} == {"upper"}


def test_kurvs_9_is_measured_from_a_cut_out_without_noise_and_with_a_wrong_header(kurvs_9):
    assert kurvs_9.metadata.redshift == pytest.approx(1.5396, abs=4e-4)
    ratio, _ = nii_to_halpha(kurvs_9)[1]
    assert ratio == pytest.approx(0.16, abs=0.06)
    measured = kurvs_9.maps.velocity_kms[kurvs_9.maps.measured]
    amplitude = 0.5 * (np.percentile(measured, 97) - np.percentile(measured, 3))
    assert amplitude == pytest.approx(100.0, abs=20.0)


def test_channels_of_kurvs_9_that_oh_residuals_ride_weigh_little(kurvs_9):
    spectra = next(iter(kurvs_9.fits.values())).spectra
    assert spectra.valid[1, :40].all()
    noise = np.sqrt(spectra.variance[1])
    assert (noise[34:38] > 2.0 * np.median(noise[:33])).all()


RADII_ARCSEC = (0.15, 0.3, 0.5, 0.8)
EMPTY_REDSHIFTS = np.r_[0.57:0.96:0.0027, 0.995:1.025:0.0027]
"""H-alpha at 157 places of the band, away from that of the galaxy at 0.975."""


def apertures_at_random(x_arcsec, y_arcsec, radius_arcsec, number=40):
    rng = np.random.default_rng(0)
    x, y = (rng.uniform(axis.min() + radius_arcsec, axis.max() - radius_arcsec, number)
            for axis in (x_arcsec, y_arcsec))  # fmt: skip
    distance = np.hypot(x_arcsec - x[:, None, None], y_arcsec[:, None] - y[:, None, None])
    return (distance < radius_arcsec).astype(float)


def empty_pulls(dataset, redshift, weights):
    """Return flux over error of H-alpha in apertures, as the pipeline measures it at a redshift."""
    band = calibrate(around_lines(dataset, redshift), redshift=redshift, source_radius_arcsec=1.2)
    model = BandLineModel.for_band(
        band.wavelength_um, band.lsf_sigma_um, redshift, lines=("halpha",)
    )
    spectra = coadd(band, weights)
    fits = fit_lines(model, spectra.flux, spectra.variance, mask=~spectra.valid,
                     velocity_kms=0.0, sigma_kms=64.0)  # fmt: skip
    return fits.snr[:, 0].reshape(len(RADII_ARCSEC), -1)


@pytest.fixture(scope="module")
def pulls_by_radius(shared_data):
    """Return pulls of shape (n_apertures, n_places) by radius."""
    observation = read_observation(
        [shared_data / "real/cubes/ecdfsf3_ifu22.fits"], overrides={"redshift": 0.975}
    )
    dataset = observation["YJ"].to_dataset()
    of_galaxy = near_lines(dataset["wavelength"].to_numpy(), 0.9752)
    dataset["mask"] = dataset["mask"] | dataset["wavelength"].copy(data=of_galaxy)
    axes = dataset["x"].to_numpy(), dataset["y"].to_numpy()
    weights = np.concatenate([apertures_at_random(*axes, radius) for radius in RADII_ARCSEC])
    pulls = [empty_pulls(dataset, redshift, weights) for redshift in EMPTY_REDSHIFTS]
    return dict(zip(RADII_ARCSEC, np.stack(pulls, axis=-1), strict=True))


# Forty apertures of 0.8 arcsec see nearly the same; by wavelength, their scatter is good to 0.05.
SCATTERS_LESS = pytest.mark.xfail(
    reason="0.87 of the error: those of large apertures are too large"
)


@pytest.mark.statistical
@pytest.mark.parametrize("radius_arcsec", [0.15, 0.3, 0.5, pytest.param(0.8, marks=SCATTERS_LESS)])
def test_where_there_is_no_line_the_fluxes_scatter_by_their_errors(pulls_by_radius, radius_arcsec):
    assert np.nanstd(pulls_by_radius[radius_arcsec]) == pytest.approx(1.0, abs=0.10)
