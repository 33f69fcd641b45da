"""What the forward estimator costs.

Run with ``pytest benchmarks/bench_forward.py --benchmark-timer=time.process_time`` on one thread
(``OMP_NUM_THREADS=1``). Goals: 20 ms for a smearing matrix, 50 ms for the posterior of a galaxy.
"""

import numpy as np
import pytest

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.gradients.forward.estimator import ForwardFit
from kurvs_pipeline.gradients.forward.fluxes import ApertureFluxes
from kurvs_pipeline.gradients.forward.model import ForwardModel
from kurvs_pipeline.gradients.forward.profiles import InverseCalibration, NitrogenProfiles
from kurvs_pipeline.smearing.matrix import InclinedDisk, SmearingMatrix
from kurvs_pipeline.smearing.point_spread import Seeing
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.smearing.sky_apertures import EllipseApertures

DISK = InclinedDisk(55.0, 30.0)
ANNULI = EllipseApertures(((0.0, 0.5), (0.5, 1.0), (1.0, 1.5)), DISK.cosine, 30.0)


@pytest.mark.parametrize(
    "psf", [Seeing(0.6), Seeing(0.6, "moffat", 3.0), Seeing(0.1)],
    ids=["Gaussian", "Moffat", "Gaussian of 0.1 arcsec"],
)  # fmt: skip
def test_smearing_matrix(benchmark, psf):
    benchmark(lambda: SmearingMatrix(DISK, psf, ANNULI).at_nodes)


@pytest.mark.parametrize(
    "seeing", [SeeingKnowledge(0.6), SeeingKnowledge(0.6, 0.33, 0.02, 0.03)],
    ids=["seeing known", "seeing of a star"],
)  # fmt: skip
@pytest.mark.parametrize("draws", [1, 100])
def test_posterior(benchmark, seeing, draws):
    profiles = NitrogenProfiles(InverseCalibration(DIAGNOSTICS["n2"]))

    def model():
        return ForwardModel(DISK, 0.5, 8.6, seeing, ANNULI, profiles)

    exact = model().predict(np.array([-0.03]), model().prior_mean[None]).flux
    error = exact[0, 0].sum() / 90.0
    flux = exact + error * np.random.default_rng(0).standard_normal((draws, 2, 3))
    fluxes = ApertureFluxes(flux, error**2 * np.eye(6).reshape(2, 3, 2, 3))
    benchmark(lambda: ForwardFit.of(model(), fluxes, np.random.default_rng(1)))
