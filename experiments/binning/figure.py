"""The figure of the binnings: gradients side by side, r of samples, and r against added error."""

import numpy as np
from astropy.table import QTable
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.binning.agreement import (
    FEWEST_PUBLISHED_PAIRS,
    Comparison,
    PairedGradients,
    comparisons,
    paired,
)
from kurvs_pipeline.plots.parts import MUTED_COLOUR, SERIES_COLOURS

SHOWN_GRADIENT = 0.2
"""dex/kpc: beyond lie compact galaxies that f_grad multiplies by ten."""

SHOWN_ERRORS_DEX = np.linspace(0.0, 0.5, 26)
ESTIMATOR = "slope_fgrad"


def binning_figure(gradients: QTable, agreement: QTable) -> Figure:
    """Draw what the choice of annuli does to gradients.

    Left: gradients (slope x f_grad) from other annuli against those of the first scheme.
    Middle: Pearson r with it of samples as large as those published, by scheme and estimator;
    bars hold 68 per cent, diamonds are as printed, crosses the r of the published points. Right:
    r of samples as unshared error is added to each annulus; bands hold 68 per cent, dotted lines
    are the r of the published points.

    Parameters
    ----------
    gradients : QTable
        Rows of the mocks, as ``COLUMNS`` of :mod:`experiments.binning.sensitivity`.
    agreement : QTable
        From :func:`experiments.binning.agreement.agreements`.
    """
    figure = Figure(figsize=(16.0, 5.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    schemes = list(dict.fromkeys(gradients["scheme"].tolist()))
    reference = schemes[0]
    others = [c for c in comparisons(schemes) if c.scheme != reference]
    pairs = {c: paired(gradients, reference, c, ESTIMATOR) for c in others}
    plot_pairs(pairs, reference, left)
    plot_correlations(agreement, middle)
    plot_added_error({c: p for c, p in pairs.items() if np.isfinite(c.r_points)}, right)
    return figure


def plot_pairs(pairs: dict[Comparison, PairedGradients], reference: str, axes: Axes) -> Axes:
    """Draw gradients of the same mocks against each other.

    Parameters
    ----------
    pairs : dict of Comparison to PairedGradients
        Gradients through the reference are the first of each pair.
    reference : str
        Scheme of the abscissa.
    axes : Axes
        Axes to draw into.
    """
    limits = -SHOWN_GRADIENT, SHOWN_GRADIENT
    for (other, pair), colour, marker in zip(pairs.items(), SERIES_COLOURS, "os^D", strict=False):
        first, second = pair.gradient
        axes.plot(first, second, marker, markersize=4.0, color=colour, alpha=0.6,
                  label=other.scheme)  # fmt: skip
    axes.plot(limits, limits, color="black", linewidth=0.8, linestyle="--")
    axes.set(xlim=limits, ylim=limits, xlabel=f"gradient, {reference} (dex kpc$^{{-1}}$)",
             ylabel="gradient, other annuli (dex kpc$^{-1}$)",
             title=r"slope $\times$ f, the same cubes")  # fmt: skip
    axes.locator_params(nbins=5)
    axes.legend(loc="upper left")
    return axes


def plot_correlations(agreement: QTable, axes: Axes) -> Axes:
    """Draw the r of samples by comparison and estimator, and the published ones.

    Parameters
    ----------
    agreement : QTable
        From :func:`~experiments.binning.agreement.agreements`.
    axes : Axes
        Axes to draw into.
    """
    keys = list(dict.fromkeys(zip(agreement["scheme"], agreement["diagnostic"], strict=True)))
    estimators = list(dict.fromkeys(agreement["estimator"].tolist()))
    for shift, (estimator, colour) in enumerate(zip(estimators, SERIES_COLOURS, strict=False)):
        rows = agreement[agreement["estimator"] == estimator]
        place = np.array([keys.index((r["scheme"], r["diagnostic"])) for r in rows])
        middle = np.asarray(rows["r_median"])
        bars = middle - rows["r_low"], rows["r_high"] - middle
        axes.errorbar(place + 0.14 * (shift - 1.5), middle, bars, fmt="o", color=colour,
                      label=estimator)  # fmt: skip
    of_one = agreement[agreement["estimator"] == estimators[0]]
    place = np.arange(len(keys)) + 0.36
    axes.errorbar(
        place, of_one["r_published"], of_one["r_published_err"], fmt="D", color="black",
        label="published",
    )  # fmt: skip
    axes.plot(place, of_one["r_points_published"], "x", color="black", label="of published points")
    axes.axhline(0.0, color=MUTED_COLOUR, linewidth=0.8)
    axes.set_xticks(range(len(keys)), [f"{s}\n{d}" for s, d in keys])
    axes.set(
        ylabel=f"Pearson r with {agreement['reference'][0]}",
        ylim=(-0.5, 1.05),
        title="samples of galaxies",
    )
    axes.legend(loc="lower left", fontsize=8, ncols=3)
    return axes


def plot_added_error(pairs: dict[Comparison, PairedGradients], axes: Axes) -> Axes:
    """Draw r of samples against the unshared error of each annulus.

    Parameters
    ----------
    pairs : dict of Comparison to PairedGradients
        Those with too few pairs are left out.
    axes : Axes
        Axes to draw into.
    """
    for (other, pair), colour in zip(pairs.items(), SERIES_COLOURS, strict=False):
        if pair.truth.size < FEWEST_PUBLISHED_PAIRS:
            continue
        random = np.random.default_rng(0)
        samples = pair.samples(random, min(other.n_pairs, pair.truth.size))
        added = pair.per_dex[:, samples] * random.standard_normal((2, *samples.shape))
        low, middle, high = np.quantile(
            [pair.correlation(samples, error * added) for error in SHOWN_ERRORS_DEX],
            (0.16, 0.5, 0.84), axis=1,
        )  # fmt: skip
        axes.plot(SHOWN_ERRORS_DEX, middle, color=colour, label=other.scheme)
        axes.fill_between(SHOWN_ERRORS_DEX, low, high, color=colour, alpha=0.2, linewidth=0.0)
        axes.axhline(other.r_points, color=colour, linestyle=":")
    axes.set(xlabel="unshared error of every annulus (dex)", ylabel="Pearson r",
             ylim=(-0.5, 1.05), title="what would undo the agreement")  # fmt: skip
    axes.legend(loc="upper right")
    return axes
