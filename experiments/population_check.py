"""Whether the mean and scatter of a sample come out of its line fluxes.

    python -m experiments.population_check docs --draws 200

measures the 34 galaxies of the survey with a published gradient, each with gradients drawn from
N(0, 0.04) dex/kpc, and fits a normal population to the likelihoods of the galaxies of each draw.
Writes ``population-check.ecsv``.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from astropy.table import QTable
from numpy.typing import NDArray

from experiments.gradient_estimators import CASES, forward_fit
from experiments.line_flux_mocks import (
    INTRINSIC_SCATTER,
    MockDesign,
    annuli,
    galaxies_with_gradient,
    read_signal_to_noise,
)
from experiments.pool import run_tasks
from experiments.terminal import Terminal
from kurvs_pipeline.calibration import coverage, median_bias
from kurvs_pipeline.gradient_posterior import GradientPosterior
from kurvs_pipeline.population import Population

Array = NDArray[np.float64]

TRUTH = {"mean": 0.0, "scatter": INTRINSIC_SCATTER}


def posterior_of(
    number: int, *, snr: dict[int, dict[str, float]], draws: int
) -> tuple[GradientPosterior, Array]:
    """Return the likelihoods of the gradients of a galaxy, and the true gradients.

    Parameters
    ----------
    number : int
        In the survey.
    snr : dict
        Expected S/N of lines by galaxy.
    draws : int
        Of gradient and noise.
    """
    mocks = MockDesign(number, draws=draws).make(snr[number])
    weights = mocks.weights(annuli("3x0.5", mocks.metadata), mocks.metadata)
    fit = forward_fit(mocks, mocks.metadata, weights, CASES[0])
    return fit.posterior, mocks.gradient


def populations(
    snr: dict[int, dict[str, float]], *, draws: int, workers: int,
    advance: Callable[[int], None] = lambda _: None, galaxies: Sequence[int] | None = None,
) -> QTable:  # fmt: skip
    """Fit a population to every draw of the sample.

    Parameters
    ----------
    snr : dict
        Expected S/N of lines by galaxy.
    draws : int
        Samples.
    workers : int
        Processes.
    advance : callable
        Called with 1 after each galaxy.
    galaxies : sequence of int, optional
        Of a sample; by default all with a published gradient.

    Returns
    -------
    QTable
        One row a sample: ``mean, mean_low, mean_high, scatter, scatter_low, scatter_high`` of
        the posterior, and ``drawn_mean, drawn_scatter`` of the true gradients, dex/kpc.
    """
    chosen = galaxies_with_gradient() if galaxies is None else galaxies
    measured = run_tasks(
        partial(posterior_of, snr=snr, draws=draws), chosen, workers=workers, advance=advance
    )
    return QTable(rows=[_sample(measured, index) for index in range(draws)])


def _sample(measured: Sequence[tuple[GradientPosterior, Array]], index: int) -> dict[str, float]:
    one = slice(index, index + 1)
    galaxies = [
        replace(posterior, gradient=posterior.gradient[one], log_density=posterior.log_density[one])
        for posterior, _ in measured
    ]
    true = np.array([gradient[index] for _, gradient in measured])
    found = Population.of_posteriors(galaxies).posterior()
    row = {"drawn_mean": float(true.mean()), "drawn_scatter": float(true.std())}
    for name in TRUTH:
        low, high = found.interval(name)
        row |= {name: getattr(found, name)[0], f"{name}_low": low, f"{name}_high": high}
    return row


def summarise(samples: QTable) -> QTable:
    """Return bias and coverage of mean and scatter over all samples.

    Parameters
    ----------
    samples : QTable
        From :func:`populations`.
    """
    rows = []
    for name, true in TRUTH.items():
        truth = np.full(len(samples), true)
        bias = median_bias(truth, samples[name])
        inside = coverage(truth, samples[f"{name}_low"], samples[f"{name}_high"])
        rows.append({
            "quantity": name, "truth": true, "samples": len(samples), "bias": bias.value,
            "bias_err": bias.error, "coverage": inside.value, "coverage_err": inside.error,
            "half_width": float(np.median(samples[f"{name}_high"] - samples[f"{name}_low"])) / 2.0,
        })  # fmt: skip
    return QTable(rows=rows, meta={"version": version("kurvs")})


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
    summary.meta["command"] = "python -m experiments.population_check"
    summary.write(folder / "population-check.ecsv", overwrite=True)
    terminal.show(str(summary))


if __name__ == "__main__":
    typer.run(main)
