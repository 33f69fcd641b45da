"""One gradient from the lines of several diagnostics: right, and better than that of each."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.statistics.repeated_measurements import coverage, median_bias, robust_error
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.geometry import aperture_weights
from kurvs_pipeline.gradients.forward.dusty_profiles import DustyProfiles, JointProfiles
from kurvs_pipeline.gradients.forward.estimator import POPULATION_SCATTER, ForwardFit
from kurvs_pipeline.gradients.forward.fluxes import ApertureFluxes
from kurvs_pipeline.gradients.forward.model import ForwardModel
from kurvs_pipeline.gradients.forward.profiles import InverseCalibration, NitrogenProfiles
from kurvs_pipeline.gradients.forward.rows import forward_rows
from kurvs_pipeline.observation import metadata_of
from kurvs_pipeline.smearing.correction import DiskSmearing
from kurvs_pipeline.smearing.matrix import InclinedDisk
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.smearing.sky_apertures import EllipseApertures, SpaxelApertures
from kurvs_sim import Galaxy, observe
from kurvs_sim.profiles.radial import Linear

N2, O3N2, N2O2, R23 = (
    InverseCalibration(DIAGNOSTICS[name]) for name in ("n2", "o3n2", "n2o2", "r23")
)
TOGETHER = JointProfiles(N2, (O3N2, N2O2))
DISK = InclinedDisk(50.0, 30.0)
ANNULI = EllipseApertures(((0.0, 0.5), (0.5, 1.0), (1.0, 1.5)), DISK.cosine, 30.0)
HALPHA_SNR = 60.0


def model_of(profiles):
    return ForwardModel(DISK, 0.5, kpc_per_arcsec(1.5), SeeingKnowledge(0.6), ANNULI, profiles)


def test_derivatives_are_those_of_finite_differences():
    model = model_of(TOGETHER)
    at = model.prior_mean + 0.2 * model.prior_err * np.array([-1, 2, 1, -1, 1, 0, 1])
    found = model.predict(np.array([-0.04]), at[None]).by_parameter[0]
    step = 1e-5 * np.eye(len(at))
    above, below = (model.predict(np.full(len(at), -0.04), at + s * step).flux for s in (1, -1))
    np.testing.assert_allclose(found, (above - below) / 2e-5, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("others", [(), (R23,), (O3N2, O3N2), (N2,)])
def test_diagnostics_whose_lines_are_not_told_apart_are_refused(others):
    with pytest.raises(ConfigurationError, match="cannot be fitted together"):
        JointProfiles(N2, others)


def test_oxygen_alone_is_refused():
    with pytest.raises(ConfigurationError, match="expected one of N2"):
        JointProfiles(O3N2, (N2O2,))


def simulated(gradient):
    """All lines of a dusty galaxy of the simulator in annuli, without noise, and its smearing."""
    galaxy = Galaxy(
        redshift=1.5, inclination_deg=45.0, effective_radius_arcsec=0.5,
        oxygen_abundance=Linear(central=8.5 - gradient * 4.3, gradient=gradient),
    )  # fmt: skip
    mock = observe(galaxy, halpha_snr=None, bands=("H",), within_kms_of_lines=3000)
    metadata, band = metadata_of(mock), mock["H"]
    whole = BinningScheme.parse("1x1.5re").annuli(0.5)
    weights = np.stack([
        aperture_weights(one, metadata, band["x"], band["y"])
        for one in (*whole, *BinningScheme().annuli(0.5))
    ])  # fmt: skip
    maps = mock["truth"]["line_map_smeared"]
    names = tuple(str(name) for name in maps["line"].to_numpy() if str(name) != "oii")
    flux = np.einsum("ayx,lyx->al", weights, maps.sel(line=list(names)).to_numpy())
    error = flux[0, names.index("halpha")] / 500.0
    covariance = np.tile(error**2 * np.eye(len(names)), (len(flux), 1, 1))
    x, y = (band[axis].to_numpy() for axis in ("x", "y"))
    apertures = ("integrated", "A", "B", "C")
    return JointFluxes(apertures, names, flux, covariance), DiskSmearing(
        metadata, x, y, weights[1:]
    )


@pytest.mark.parametrize("gradient", [-0.05, 0.03])
def test_the_gradient_of_a_simulated_disk_is_recovered_from_all_lines(gradient):
    fluxes, smearing = simulated(gradient)
    model = ForwardModel(
        InclinedDisk.of(smearing.metadata), 0.5, kpc_per_arcsec(1.5),
        SeeingKnowledge.exact(smearing.metadata),
        SpaxelApertures(smearing.weights, smearing.x_arcsec, smearing.y_arcsec), TOGETHER,
    )  # fmt: skip
    lines = ApertureFluxes.of_annuli(fluxes, TOGETHER.lines)
    found = ForwardFit.of(model, lines, np.random.default_rng(0)).flat
    assert found.gradient[0] == pytest.approx(gradient, abs=0.003)
    assert found.flag[0] == "ok"


def test_the_table_has_a_joint_row_with_the_smallest_error():
    fluxes, smearing = simulated(-0.03)
    rows = forward_rows(fluxes, smearing, np.random.default_rng(0))
    errors = {row["diagnostic"]: row["gradient_err"] for row in rows
              if row["estimator"] == "forward"}  # fmt: skip
    assert errors["joint"] == min(errors.values())
    assert {row["estimator"] for row in rows if row["diagnostic"] == "joint"} == {
        "forward", "forward_prior"
    }  # fmt: skip


def test_what_makes_one_line_of_oii_doubtful_is_told_where_their_sum_is_used():
    fluxes, smearing = simulated(-0.03)
    flags = np.full(fluxes.flux.shape, "", dtype="<U9")
    flags[1, fluxes.names.index("oii_3726")] = "truncated"
    rows = forward_rows(replace(fluxes, flags=flags), smearing, np.random.default_rng(0))
    told = {row["diagnostic"]: row["flag"] for row in rows if row["estimator"] == "forward"}
    assert told["n2"] == told["o3n2"] == "ok"
    assert told["n2o2"] == told["joint"] == "truncated"


def test_flags_of_lines_stand_beside_those_of_the_fit():
    fluxes, smearing = simulated(-0.03)
    flux, flags = fluxes.flux.copy(), np.full(fluxes.flux.shape, "", dtype="<U13")
    flux[2, fluxes.names.index("halpha")] *= 2.0
    flags[1, fluxes.names.index("nii_6584")] = "doublet_ratio"
    rows = forward_rows(replace(fluxes, flux=flux, flags=flags), smearing, np.random.default_rng(0))
    told = {row["flag"] for row in rows if row["diagnostic"] == "n2"}
    assert told == {"poor_fit+doublet_ratio"}


def test_of_nitrogen_alone_there_is_no_joint_row():
    fluxes, smearing = simulated(-0.03)
    few = fluxes.of_lines(("halpha", "nii_6584"))
    names = {row["diagnostic"] for row in forward_rows(few, smearing, np.random.default_rng(0))}
    assert names == {"n2"}


def drawn(number):
    """Draw all from its prior, zero points included; return gradients and noisy fluxes."""
    model, random = model_of(TOGETHER), np.random.default_rng(4)
    gradient = random.normal(0.0, POPULATION_SCATTER, number)
    error = model.prior_err.copy()
    error[model.amplitude_index], error[0] = 0.0, 0.2
    exact = model.predict(gradient, random.normal(model.prior_mean, error, (number, 7))).flux
    typical = model.predict(np.zeros(1), model.prior_mean[None]).flux[0, 0].sum()
    noise = typical / HALPHA_SNR / np.sqrt(3.0)
    return gradient, exact + noise * random.standard_normal(exact.shape), noise


@pytest.mark.statistical
def test_together_diagnostics_are_unbiased_and_better_than_each_alone():
    truth, flux, noise = drawn(120)
    found = {}
    for name, profiles in (("n2", NitrogenProfiles(N2)), ("o3n2", DustyProfiles(O3N2)),
                           ("n2o2", DustyProfiles(N2O2)), ("joint", TOGETHER)):  # fmt: skip
        used = [TOGETHER.lines.index(line) for line in profiles.lines]
        size = 3 * len(used)
        covariance = noise**2 * np.eye(size).reshape(len(used), 3, len(used), 3)
        lines = ApertureFluxes(flux[:, used], covariance)
        found[name] = ForwardFit.of(model_of(profiles), lines, np.random.default_rng(0)).flat
    bias = median_bias(truth, found["joint"].gradient)
    assert bias.value == pytest.approx(0.0, abs=3.5 * bias.error)
    inside = coverage(truth, found["joint"].low, found["joint"].high)
    assert inside.value == pytest.approx(0.683, abs=3.5 * inside.error)
    errors = {name: robust_error(truth, one.gradient) for name, one in found.items()}
    assert errors.pop("joint") < 0.8 * min(errors.values())
