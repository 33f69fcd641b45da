"""Batched line fits against one ``curve_fit`` a spectrum, same model and spectra.

Run with ``pytest benchmarks/bench_fitting.py``; both report the time of one round, of which
``N_SPECTRA`` and ``N_CURVE_FIT`` spectra are fitted.
"""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.fitting import fit_lines
from kurvs_pipeline.line_model import BandLineModel

N_SPECTRA = 800
N_CURVE_FIT = 20
NOISE = 15.0
START = (1.0, 0.3, 0.0, 0.0, 60.0)


@pytest.fixture(scope="module")
def halpha_spectra():
    band = KMOS_BANDS["H"]
    inside = (band.wavelength_um > 1.61) & (band.wavelength_um < 1.66)
    # 1700 km/s either side of H-alpha and [NII]: some 120 channels.
    model = BandLineModel.for_band(
        band.wavelength_um[inside], band.lsf_sigma_um, 1.5, window_kms=1700.0
    )
    rng = np.random.default_rng(1)
    velocity = rng.uniform(-200.0, 200.0, N_SPECTRA)
    sigma = rng.uniform(20.0, 150.0, N_SPECTRA)
    flux = rng.normal(0.0, NOISE, (N_SPECTRA, model.wavelength_um.size))
    flux[:, model.channels] += model.design(velocity, sigma) @ np.array([1.0, 0.3, 0.0])
    return model, flux


def test_batched_variable_projection(benchmark, halpha_spectra):
    model, flux = halpha_spectra
    fits = benchmark(fit_lines, model, flux, np.full(flux.shape, NOISE**2))
    assert fits.converged.mean() > 0.99
    benchmark.extra_info["ms_per_spectrum"] = 1e3 * benchmark.stats["median"] / N_SPECTRA


def test_curve_fit_one_by_one(benchmark, halpha_spectra):
    model, flux = halpha_spectra

    def spectrum(_, halpha, nii, continuum, velocity, sigma):
        return model.design(velocity, sigma)[0] @ np.array([halpha, nii, continuum])

    def fit_all():
        used = model.channels
        return [
            curve_fit(spectrum, used, row[used], p0=START, sigma=np.full(used.size, NOISE))[0]
            for row in flux[:N_CURVE_FIT]
        ]

    assert len(benchmark(fit_all)) == N_CURVE_FIT
    benchmark.extra_info["ms_per_spectrum"] = 1e3 * benchmark.stats["median"] / N_CURVE_FIT
