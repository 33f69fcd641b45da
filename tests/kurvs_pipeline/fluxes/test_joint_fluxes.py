"""Lines of several bands joined into one vector with one covariance."""

from dataclasses import replace

import numpy as np
import pytest

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.fitting.fit import fit_lines
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fluxes.band_fit import BandFit
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.spectra.coaddition import ApertureSpectra

APERTURES = ("integrated", "A")
CALIBRATED = "1e-16 erg / (s cm2 um)"


def band_fit(name, *, noise=1.0, units=CALIBRATED, redshift=1.5):
    """Fit lines of equal flux in two apertures of one band."""
    band = KMOS_BANDS[name]
    model = BandLineModel.for_band(band.wavelength_um, band.lsf_sigma_um, redshift)
    flux = np.random.default_rng(1).normal(0.0, noise, (2, band.n_channels))
    n_groups = len(model.group_names)
    n_windows = len(model.windows)
    amplitudes = np.append(np.ones(n_groups), np.zeros(n_windows))
    flux[:, model.channels] += model.design(np.zeros(2), np.full(2, 60.0)) @ amplitudes
    variance = np.full(flux.shape, noise**2)
    fits = fit_lines(model, flux, variance)
    spectra = ApertureSpectra(flux, variance, np.ones(flux.shape, dtype=bool))
    return BandFit(model, spectra, fits, units, np.ones(2))


@pytest.fixture(scope="module")
def bands():
    return {name: band_fit(name) for name in ("H", "YJ", "IZ")}


def test_lines_of_all_bands_are_joined(bands):
    joint = JointFluxes.of(APERTURES, bands)
    assert {"halpha", "nii_6584", "hbeta", "oiii_5007", "oii_3726", "oii_3729"} <= set(joint.names)
    for name, band in (("halpha", "H"), ("hbeta", "YJ"), ("oii_3726", "IZ")):
        lines = bands[band].fits.to_lines()
        index = lines.names.index(name)
        assert np.array_equal(joint.of_line(name), lines.flux[:, index])
        assert joint.error_of(name) == pytest.approx(lines.flux_err[:, index])


def test_lines_covary_inside_a_band_only(bands):
    joint = JointFluxes.of(APERTURES, bands)
    at = {name: joint.names.index(name) for name in ("oii_3726", "oii_3729", "halpha")}
    assert joint.covariance[0, at["oii_3726"], at["oii_3729"]] != 0.0
    assert joint.covariance[0, at["oii_3726"], at["halpha"]] == 0.0


def test_the_error_of_a_pair_is_that_of_its_sum(bands):
    lines = bands["IZ"].fits.to_lines()
    total = lines.flux_err[:, lines.names.index("oii")]
    assert JointFluxes.of(APERTURES, bands).error_of("oii_3726", "oii_3729") == pytest.approx(total)


def test_draws_have_the_covariance(bands):
    joint = JointFluxes.of(APERTURES, bands)
    drawn = joint.draws(np.random.default_rng(2), 20_000)
    for name in ("halpha", "oii_3726"):
        assert drawn[name].std(axis=0) == pytest.approx(joint.error_of(name), rel=0.03)
    total = drawn["oii_3726"] + drawn["oii_3729"]
    assert total.std(axis=0) == pytest.approx(joint.error_of("oii_3726", "oii_3729"), rel=0.03)


@pytest.mark.parametrize("units", ["adu", "1e-17 erg / (s cm2 um)"])
def test_bands_in_another_unit_are_left_out(bands, units):
    mixed = bands | {"YJ": replace(bands["YJ"], units=units)}
    joint = JointFluxes.of(APERTURES, mixed)
    assert "hbeta" not in joint.names
    assert "oii_3726" in joint.names
    assert np.isnan(joint.of_line("hbeta")).all()


def test_counts_are_compared_within_a_band_only(bands):
    joint = JointFluxes.of(
        APERTURES, {name: replace(fit, units="adu") for name, fit in bands.items()}
    )
    assert {"halpha", "nii_6584"} <= set(joint.names)
    assert not {"hbeta", "oii_3726"} & set(joint.names)


def test_of_a_line_in_two_bands_the_better_counts():
    """At z = 1.08 [O III] lies where IZ and YJ overlap."""
    redshift = 1.08
    bands = {
        "H": band_fit("YJ", redshift=redshift),
        "noisy": band_fit("IZ", noise=30.0, redshift=redshift),
    }
    shared = set(bands["H"].model.group_names) & set(bands["noisy"].model.group_names)
    assert shared
    joint = JointFluxes.of(APERTURES, bands)
    lines = bands["H"].fits.to_lines()
    for name in shared:
        assert joint.error_of(name) == pytest.approx(lines.flux_err[:, lines.names.index(name)])


def test_chosen_lines_keep_the_noise_that_annuli_share():
    random = np.random.default_rng(5)
    shared = np.array([[1.0, 0.1, 0.2], [0.1, 1.0, 0.3], [0.2, 0.3, 1.0]])
    joint = JointFluxes(
        ("integrated", "A", "B", "C"), ("halpha", "nii_6584"), random.normal(1.0, 0.1, (4, 2)),
        np.tile(np.diag([4.0, 9.0]), (4, 1, 1)), np.stack([np.eye(3), shared]),
    )  # fmt: skip
    chosen = joint.of_lines(["nii_6584"])
    assert chosen.names == ("nii_6584",)
    np.testing.assert_array_equal(chosen.flux[:, 0], joint.flux[:, 1])
    assert chosen.covariance_of_annuli[0, 0, 0, 2] == pytest.approx(9.0 * 0.2)


def test_annuli_are_known_by_name_wherever_they_stand(bands):
    joint = JointFluxes.of(("A", "integrated"), bands)
    assert joint.annuli.apertures == ("A",)
    np.testing.assert_array_equal(joint.annuli.flux, joint.flux[:1])
