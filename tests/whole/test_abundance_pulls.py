"""Attenuation and abundances of noisy mocks are as far from the truth as their errors say."""

from collections import defaultdict

import numpy as np
import pytest

from kurvs_pipeline.pipeline import Pipeline
from kurvs_sim import Galaxy, observe
from kurvs_sim.profiles.radial import Constant

N_MOCKS = 30
ABUNDANCE, A_V = 8.55, 0.6


@pytest.fixture(scope="module")
def pulls():
    """Return the pulls of the integrated aperture by quantity, each over all mocks."""
    galaxy = Galaxy(oxygen_abundance=Constant(ABUNDANCE), a_v=Constant(A_V), inclination_deg=40.0)
    found = defaultdict(list)
    for seed in range(N_MOCKS):
        measured = Pipeline().run(observe(galaxy, halpha_snr=150.0, seed=seed))
        dust = measured.attenuation[0]
        assert dust["source"] == "balmer"
        found["a_v"].append((dust["a_v"] - A_V * dust["a_v"].unit) / dust["a_v_err"])
        for row in measured.abundances[measured.abundances["aperture"] == "integrated"]:
            if row["diagnostic"] in galaxy.emission.honoured_diagnostics:
                deviation = row["abundance"].value - ABUNDANCE
                towards = row["err_low"] if deviation > 0.0 else row["err_high"]
                found[str(row["diagnostic"])].append(deviation / towards.value)
    return {name: np.array(values, dtype=float) for name, values in found.items()}


@pytest.mark.statistical
@pytest.mark.parametrize("name", ["a_v", "n2", "o3n2", "n2o2", "n2s2"])
def test_errors_of_the_integrated_galaxy_are_those_that_repeated_mocks_show(pulls, name):
    """Within three standard errors: 0.55 of the mean, 0.39 of the spread."""
    assert pulls[name].size == N_MOCKS
    assert abs(pulls[name].mean()) < 3.0 / np.sqrt(N_MOCKS)
    assert pulls[name].std(ddof=1) == pytest.approx(1.0, abs=3.0 / np.sqrt(2.0 * N_MOCKS))
