"""The figure of the binnings: gradients side by side, r of samples, and r against added error."""

import numpy as np
from astropy.table import QTable
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.binning_agreement import (
    FEWEST_PAIRS,
    PUBLISHED,
    SAMPLE_SIZE,
    PairedGradients,
    paired,
)
from experiments.style import MUTED_COLOUR

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")
SHOWN_GRADIENT = 0.2
"""dex/kpc: beyond lie compact galaxies that f_grad multiplies by ten."""

ERRORS_DEX = np.linspace(0.0, 0.5, 26)
ESTIMATOR = "slope_fgrad"


def binning_figure(gradients: QTable, agreement: QTable) -> Figure:
    """Draw what the choice of annuli does to gradients by N2.

    Left: gradients (slope x f_grad) from other annuli against those of the first scheme.
    Middle: Pearson r with it of samples of galaxies, by scheme and estimator; bars hold 68 per
    cent, diamonds are published. Right: r of samples as unshared error is added to each annulus;
    bands hold 68 per cent, diamonds with bars are the published r, at the error where it would
    be a median sample.

    Parameters
    ----------
    gradients : QTable
        As of :func:`experiments.binning_sensitivity.gradients_table`.
    agreement : QTable
        From :func:`experiments.binning_agreement.agreements`.
    """
    figure = Figure(figsize=(16.0, 5.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    reference = str(gradients["scheme"][0])
    schemes = [s for s in dict.fromkeys(gradients["scheme"].tolist()) if s != reference]
    pairs = {s: paired(gradients, reference, s, "n2", ESTIMATOR) for s in schemes}
    plot_pairs(pairs, reference, left)
    plot_correlations(agreement, middle)
    plot_added_error({s: p for s, p in pairs.items() if (s, "n2") in PUBLISHED}, right)
    return figure


def plot_pairs(pairs: dict[str, PairedGradients], reference: str, axes: Axes) -> Axes:
    """Draw gradients of the same mocks against each other."""
    limits = -SHOWN_GRADIENT, SHOWN_GRADIENT
    for (scheme, pair), colour, marker in zip(pairs.items(), COLOURS, "os^D", strict=False):
        first, second = pair.gradient
        axes.plot(first, second, marker, markersize=4.0, color=colour, alpha=0.6, label=scheme)
    axes.plot(limits, limits, color="black", linewidth=0.8, linestyle="--")
    axes.set(xlim=limits, ylim=limits, xlabel=f"gradient, {reference} (dex kpc$^{{-1}}$)",
             ylabel="gradient, other annuli (dex kpc$^{-1}$)",
             title=r"slope $\times$ f, the same cubes")  # fmt: skip
    axes.locator_params(nbins=5)
    axes.legend(loc="upper left")
    return axes


def plot_correlations(agreement: QTable, axes: Axes) -> Axes:
    """Draw the r of samples by comparison and estimator, and the published ones."""
    keys = list(dict.fromkeys(zip(agreement["scheme"], agreement["diagnostic"], strict=True)))
    estimators = list(dict.fromkeys(agreement["estimator"].tolist()))
    for shift, (estimator, colour) in enumerate(zip(estimators, COLOURS, strict=False)):
        rows = agreement[agreement["estimator"] == estimator]
        place = np.array([keys.index((r["scheme"], r["diagnostic"])) for r in rows])
        middle = np.asarray(rows["r_median"])
        bars = middle - rows["r_low"], rows["r_high"] - middle
        axes.errorbar(place + 0.14 * (shift - 1.5), middle, bars, fmt="o", color=colour,
                      label=estimator)  # fmt: skip
    published = [(n, PUBLISHED[key]) for n, key in enumerate(keys) if key in PUBLISHED]
    axes.errorbar(
        [n + 0.36 for n, _ in published], [p.r for _, p in published],
        [p.err for _, p in published], fmt="D", color="black", label="published",
    )  # fmt: skip
    axes.axhline(0.0, color=MUTED_COLOUR, linewidth=0.8)
    axes.set_xticks(range(len(keys)), [f"{s}\n{d}" for s, d in keys])
    axes.set(ylabel="Pearson r with 3x0.5 by N2", ylim=(-0.5, 1.05), title="samples of galaxies")
    axes.legend(loc="lower left", fontsize=8)
    return axes


def plot_added_error(pairs: dict[str, PairedGradients], axes: Axes) -> Axes:
    """Draw r of samples against the unshared error of each annulus."""
    for (scheme, pair), colour in zip(pairs.items(), COLOURS, strict=False):
        if pair.truth.size < FEWEST_PAIRS:
            continue
        random = np.random.default_rng(0)
        samples = pair.samples(random, min(SAMPLE_SIZE, pair.truth.size))
        added = pair.per_dex[:, samples] * random.standard_normal((2, *samples.shape))
        low, middle, high = np.quantile(
            [pair.correlation(samples, error * added) for error in ERRORS_DEX],
            (0.16, 0.5, 0.84), axis=1,
        )  # fmt: skip
        axes.plot(ERRORS_DEX, middle, color=colour, label=scheme)
        axes.fill_between(ERRORS_DEX, low, high, color=colour, alpha=0.2, linewidth=0.0)
        published = PUBLISHED[scheme, "n2"]
        axes.axhspan(published.r - published.err, published.r + published.err, color=colour,
                     alpha=0.1, hatch="//", linewidth=0.0)  # fmt: skip
        axes.axhline(published.r, color=colour, linestyle=":")
    axes.set(xlabel="unshared error of every annulus (dex)", ylabel="Pearson r with 3x0.5 by N2",
             ylim=(-0.5, 1.05), title="what would undo the agreement")  # fmt: skip
    axes.legend(loc="upper right")
    return axes
