"""Line fits against general least-squares routines on the same model, start and spectra."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.fitting.fit import fit_lines
from kurvs_pipeline.fitting.model import BandLineModel

N_SPEC = 200
LOWER, UPPER = (-np.inf, -np.inf, -np.inf, -400.0, 5.0), (np.inf, np.inf, np.inf, 400.0, 400.0)


@pytest.fixture(scope="module")
def halpha():
    """H-alpha and [NII] of S/N from about 8 to 130, 127 channels of unequal noise."""
    band = KMOS_BANDS["H"]
    inside = (band.wavelength_um > 1.61) & (band.wavelength_um < 1.66)
    model = BandLineModel.for_band(
        band.wavelength_um[inside], band.lsf_sigma_um, 1.5, window_kms=1700.0
    )
    rng = np.random.default_rng(1)
    velocity, width = rng.uniform(-200, 200, N_SPEC), rng.uniform(40, 150, N_SPEC)
    noise = np.geomspace(10.0, 80.0, N_SPEC)[:, None] * rng.uniform(0.7, 1.5, model.channels.size)
    flux = np.zeros((N_SPEC, model.wavelength_um.size))
    variance = np.ones_like(flux)
    flux[:, model.channels] = model.design(velocity, width) @ [1.0, 0.3, 5.0]
    flux[:, model.channels] += rng.normal(0.0, noise)
    variance[:, model.channels] = noise**2
    starts = np.column_stack([np.tile([1.0, 0.3, 0.0], (N_SPEC, 1)), velocity, width])
    fits = fit_lines(model, flux, variance, start_kms=(velocity, width))
    return model, flux[:, model.channels], noise, starts, fits


def spectrum(model, parameters):
    halpha, nii, continuum, velocity, width = parameters
    return model.design(velocity, width)[0] @ [halpha, nii, continuum]


def assert_agree(fits, rows, best, errors):
    """Fluxes to 1e-2 of the error, errors to 2 per cent."""
    assert len(rows) > 0.95 * N_SPEC
    offset = (fits.flux[rows] - best[:, :2]) / errors[:, :2]
    assert np.abs(offset).max() < 0.01
    assert np.abs((fits.velocity_kms[rows] - best[:, 3]) / errors[:, 3]).max() < 0.01
    assert np.abs((fits.sigma_kms[rows] - best[:, 4]) / errors[:, 4]).max() < 0.01
    np.testing.assert_allclose(fits.flux_err[rows], errors[:, :2], rtol=0.02)


def test_fluxes_and_errors_are_those_of_curve_fit_with_bounds(halpha):
    model, flux, noise, starts, fits = halpha
    rows = np.flatnonzero(fits.flag == 0)
    best, errors = [], []
    for row in rows:
        values, covariance = curve_fit(
            lambda _, *parameters: spectrum(model, parameters), model.channels, flux[row],
            p0=starts[row], sigma=noise[row], absolute_sigma=True, bounds=(LOWER, UPPER),
            x_scale=np.abs(starts[row]) + 0.1, ftol=1e-12, xtol=1e-12,
        )  # fmt: skip
        best.append(values)
        errors.append(np.sqrt(np.diag(covariance)))
    assert_agree(fits, rows, np.array(best), np.array(errors))


def test_fluxes_and_errors_are_those_of_lmfit(halpha):
    lmfit = pytest.importorskip("lmfit", reason="lmfit is not installed: pip install '.[bench]'")
    model, flux, noise, starts, fits = halpha
    names = ("halpha", "nii", "continuum", "velocity", "width")
    rows = np.flatnonzero(fits.flag == 0)
    best, errors = [], []
    for row in rows:
        parameters = lmfit.Parameters()
        for name, value, low, high in zip(names, starts[row], LOWER, UPPER, strict=True):
            parameters.add(name, value=value, min=low, max=high)
        result = lmfit.minimize(
            lambda p, row=row: (
                (spectrum(model, p.valuesdict().values()) - flux[row]) / noise[row]
            ),
            parameters, scale_covar=False,
        )  # fmt: skip
        best.append([result.params[name].value for name in names])
        errors.append([result.params[name].stderr for name in names])
    assert_agree(fits, rows, np.array(best), np.array(errors))
