"""How well gradients from different annuli agree, and what it would take for them not to."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from astropy import units as u
from astropy.table import QTable
from numpy.typing import NDArray
from rich.table import Table

from kurvs_pipeline.errors import ConfigurationError

Array = NDArray[np.float64]
Integers = NDArray[np.int_]

UNCONSTRAINED = "unconstrained"
"""Flag of forward gradients that the data say nothing of: as good as none."""

SAMPLES = 2000
SAMPLE_SIZE, SMALL_SAMPLE_SIZE = 34, 8
"""Galaxies with a published gradient by N2, and by both N2 and N2O2."""

FEWEST_PAIRS = 8
"""Fewer say nothing of r."""

CENTRAL = {"68": (0.16, 0.84), "95": (0.025, 0.975)}
ERRORS_DEX = np.arange(0.0, 1.005, 0.01)
"""Errors of an annulus that are tried, all unshared between the two measurements."""


@dataclass(frozen=True)
class Published:
    """A published Pearson r of two sets of gradients.

    Parameters
    ----------
    r, err : float
        As printed.
    figure : str
        Of Li et al. (2025).
    """

    r: float
    err: float
    figure: str


PUBLISHED: Mapping[tuple[str, str], Published] = MappingProxyType({
    ("2x0.8", "n2"): Published(0.01, 0.17, "C1"),
    ("3x0.6", "n2"): Published(0.10, 0.24, "C2"),
    ("3x0.5", "n2o2"): Published(0.20, 0.44, "7"),
})  # fmt: skip
"""Against 3 x 0.5 arcsec and N2, by scheme and diagnostic."""


@dataclass(frozen=True, eq=False)
class PairedGradients:
    """Gradients of the same mocks from two measurements.

    Parameters
    ----------
    gradient, error, per_dex : array, shape (2, n_mocks)
        dex/kpc, its stated error, and the error that one dex in each annulus would add.
    truth : array, shape (n_mocks,)
        dex/kpc.
    """

    gradient: Array
    error: Array
    per_dex: Array
    truth: Array

    def samples(self, random: np.random.Generator, size: int) -> Integers:
        """Draw samples of mocks with replacement, shape (n_samples, size).

        Parameters
        ----------
        random : Generator
            Source of the draws.
        size : int
            Mocks in a sample.
        """
        return random.integers(0, self.truth.size, (SAMPLES, size))

    def correlation(self, samples: Integers, noise: Array | float = 0.0) -> Array:
        """Return Pearson's r of every sample, after noise is added to the gradients.

        Parameters
        ----------
        samples : int array, shape (n_samples, size)
            Which mocks.
        noise : array, shape (2, n_samples, size)
            dex/kpc.
        """
        return pearson(*(self.gradient[:, samples] + noise))


def pearson(first: Array, second: Array) -> Array:
    """Return Pearson's r along the last axis.

    Parameters
    ----------
    first, second : array, shape (..., n)
        What is compared; NaN comes out where one of them is constant.
    """
    a = first - first.mean(axis=-1, keepdims=True)
    b = second - second.mean(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.asarray((a * b).sum(axis=-1) / np.sqrt((a**2).sum(-1) * (b**2).sum(-1)))


def agreements(gradients: QTable, *, seed: int = 0) -> QTable:
    """Compare every scheme and diagnostic with the first scheme by N2.

    Parameters
    ----------
    gradients : QTable
        As of :func:`experiments.binning_sensitivity.gradients_table`.
    seed : int
        Of the samples.

    Returns
    -------
    QTable
        One row a comparison and estimator: ``scheme, diagnostic, reference, estimator,
        sample_size, n_mocks, measured, r_median, r_low, r_high, r_perturbed, r_truth,
        r_published, r_published_err, annulus_error_68, annulus_error_95``. r is that of samples
        of ``sample_size`` mocks, 34 (8 by N2O2) or as many as have a gradient in both, with its
        central 68 per cent; NaN for fewer than 8;
        ``measured`` is the fraction of mocks that have one; ``r_perturbed`` the median after
        every gradient is moved by its own stated error; ``r_truth`` that of the second gradient
        with the truth. ``annulus_error_68`` and ``_95`` are the least errors, in dex, that each
        annulus would need apart from what the two measurements share for the published r to lie
        in the central 68 and 95 per cent of samples: NaN where none up to 1 dex does it.
    """
    reference = str(gradients["scheme"][0])
    compared = [(scheme, "n2") for scheme in _in_order(gradients, "scheme") if scheme != reference]
    compared.append((reference, "n2o2"))
    rows = [
        _row(gradients, reference, scheme, diagnostic, estimator, seed)
        for scheme, diagnostic in compared
        for estimator in _in_order(gradients, "estimator")
    ]
    table = QTable(rows=rows)
    for name in ("annulus_error_68", "annulus_error_95"):
        table[name] = table[name] * u.dex
    return table


def _in_order(table: QTable, column: str) -> list[str]:
    return list(dict.fromkeys(table[column].tolist()))


def paired(
    gradients: QTable, reference: str, scheme: str, diagnostic: str, estimator: str
) -> PairedGradients:
    """Return the mocks that have a gradient in both measurements.

    Parameters
    ----------
    gradients : QTable
        As of :func:`experiments.binning_sensitivity.gradients_table`.
    reference : str
        Scheme of the first, by N2.
    scheme, diagnostic : str
        Of the second.
    estimator : str
        Of both.
    """
    first, second = (
        gradients[
            (gradients["scheme"] == one)
            & (gradients["diagnostic"] == by)
            & (gradients["estimator"] == estimator)
        ]
        for one, by in ((reference, "n2"), (scheme, diagnostic))
    )
    if len(first) != len(second):
        raise ConfigurationError(
            f"{scheme} by {diagnostic} has {len(second)} rows and {reference} by n2 has "
            f"{len(first)}; expected one a mock in each"
        )
    gradient, error, per_dex = (
        np.stack([first[name].value, second[name].value])
        for name in ("gradient", "gradient_err", "gradient_per_dex")
    )
    constrained = (first["flag"] != UNCONSTRAINED) & (second["flag"] != UNCONSTRAINED)
    both = constrained & np.isfinite(gradient).all(axis=0)
    truth = first["gradient_true"].value
    return PairedGradients(gradient[:, both], error[:, both], per_dex[:, both], truth[both])


def _row(
    gradients: QTable, reference: str, scheme: str, diagnostic: str, estimator: str, seed: int
) -> dict[str, object]:
    pair = paired(gradients, reference, scheme, diagnostic, estimator)
    size = min(SAMPLE_SIZE if diagnostic == "n2" else SMALL_SAMPLE_SIZE, pair.truth.size)
    n_mocks = int(((gradients["scheme"] == reference) & (gradients["diagnostic"] == "n2")
                   & (gradients["estimator"] == estimator)).sum())  # fmt: skip
    published = PUBLISHED.get((scheme, diagnostic), Published(math.nan, math.nan, ""))
    return {
        "scheme": scheme, "diagnostic": diagnostic, "reference": f"{reference} n2",
        "estimator": estimator, "sample_size": size, "n_mocks": pair.truth.size,
        "measured": pair.truth.size / n_mocks,
        **_correlations(pair, published, size, np.random.default_rng(seed)),
        "r_published": published.r, "r_published_err": published.err,
    }  # fmt: skip


def _correlations(
    pair: PairedGradients, published: Published, size: int, random: np.random.Generator
) -> dict[str, float]:
    names = ("r_median", "r_low", "r_high", "r_perturbed", "r_truth",
             "annulus_error_68", "annulus_error_95")  # fmt: skip
    if pair.truth.size < FEWEST_PAIRS:
        return dict.fromkeys(names, math.nan)
    samples = pair.samples(random, size)
    white = random.standard_normal((2, *samples.shape))
    found = pair.correlation(samples)
    perturbed = pair.correlation(samples, pair.error[:, samples] * white)
    with_truth = pearson(pair.gradient[1, samples], pair.truth[samples])
    low, median, high = np.quantile(found, (0.16, 0.5, 0.84))
    values = (median, low, high, np.median(perturbed), np.median(with_truth))
    needed = _errors_needed(pair, published.r, samples, white)
    return dict(zip(names, map(float, (*values, *needed)), strict=True))


def _errors_needed(
    pair: PairedGradients, published_r: float, samples: Integers, white: Array
) -> tuple[float, ...]:
    """Return the least error of an annulus that brings a published r into each interval."""
    needed = dict.fromkeys(CENTRAL, math.nan)
    if not (np.isfinite(pair.per_dex).all() and math.isfinite(published_r)):
        return tuple(needed.values())
    added = pair.per_dex[:, samples] * white
    for error in ERRORS_DEX:
        found = pair.correlation(samples, error * added)
        for name, levels in CENTRAL.items():
            low, high = np.quantile(found, levels)
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
    for heading in ("annuli", "by", "estimator", "measured", "r (68 %)", "with truth",
                    "published", "dex needed"):  # fmt: skip
        left = heading in {"annuli", "by", "estimator"}
        table.add_column(heading, justify="left" if left else "right", no_wrap=True)
    for row in agreement:
        published = math.isfinite(row["r_published"])
        table.add_row(
            row["scheme"], row["diagnostic"], row["estimator"], f"{row['measured']:.0%}",
            f"{row['r_median']:.2f} ({row['r_low']:.2f} to {row['r_high']:.2f})",
            f"{row['r_truth']:.2f}",
            f"{row['r_published']:.2f} +- {row['r_published_err']:.2f}" if published else "",
            f"{row['annulus_error_68'].value:.2f}" if published else "",
        )  # fmt: skip
    table.caption = (
        "dex needed: unshared error of every annulus for the published r to be in the central "
        "68 per cent of samples"
    )
    return table
