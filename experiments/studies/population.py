"""Whether the mean and scatter of a sample come out of its line fluxes.

    python -m experiments.studies.population docs --draws 200

measures the 34 galaxies of the survey with a published gradient, each with gradients drawn from
N(0, 0.04) dex/kpc, and fits a normal population to the likelihoods of the galaxies of each draw:
with the abundance of any galaxy as prior, and with that of the sample.
Writes ``population-check.ecsv``.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from astropy.table import QTable

from experiments.campaign.tasks import run_tasks
from experiments.mocks.line_fluxes import (
    INTRINSIC_SCATTER,
    MockDesign,
    annuli,
    galaxies_with_gradient,
    read_signal_to_noise,
)
from experiments.runs.tables import write_table
from experiments.runs.terminal import Terminal, run_alone
from experiments.statistics.repeated_measurements import coverage, median_bias
from experiments.studies.estimators import CASES, forward_fit
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.gradients.forward.posterior import GradientPosterior
from kurvs_pipeline.gradients.population import Population

TRUTH = {"mean": 0.0, "scatter": INTRINSIC_SCATTER}

ANY, OF_SAMPLE = "any", "of the sample"
"""Priors of abundances: the pipeline's for any galaxy, or the mean and scatter of the sample, such
as integrated spectra give."""

Posteriors = dict[str, GradientPosterior]
Believed = dict[str, float]
"""Fields of the model that hold such a prior."""


def _posteriors_of(
    number: int, *, snr: dict[int, dict[str, float]], draws: int, believed: dict[str, Believed]
) -> tuple[Posteriors, Array]:
    """Return the gradient likelihoods of a galaxy by assumed abundance, and the true gradients."""
    mocks = MockDesign(number, draws=draws).make(snr[number])
    weights = mocks.weights(annuli("3x0.5", mocks.metadata), mocks.metadata)
    found = {
        name: forward_fit(mocks, mocks.metadata, weights, CASES[0], **abundance).posterior
        for name, abundance in believed.items()
    }
    return found, mocks.gradient


def populations(
    snr: dict[int, dict[str, float]], *, draws: int, workers: int,
    advance: Callable[[int], None] = lambda _: None, galaxies: Sequence[int] | None = None,
) -> QTable:  # fmt: skip
    """Fit a population to every draw of the sample, by default of all with a published gradient.

    Parameters
    ----------
    advance : callable
        Called with 1 after each galaxy.

    Returns
    -------
    QTable
        One row per sample and assumption on abundances: ``abundance``; ``mean, mean_low,
        mean_high, scatter, scatter_low, scatter_high`` of the posterior, and ``drawn_mean,
        drawn_scatter`` of the true gradients, dex/kpc.
    """
    chosen = galaxies_with_gradient() if galaxies is None else galaxies
    believed: dict[str, Believed] = {ANY: {}, OF_SAMPLE: sample_abundance(chosen)}
    of_galaxy = partial(_posteriors_of, snr=snr, draws=draws, believed=believed)
    measured = run_tasks(of_galaxy, chosen, workers=workers, advance=advance)
    rows = [_sample(measured, name, index) for name in believed for index in range(draws)]
    return QTable(rows=rows)


def sample_abundance(galaxies: Sequence[int]) -> Believed:
    """Return mean and scatter of 12 + log(O/H) at the effective radius, as fields of the model."""
    values = [MockDesign(number).abundance for number in galaxies]
    return {"abundance_mean": float(np.mean(values)), "abundance_err": float(np.std(values))}


def _sample(
    measured: Sequence[tuple[Posteriors, Array]], abundance: str, index: int
) -> dict[str, float | str]:
    one = slice(index, index + 1)
    of_sample = [posteriors[abundance] for posteriors, _ in measured]
    galaxies = [
        replace(posterior, gradient=posterior.gradient[one], log_density=posterior.log_density[one])
        for posterior in of_sample
    ]
    true = np.array([gradient[index] for _, gradient in measured])
    found = Population.of_posteriors(galaxies).posterior()
    row: dict[str, float | str] = {
        "abundance": abundance, "drawn_mean": float(true.mean()), "drawn_scatter": float(true.std())
    }  # fmt: skip
    for name in TRUTH:
        low, high = found.interval(name)
        row |= {name: getattr(found, name)[0], f"{name}_low": low, f"{name}_high": high}
    return row


def summarise(samples: QTable) -> QTable:
    """Return bias and coverage of mean and scatter over all samples.

    Returns
    -------
    QTable
        One row per assumption on abundances, quantity and truth: ``abundance, quantity,
        against, truth, samples, bias, bias_err, coverage, coverage_err, half_width``. The truth
        is that of the population or, ``drawn``, that of the drawn gradients, which intervals
        for the population hold more often than they promise.
    """
    rows = [
        _summary(samples[samples["abundance"] == abundance], name, against)
        for abundance in dict.fromkeys(samples["abundance"].tolist())
        for name in TRUTH for against in ("population", "drawn")
    ]  # fmt: skip
    return QTable(rows=rows)


def _summary(samples: QTable, name: str, against: str) -> dict[str, object]:
    drawn = np.asarray(samples[f"drawn_{name}"])
    truth = drawn if against == "drawn" else np.full(len(samples), TRUTH[name])
    low, high = samples[f"{name}_low"], samples[f"{name}_high"]
    bias, inside = median_bias(truth, samples[name]), coverage(truth, low, high)
    return {
        "abundance": samples["abundance"][0], "quantity": name, "against": against,
        "truth": float(truth.mean()), "samples": len(samples), "bias": bias.value,
        "bias_err": bias.error, "coverage": inside.value, "coverage_err": inside.error,
        "half_width": float(np.median(high - low)) / 2.0,
    }  # fmt: skip


def main(
    folder: Annotated[Path, typer.Argument(metavar="DOCS", help="With twin-signal-to-noise.ecsv.")],
    *,
    draws: Annotated[int, typer.Option(min=2, help="Samples.")] = 200,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
) -> None:
    """Fit populations to samples of mocks and write how well mean and scatter come out."""
    terminal = Terminal()
    snr = read_signal_to_noise(folder / "twin-signal-to-noise.ecsv")
    with terminal.progress("fitting", len(galaxies_with_gradient())) as advance:
        samples = populations(snr, draws=draws, workers=workers, advance=advance)
    summary = summarise(samples)
    write_table(summary, folder / "population-check.ecsv",
                command="python -m experiments.studies.population")  # fmt: skip
    terminal.show(str(summary))


if __name__ == "__main__":
    run_alone(main)
