"""Samples of mocks give back the population they were drawn from."""

import numpy as np
import pytest
from astropy.table import QTable
from paths import DOCS

from experiments.mocks.line_fluxes import read_signal_to_noise
from experiments.studies.population import populations, sample_abundance, summarise
from kurvs_sim.survey.catalogue import kurvs_catalogue

SNR = read_signal_to_noise(DOCS / "twin-signal-to-noise.ecsv")
RESOLVED = (3, 4, 5, 6, 12, 14, 22, 35)


def test_the_summary_counts_bias_and_coverage():
    random = np.random.default_rng(0)
    found = random.normal(0.002, 0.01, 2000)
    columns = {"mean": found, "mean_low": found - 0.01, "mean_high": found + 0.01}
    scatter = np.full(2000, 0.04)
    columns |= {"scatter": scatter, "scatter_low": scatter - 1.0, "scatter_high": scatter + 1.0}
    drawn = {"drawn_mean": np.full(2000, 0.005), "drawn_scatter": scatter}
    mean, from_drawn, of_scatter, _ = summarise(
        QTable(columns | drawn | {"abundance": ["any"] * 2000})
    )
    assert mean["bias"] == pytest.approx(0.002, abs=4.0 * mean["bias_err"])
    assert from_drawn["bias"] == pytest.approx(-0.003, abs=4.0 * mean["bias_err"])
    assert mean["coverage"] == pytest.approx(0.67, abs=0.04)
    assert of_scatter["coverage"] == 1.0


def test_the_abundance_of_a_sample_follows_from_its_masses():
    """By the relation of Li et al. (2025), Section 3; of two the scatter is half their distance."""
    low, high = sorted(
        9.00
        - np.log10(1.0 + 10.0 ** (-0.32 * (kurvs_catalogue()[number].log_stellar_mass - 10.87)))
        for number in (3, 12)
    )
    assert sample_abundance((3, 12)) == {
        "abundance_mean": pytest.approx(0.5 * (low + high)),
        "abundance_err": pytest.approx(0.5 * (high - low)),
    }


@pytest.mark.statistical
def test_a_sample_of_resolved_galaxies_gives_back_its_population():
    samples = populations(SNR, draws=24, workers=2, galaxies=RESOLVED)
    for abundance in ("any", "of the sample"):
        own = samples[samples["abundance"] == abundance]
        off = {name: np.median(own[name] - own[f"drawn_{name}"]) for name in ("mean", "scatter")}
        assert abs(off["mean"]) < 0.006
        # Of eight galaxies the scatter is known to a third, and its posterior is skewed upwards.
        assert -0.006 < off["scatter"] < 0.02
