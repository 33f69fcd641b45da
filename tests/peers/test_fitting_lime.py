"""Line fits against LiMe on the same model, start and spectra.

LiMe takes a Gaussian at the centre of a channel, the pipeline its mean over the channel: here
channels are so narrow that it does not matter (a variance of step^2 / 12 on lines at least five
steps wide). LiMe gives the error of a flux from those of amplitude and width as if they were
independent; they are not, so the error compared is that of the covariance of LiMe's own fit.
"""

import warnings

import numpy as np
import pytest

from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.fitting.fit import fit_lines
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.lines import REST_WAVELENGTH_UM

# Astronomical packages of the same environment warn while they are imported.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    lime = pytest.importorskip("lime", reason="LiMe is not installed: pip install lime-stable")

N_SPEC = 200
REDSHIFT = 1.5
STEP_KMS = 12.0
ANGSTROM = 1e4
NAMES = {"halpha": "H1_6563A", "nii_6584": "N2_6583A", "nii_6548": "N2_6548A"}
REST_ANGSTROM = {line: REST_WAVELENGTH_UM[line] * ANGSTROM for line in NAMES}
GROUP = "H1_6563A_b"


@pytest.fixture(scope="module")
def spectra():
    """H-alpha and [NII], S/N of H-alpha from about 10 to 80, on 400 narrow channels."""
    centre = REST_WAVELENGTH_UM["halpha"] * (1.0 + REDSHIFT)
    step = centre * STEP_KMS / SPEED_OF_LIGHT_KMS
    wavelength = centre + step * np.arange(-200, 200)
    model = BandLineModel.for_band(
        wavelength, 1e-9, REDSHIFT, window_kms=3000.0, lines=["halpha", "nii_6584"]
    )
    rng = np.random.default_rng(7)
    truth = rng.uniform(-150, 150, N_SPEC), rng.uniform(60, 130, N_SPEC)
    noise = np.geomspace(15.0, 120.0, N_SPEC)[:, None] * rng.uniform(0.7, 1.5, wavelength.size)
    flux = model.design(*truth) @ [1.0, 0.4, 5.0] + rng.normal(0.0, noise)
    assert model.channels.size == wavelength.size
    return model, flux, noise, truth


def bands(model):
    """Describe the complex as LiMe wants it: all of the grid is the line's."""
    pandas = pytest.importorskip("pandas", reason="LiMe brings pandas")
    first, last = model.wavelength_um[[0, -1]] / (1.0 + REDSHIFT) * ANGSTROM
    edges = {"w1": first, "w2": first + 2, "w3": first, "w4": last, "w5": last - 2, "w6": last}
    rows = {
        label: {"wavelength": REST_ANGSTROM[line], **edges, "latex_label": label}
        for line, label in NAMES.items()
    }
    rows[GROUP] = rows["H1_6563A"]
    return pandas.DataFrame.from_dict(rows, orient="index")


def settings(velocity_kms, width_kms, peak):
    """State the model: one velocity and width, [NII] tied, a constant continuum."""
    halpha = REST_ANGSTROM["halpha"]
    free = {"min": -np.inf, "max": np.inf}
    start_um = halpha * (1.0 + velocity_kms / SPEED_OF_LIGHT_KMS)
    sigma = halpha * (1.0 + REDSHIFT) * width_kms / SPEED_OF_LIGHT_KMS
    stated = {
        GROUP: "H1_6563A+N2_6583A+N2_6548A",
        "H1_6563A_m_cont": {"value": 0.0, "vary": False},
        "H1_6563A_n_cont": {"value": 0.0, "vary": True},
        "H1_6563A_amp": {"value": peak, **free},
        "H1_6563A_center": {"value": start_um},
        "H1_6563A_sigma": {"value": sigma},
        "N2_6583A_amp": {"value": 0.4 * peak, **free},
    }
    for line in ("nii_6584", "nii_6548"):
        ratio = REST_ANGSTROM[line] / halpha
        for parameter in ("center", "sigma"):
            expression = f"{ratio!r}*H1_6563A_{parameter}"
            stated[f"{NAMES[line]}_{parameter}"] = {"expr": expression}
    # Fluxes are amplitude times width, and widths go with wavelength.
    amplitude = REST_ANGSTROM["nii_6584"] / REST_ANGSTROM["nii_6548"] / 3.0
    stated["N2_6548A_amp"] = {"expr": f"{amplitude!r}*N2_6583A_amp"}
    return stated


def lime_fit(spectrum, noise, model, stated):
    """Return fluxes, velocity and width of LiMe's fit, and their covariance."""
    observed = lime.Spectrum(
        model.wavelength_um * ANGSTROM, spectrum, noise, redshift=REDSHIFT, norm_flux=1.0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        observed.fit.bands(GROUP, bands(model), stated)
    found = observed.fit.profile.output
    order = [found.var_names.index(f"line{name}") for name in
             ("0_amp", "1_amp", "0_center", "0_sigma")]  # fmt: skip
    halpha, nii, centre, sigma = (found.params[found.var_names[index]].value for index in order)
    area = np.sqrt(2.0 * np.pi) / ANGSTROM
    ratio = REST_ANGSTROM["nii_6584"] / REST_ANGSTROM["halpha"]
    to_kms = SPEED_OF_LIGHT_KMS / (REST_ANGSTROM["halpha"] * (1.0 + REDSHIFT))
    values = np.array([
        area * halpha * sigma, area * nii * sigma * ratio,
        to_kms * centre - SPEED_OF_LIGHT_KMS, to_kms * sigma,
    ])  # fmt: skip
    jacobian = np.array([
        [area * sigma, 0.0, 0.0, area * halpha],
        [0.0, area * sigma * ratio, 0.0, area * nii * ratio],
        [0.0, 0.0, to_kms, 0.0],
        [0.0, 0.0, 0.0, to_kms],
    ])  # fmt: skip
    # Errors of spectra are absolute: lmfit multiplies by the reduced chi2.
    covariance = found.covar[np.ix_(order, order)] / found.redchi
    return values, jacobian @ covariance @ jacobian.T


@pytest.fixture(scope="module")
def both(spectra):
    model, flux, noise, (velocity, width) = spectra
    # LiMe leaves out the channels at both ends.
    mask = np.zeros(flux.shape, dtype=bool)
    mask[:, [0, -1]] = True
    fits = fit_lines(model, flux, noise**2, mask=mask, start_kms=(velocity, width))
    per_kms = model.line_scale("halpha")[1]
    values, covariances = [], []
    for row in range(N_SPEC):
        peak = 1.0 / (np.sqrt(2.0 * np.pi) * per_kms * width[row])
        stated = settings(velocity[row], width[row], peak)
        value, covariance = lime_fit(flux[row], noise[row], model, stated)
        values.append(value)
        covariances.append(covariance)
    errors = np.sqrt(np.diagonal(np.array(covariances), axis1=1, axis2=2))
    return fits, np.array(values), errors


def test_all_spectra_are_fitted_by_both(both):
    fits, values, errors = both
    assert np.all(fits.flag == 0)
    assert np.all(np.isfinite(values))
    assert np.all(errors > 0.0)


def test_fluxes_are_those_of_lime(both):
    fits, values, errors = both
    assert np.abs((fits.flux - values[:, :2]) / errors[:, :2]).max() < 0.01


def test_errors_of_fluxes_are_those_of_limes_covariance(both):
    fits, _, errors = both
    np.testing.assert_allclose(fits.flux_err, errors[:, :2], rtol=0.02)


def test_kinematics_are_those_of_lime_once_a_channel_has_a_width(both):
    fits, values, errors = both
    assert np.abs((fits.velocity_kms - values[:, 2]) / errors[:, 2]).max() < 0.01
    width = np.sqrt(fits.sigma_kms**2 + STEP_KMS**2 / 12.0)
    assert np.abs((width - values[:, 3]) / errors[:, 3]).max() < 0.01
