"""How well gradients from different annuli agree, and what it would take for them not to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import QTable, vstack
from numpy.typing import NDArray
from rich.table import Table

from experiments.statistics.correlation import pearson
from experiments.survey.statistics import PUBLISHED
from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.robust import ONE_SIGMA_PERCENTILES

Integers = NDArray[np.int_]

UNCONSTRAINED = "unconstrained"
"""Flag of forward gradients that the data say nothing of: as good as none."""

SAMPLES = 2000

FEWEST_PUBLISHED_PAIRS = 8
"""As many as have been published; fewer say nothing of r."""

CENTRAL = {"68": ONE_SIGMA_PERCENTILES, "95": (2.5, 97.5)}
"""Percentiles at the ends of central intervals."""

TRIED_ERRORS_DEX = np.arange(0.0, 1.005, 0.01)
"""Errors of an annulus that are tried, all unshared between the two measurements."""

BY_N2 = (("n2", "n2"),)


@dataclass(frozen=True)
class Comparison:
    """Gradients from other annuli or by another diagnostic, beside those of the first annuli.

    Parameters
    ----------
    scheme : str
        The other annuli, or the first once more.
    diagnostics : tuple of tuple of str
        By which the first and the second of two gradients are; pairs of all are pooled.
    n_pairs : int
        Of a published sample. Where none is published, as many as where most are.
    r_points : float
        Published, of the gradients as they are; NaN where none is.
    r, r_err : float
        As printed: mean and scatter of r once every gradient is moved by its own error.
    """

    scheme: str
    diagnostics: tuple[tuple[str, str], ...] = BY_N2
    n_pairs: int = 21
    r_points: float = math.nan
    r: float = math.nan
    r_err: float = math.nan

    @property
    def name(self) -> str:
        """Diagnostics of the second gradients, such as ``n2+n2o2``."""
        return "+".join(second for _, second in self.diagnostics)


REFERENCE = "3x0.5"
FIGURE_C1 = Comparison(
    "2x0.8", (*BY_N2, ("n2o2", "n2o2")), 21, PUBLISHED["r_2x0.8"], PUBLISHED["mean_r_2x0.8"], 0.17
)
FIGURE_C2 = Comparison("3x0.6", BY_N2, 16, PUBLISHED["r_3x0.6"], PUBLISHED["mean_r_3x0.6"], 0.24)
FIGURE_7 = Comparison(
    REFERENCE, (("n2", "n2o2"),), 8, PUBLISHED["r_n2_n2o2"], PUBLISHED["mean_r_n2_n2o2"], 0.44
)
"""Of Li et al. (2025), against 3 x 0.5 arcsec; points and pairs are those of its public tables."""


def comparisons(schemes: Sequence[str]) -> list[Comparison]:
    """Return what the first scheme is compared with, as it was published where it was.

    Parameters
    ----------
    schemes : sequence of str
        All of them.

    Returns
    -------
    list of Comparison
        The other schemes, then the first by N2O2.
    """
    reference, *others = schemes
    if reference != REFERENCE:
        return [*map(Comparison, others), Comparison(reference, FIGURE_7.diagnostics)]
    published = {figure.scheme: figure for figure in (FIGURE_C1, FIGURE_C2)}
    return [*(published.get(scheme, Comparison(scheme)) for scheme in others), FIGURE_7]


@dataclass(frozen=True, eq=False)
class PairedGradients:
    """Gradients of the same mocks from two measurements.

    Parameters
    ----------
    gradient, error, per_dex : array, shape (2, n_pairs)
        dex/kpc, its stated error, and the error that one dex in each annulus would add.
    truth : array, shape (n_pairs,)
        dex/kpc.
    """

    gradient: Array
    error: Array
    per_dex: Array
    truth: Array

    def samples(self, random: np.random.Generator, size: int) -> Integers:
        """Draw samples of pairs with replacement, shape (n_samples, size).

        Parameters
        ----------
        random : Generator
            Source of the draws.
        size : int
            Pairs in a sample.
        """
        return random.integers(0, self.truth.size, (SAMPLES, size))

    def correlation(self, samples: Integers, noise: Array | float = 0.0) -> Array:
        """Return Pearson's r of every sample, after noise is added to the gradients.

        Parameters
        ----------
        samples : int array, shape (n_samples, size)
            Which pairs.
        noise : array, shape (2, n_samples, size)
            dex/kpc.
        """
        return pearson(*(self.gradient[:, samples] + noise))


def agreements(gradients: QTable, *, seed: int = 0) -> QTable:
    """Compare gradients from other annuli and by another diagnostic with those of the first.

    Parameters
    ----------
    gradients : QTable
        Rows of the mocks, as ``COLUMNS`` of :mod:`experiments.binning.sensitivity`.
    seed : int
        Of the samples.

    Returns
    -------
    QTable
        One row a comparison and estimator: ``scheme, diagnostic, reference, estimator,
        sample_size, n_pairs, n_mocks, r_median, r_low, r_high, r_perturbed, r_truth,
        r_points_published, r_published, r_published_err, annulus_error_68, annulus_error_95``.
        r is that of samples of ``sample_size`` pairs, as many as were published if there are
        so many, drawn from the ``n_pairs`` of ``n_mocks`` mocks, with its central 68 per cent;
        NaN for fewer than 8 pairs. ``r_perturbed`` is the median after every gradient is moved
        by its own stated error, as is the ``r_published`` that is printed; ``r_truth`` is that
        of the second gradient with the truth. ``annulus_error_68`` and ``_95`` are the least
        errors, in dex, that each annulus would need apart from what the two measurements share
        for the published r of the points to lie in the central 68 and 95 per cent of samples:
        NaN where none up to 1 dex does it.
    """
    schemes = _in_order(gradients, "scheme")
    rows = [
        _row(gradients, schemes[0], comparison, estimator, seed)
        for comparison in comparisons(schemes)
        for estimator in _in_order(gradients, "estimator")
    ]
    table = QTable(rows=rows)
    for name in ("annulus_error_68", "annulus_error_95"):
        table[name] = table[name] * u.dex
    return table


def _in_order(table: QTable, column: str) -> list[str]:
    return list(dict.fromkeys(table[column].tolist()))


def paired(
    gradients: QTable, reference: str, comparison: Comparison, estimator: str
) -> PairedGradients:
    """Return the gradients of mocks that have both.

    Parameters
    ----------
    gradients : QTable
        Rows of the mocks, as ``COLUMNS`` of :mod:`experiments.binning.sensitivity`.
    reference : str
        Scheme of the first.
    comparison : Comparison
        With what.
    estimator : str
        Of both.
    """
    first, second = (
        vstack(
            [_chosen(gradients, scheme, pair[side], estimator) for pair in comparison.diagnostics]
        )
        for side, scheme in enumerate((reference, comparison.scheme))
    )
    if len(first) != len(second):
        raise ConfigurationError(
            f"{comparison.scheme} by {comparison.name} has {len(second)} rows and {reference} has "
            f"{len(first)}; expected one a mock in each"
        )
    gradient, error, per_dex = (
        np.stack([first[name].value, second[name].value])
        for name in ("gradient", "gradient_err", "gradient_per_dex")
    )
    constrained = _is_constrained(first) & _is_constrained(second)
    both = constrained & np.isfinite(gradient).all(axis=0)
    truth = first["gradient_true"].value
    return PairedGradients(gradient[:, both], error[:, both], per_dex[:, both], truth[both])


def _is_constrained(gradients: QTable) -> BoolArray:
    return np.array([UNCONSTRAINED not in str(flag).split("+") for flag in gradients["flag"]])


def _chosen(gradients: QTable, scheme: str, diagnostic: str, estimator: str) -> QTable:
    return gradients[
        (gradients["scheme"] == scheme)
        & (gradients["diagnostic"] == diagnostic)
        & (gradients["estimator"] == estimator)
    ]


def _row(
    gradients: QTable, reference: str, comparison: Comparison, estimator: str, seed: int
) -> dict[str, object]:
    pairs = paired(gradients, reference, comparison, estimator)
    size = min(comparison.n_pairs, pairs.truth.size)
    return {
        "scheme": comparison.scheme, "diagnostic": comparison.name, "reference": reference,
        "estimator": estimator, "sample_size": size, "n_pairs": pairs.truth.size,
        "n_mocks": len(_chosen(gradients, reference, "n2", estimator)),
        **_correlations(pairs, comparison.r_points, size, np.random.default_rng(seed)),
        "r_points_published": comparison.r_points,
        "r_published": comparison.r, "r_published_err": comparison.r_err,
    }  # fmt: skip


def _correlations(
    pairs: PairedGradients, published_r: float, size: int, random: np.random.Generator
) -> dict[str, float]:
    names = ("r_median", "r_low", "r_high", "r_perturbed", "r_truth",
             "annulus_error_68", "annulus_error_95")  # fmt: skip
    if pairs.truth.size < FEWEST_PUBLISHED_PAIRS:
        return dict.fromkeys(names, math.nan)
    samples = pairs.samples(random, size)
    white = random.standard_normal((2, *samples.shape))
    found = pairs.correlation(samples)
    perturbed = pairs.correlation(samples, pairs.error[:, samples] * white)
    with_truth = pearson(pairs.gradient[1, samples], pairs.truth[samples])
    median, low, high = np.percentile(found, (50.0, *CENTRAL["68"]))
    values = (median, low, high, np.median(perturbed), np.median(with_truth))
    needed = _errors_needed(pairs, published_r, samples, white)
    return dict(zip(names, map(float, (*values, *needed)), strict=True))


def _errors_needed(
    pairs: PairedGradients, published_r: float, samples: Integers, white: Array
) -> tuple[float, ...]:
    """Return the least error of an annulus that brings a published r into each interval."""
    needed = dict.fromkeys(CENTRAL, math.nan)
    if not (np.isfinite(pairs.per_dex).all() and math.isfinite(published_r)):
        return tuple(needed.values())
    added = pairs.per_dex[:, samples] * white
    for error in TRIED_ERRORS_DEX:
        found = pairs.correlation(samples, error * added)
        for name, ends in CENTRAL.items():
            low, high = np.percentile(found, ends)
            if math.isnan(needed[name]) and low <= published_r <= high:
                needed[name] = float(error)
        if not any(map(math.isnan, needed.values())):
            break
    return tuple(needed.values())


def agreement_table(agreement: QTable) -> Table:
    """Lay the comparisons out for the terminal.

    Parameters
    ----------
    agreement : QTable
        From :func:`agreements`.

    Returns
    -------
    rich.table.Table
        One row a comparison and estimator.
    """
    table = Table(title="Pearson r of gradients from other annuli with those of "
                  f"{agreement['reference'][0]}", title_justify="left")  # fmt: skip
    for heading in ("annuli", "by", "estimator", "pairs", "r (68 %)", "with truth",
                    "published", "dex needed"):  # fmt: skip
        left = heading in {"annuli", "by", "estimator"}
        table.add_column(heading, justify="left" if left else "right", no_wrap=True)
    for row in agreement:
        published, needed = math.isfinite(row["r_published"]), row["annulus_error_68"].value
        table.add_row(
            row["scheme"], row["diagnostic"], row["estimator"], f"{row['n_pairs']}",
            f"{row['r_median']:.2f} ({row['r_low']:.2f} to {row['r_high']:.2f})",
            f"{row['r_truth']:.2f}",
            f"{row['r_published']:.2f} +- {row['r_published_err']:.2f}" if published else "",
            f"{needed:.2f}" if math.isfinite(needed) else "",
        )  # fmt: skip
    table.caption = (
        f"pairs: of {agreement['n_mocks'][0]} mocks; dex needed: unshared error of every annulus "
        "for the published r, of the points, to be in the central 68 per cent of samples"
    )
    return table
