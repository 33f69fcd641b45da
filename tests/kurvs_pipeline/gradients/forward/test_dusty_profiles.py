"""Forward models of O3N2, N2O2 and R23: their lines, and gradients of simulated disks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.geometry import aperture_weights
from kurvs_pipeline.gradients.forward.dusty_profiles import DustyProfiles, profiles_of
from kurvs_pipeline.gradients.forward.estimator import ForwardFit
from kurvs_pipeline.gradients.forward.fluxes import ApertureFluxes
from kurvs_pipeline.gradients.forward.model import ForwardModel
from kurvs_pipeline.gradients.forward.profiles import InverseCalibration, NitrogenProfiles
from kurvs_pipeline.observation import metadata_of
from kurvs_pipeline.smearing.matrix import InclinedDisk
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.smearing.sky_apertures import SpaxelApertures
from kurvs_sim import Galaxy, observe
from kurvs_sim.profiles.radial import Constant, Linear

RADIUS_KPC = np.linspace(-4.0, 8.0, 5)
KPC_PER_ARCSEC = kpc_per_arcsec(1.5)


def dusty(name):
    return DustyProfiles(InverseCalibration(DIAGNOSTICS[name]))


def fluxes_of(profiles, abundance, extra):
    logs = profiles.log_profiles(abundance, extra, RADIUS_KPC)
    return dict(zip(profiles.lines, np.exp(logs.value[0]), strict=True))


@pytest.mark.parametrize("name", ["o3n2", "n2o2", "r23"])
@settings(max_examples=15)
@given(abundance=st.floats(8.2, 8.8), free=st.floats(-1.0, 0.3))
def test_lines_give_back_the_abundance_they_were_made_from(name, abundance, free):
    diagnostic = DIAGNOSTICS[name]
    lines = fluxes_of(dusty(name), np.full((1, 5), abundance), np.array([[free, 0.02, 0.0, 0.0]]))
    lines["oii_3726"] = lines["oii_3729"] = 0.5 * lines.get("oii", np.zeros(5))
    if not diagnostic.valid_range[0] <= abundance <= diagnostic.valid_range[1]:
        return
    np.testing.assert_allclose(diagnostic.from_fluxes(lines), abundance, atol=2e-3)


@pytest.mark.parametrize("name", ["o3n2", "n2o2", "r23"])
def test_derivatives_are_those_of_finite_differences(name):
    profiles = dusty(name)
    abundance, extra = np.full((1, 5), 8.537), np.array([[-0.4, 0.03, 0.5, -0.04]])
    found = profiles.log_profiles(abundance, extra, RADIUS_KPC)
    for index, step in enumerate(1e-6 * np.eye(4)):
        above, below = (
            profiles.log_profiles(abundance, extra + sign * step, RADIUS_KPC).value
            for sign in (1, -1)
        )
        expected = (above - below) / 2e-6
        np.testing.assert_allclose(found.by_extra[:, index], expected, atol=1e-5)
    above, below = (
        profiles.log_profiles(abundance + sign * 1e-6, extra, RADIUS_KPC).value for sign in (1, -1)
    )
    np.testing.assert_allclose(found.by_abundance, (above - below) / 2e-6, atol=1e-4)


def test_dust_follows_the_curve_of_the_pipeline():
    profiles = dusty("o3n2")
    plain, reddened = (
        fluxes_of(profiles, np.full((1, 5), 8.5), np.array([[-0.7, 0.0, a_v, 0.0]]))
        for a_v in (0.0, 1.0)
    )
    decrement = (reddened["halpha"] / reddened["hbeta"]) / (plain["halpha"] / plain["hbeta"])
    np.testing.assert_allclose(decrement, 10.0 ** (0.4 * (3.82 - 2.46) / 3.22), rtol=2e-3)


@pytest.mark.parametrize(
    "name", ["n2", "n2_analogues", "n2_marino13", "n2_curti20", "n2_maiolino08"]
)
def test_every_calibration_of_n2_can_be_inverted(name):
    inverse = InverseCalibration(DIAGNOSTICS[name])
    abundance = np.linspace(8.0, 8.7, 15)
    ratio, slope = inverse.log_ratio(abundance)
    np.testing.assert_allclose(DIAGNOSTICS[name].oxygen_abundance(ratio), abundance, atol=2e-3)
    assert (slope > 0.0).all()


def test_diagnostics_without_a_model_have_none():
    assert isinstance(profiles_of(DIAGNOSTICS["n2_curti20"]), NitrogenProfiles)
    assert isinstance(profiles_of(DIAGNOSTICS["r23"]), DustyProfiles)
    assert profiles_of(DIAGNOSTICS["n2s2"]) is None


@pytest.fixture(scope="module")
def simulated():
    """Return a dusty disk with a gradient, and what the simulator sees of it without noise."""
    radius_arcsec, gradient = 0.6, -0.03
    central = 8.55 - gradient * radius_arcsec * KPC_PER_ARCSEC
    galaxy = Galaxy(
        redshift=1.5, inclination_deg=40.0, position_angle_deg=25.0,
        effective_radius_arcsec=radius_arcsec, a_v=Constant(0.5),
        oxygen_abundance=Linear(central=central, gradient=gradient),
    )  # fmt: skip
    return galaxy, observe(galaxy, halpha_snr=None, within_kms_of_lines=3000)


@pytest.mark.parametrize("name", ["o3n2", "n2o2"])
def test_the_gradient_of_a_simulated_dusty_disk_is_recovered(simulated, name):
    galaxy, mock = simulated
    metadata, band, profiles = metadata_of(mock), mock["H"], dusty(name)
    annuli = BinningScheme().annuli(galaxy.effective_radius_arcsec)
    weights = np.stack([aperture_weights(a, metadata, band["x"], band["y"]) for a in annuli])
    maps = mock["truth"]["line_map_smeared"]
    light = {str(line): maps.sel(line=line).to_numpy() for line in maps["line"].to_numpy()}
    light["oii"] = light["oii_3726"] + light["oii_3729"]
    flux = np.array([[np.einsum("ayx,yx->a", weights, light[line]) for line in profiles.lines]])
    error = flux[0, 0].sum() / 3000.0
    covariance = error**2 * np.eye(12).reshape(4, 3, 4, 3)
    model = ForwardModel(
        InclinedDisk.of(metadata), galaxy.effective_radius_arcsec, KPC_PER_ARCSEC,
        SeeingKnowledge.exact(metadata),
        SpaxelApertures(weights, band["x"].to_numpy(), band["y"].to_numpy()), profiles,
    )  # fmt: skip
    found = ForwardFit.of(model, ApertureFluxes(flux, covariance), np.random.default_rng(0)).flat
    assert found.gradient[0] == pytest.approx(-0.03, abs=0.004)
    assert found.flag[0] == "ok"
