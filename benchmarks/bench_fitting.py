"""Batched line fits against one general least-squares fit a spectrum: same model and spectra.

Run with ``pytest benchmarks/bench_fitting.py`` on an idle machine, with one thread. Every
benchmark reports its time per spectrum; the last one gives their ratios, measured side by side.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from time import process_time

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import curve_fit
from scipy.special import ndtr

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.fitting.fit import SIGMA_RANGE_KMS, VELOCITY_RANGE_KMS, fit_lines
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.outcome import LineFits

Array = NDArray[np.float64]

N_SPECTRA = 1000
N_ONE_BY_ONE = 20
NOISE = 15.0
PARAMETERS = ("halpha", "nii", "continuum", "velocity", "sigma")
START = (1.0, 0.3, 0.0, 0.0, 60.0)
LOWER = (-np.inf, -np.inf, -np.inf, VELOCITY_RANGE_KMS[0], SIGMA_RANGE_KMS[0])
UPPER = (np.inf, np.inf, np.inf, VELOCITY_RANGE_KMS[1], SIGMA_RANGE_KMS[1])


@dataclass(frozen=True)
class Case:
    """1000 spectra of H-alpha and [NII] on some 120 channels, and the kinematics put in."""

    model: BandLineModel
    flux: Array
    variance: Array
    velocity_kms: Array
    sigma_kms: Array

    def batched(self, **options) -> LineFits:
        """Fit all spectra."""
        return fit_lines(self.model, self.flux, self.variance, **options)

    def by_design(self, _, halpha, nii, continuum, velocity, sigma) -> Array:
        """Evaluate the model of the package."""
        return self.model.design(velocity, sigma)[0] @ np.array([halpha, nii, continuum])

    @cached_property
    def lean(self) -> Callable[..., Array]:
        """The same model as lean as one can write it for one spectrum, no derivatives."""
        used = self.model.channels
        edges = self.model.edges_um[used[0] : used[-1] + 2]
        widths = np.diff(edges)
        lines = [
            (index, ratio, *self.model.line_scale(name))
            for index, group in enumerate(self.model.groups)
            for name, ratio in group.members
        ]

        def lean(_, halpha, nii, continuum, velocity, sigma) -> Array:
            total = np.full(widths.size, float(continuum))
            for index, ratio, systemic, per_kms, lsf in lines:
                z = (edges - systemic - per_kms * velocity) / np.hypot(per_kms * sigma, lsf)
                total += (halpha, nii)[index] * ratio * np.diff(ndtr(z)) / widths
            return total

        return lean

    def curve_fit(self, spectrum: Callable[..., Array]) -> Array:
        """Return the fluxes of some spectra."""
        used, noise = self.model.channels, np.full(self.model.channels.size, NOISE)
        return np.array(
            [
                curve_fit(spectrum, used, row[used], START, noise, bounds=(LOWER, UPPER))[0]
                for row in self.flux[:N_ONE_BY_ONE]
            ]
        )[:, :2]

    def lmfit(self, spectrum: Callable[..., Array]) -> Array:
        """Return the fluxes of some spectra."""
        lmfit = pytest.importorskip("lmfit", reason="lmfit is missing: pip install '.[bench]'")
        used = self.model.channels
        start = lmfit.Parameters()
        for name, value, low, high in zip(PARAMETERS, START, LOWER, UPPER, strict=True):
            start.add(name, value=value, min=low, max=high)

        def residual(parameters, row: Array) -> Array:
            return (spectrum(None, *parameters.valuesdict().values()) - row[used]) / NOISE

        results = [lmfit.minimize(residual, start, args=(r,)) for r in self.flux[:N_ONE_BY_ONE]]
        return np.array([[r.params[name].value for name in PARAMETERS[:2]] for r in results])


@pytest.fixture(scope="module")
def case() -> Case:
    band = KMOS_BANDS["H"]
    inside = (band.wavelength_um > 1.61) & (band.wavelength_um < 1.66)
    model = BandLineModel.for_band(
        band.wavelength_um[inside], band.lsf_sigma_um, 1.5, window_kms=1560.0
    )
    rng = np.random.default_rng(1)
    velocity = rng.uniform(-200.0, 200.0, N_SPECTRA)
    sigma = rng.uniform(20.0, 150.0, N_SPECTRA)
    flux = rng.normal(0.0, NOISE, (N_SPECTRA, model.wavelength_um.size))
    flux[:, model.channels] += model.design(velocity, sigma) @ np.array([1.0, 0.3, 0.0])
    return Case(model, flux, np.full(flux.shape, NOISE**2), velocity, sigma)


BATCHED = {
    "compiled": {},
    "compiled refits": {"warm": True},
    "compiled, unequal weights": {"unequal": True},
    "numpy": {"compiled": False},
    "numpy refits": {"warm": True, "compiled": False},
}


def batched(case: Case, name: str) -> Callable[[], LineFits]:
    options = dict(BATCHED[name])
    if options.pop("warm", False):
        options["start_kms"] = case.velocity_kms, case.sigma_kms
    if options.pop("unequal", False):
        factor = np.random.default_rng(2).uniform(0.5, 2.0, case.flux.shape)
        case = Case(
            case.model, case.flux, case.variance * factor, case.velocity_kms, case.sigma_kms
        )
    case.batched(**options)  # compiles, or loads what was compiled
    return lambda: case.batched(**options)


@pytest.mark.parametrize("name", BATCHED)
def test_batched_variable_projection(benchmark, case, name):
    fits = benchmark(batched(case, name))
    assert fits.converged.mean() > 0.99
    benchmark.extra_info["us_per_spectrum"] = 1e6 * benchmark.stats["median"] / N_SPECTRA


PEERS = [(peer, model) for peer in ("curve_fit", "lmfit") for model in ("lean", "by_design")]


def one_by_one(case: Case, peer: str, model: str) -> Callable[[], Array]:
    return lambda: getattr(case, peer)(getattr(case, model))


@pytest.mark.parametrize(("peer", "model"), PEERS)
def test_one_by_one(benchmark, case, peer, model):
    fluxes = benchmark.pedantic(one_by_one(case, peer, model), rounds=3)
    benchmark.extra_info["us_per_spectrum"] = 1e6 * benchmark.stats["median"] / N_ONE_BY_ONE
    fits = case.batched()
    offset = (fluxes - fits.flux[:N_ONE_BY_ONE]) / fits.flux_err[:N_ONE_BY_ONE]
    benchmark.extra_info["largest_offset_in_errors"] = float(np.abs(offset).max())
    assert np.abs(offset).max() < 1e-2


def test_ratios_side_by_side(benchmark, case):
    """Interleaved, and the best of nine rounds, against the load of other programs."""
    pytest.importorskip("lmfit", reason="lmfit is missing: pip install '.[bench]'")
    runs = {name: (batched(case, name), N_SPECTRA) for name in BATCHED}
    runs |= {f"{p}, {m}": (one_by_one(case, p, m), N_ONE_BY_ONE) for p, m in PEERS}
    times: dict[str, list[float]] = {name: [] for name in runs}

    def once() -> None:
        for name, (run, n_spectra) in runs.items():
            start = process_time()
            run()
            times[name].append((process_time() - start) / n_spectra)

    benchmark.pedantic(once, rounds=9)
    best = {name: min(values) for name, values in times.items()}
    for name in runs:
        benchmark.extra_info[f"us, {name}"] = round(1e6 * best[name], 1)
    for name in BATCHED:
        benchmark.extra_info[f"times faster, {name}"] = {
            f"{peer}, {model}": round(best[f"{peer}, {model}"] / best[name])
            for peer, model in PEERS
        }
