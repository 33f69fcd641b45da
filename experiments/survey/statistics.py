"""The statistics that the survey publishes, of its own table or of a twin's.

Li et al. (2025): Sections 3.2 and 4, Table 1, Figs 7, C1 and C2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import xarray as xr

from experiments.statistics.correlation import FEWEST_PAIRS, pearson
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.errors import CoverageError
from kurvs_pipeline.scaling_relations import fit_mass_metallicity
from kurvs_sim.survey.catalogue import GRADIENT_DIAGNOSTICS, kurvs_catalogue

LOG_MASS_ERR = 0.2
ERROR_DRAWS = 10_000
"""Draws of all errors, for the mean and scatter of a correlation."""

PUBLISHED: Mapping[str, float] = MappingProxyType({
    "n_n2": 34.0, "n_n2o2": 8.0, "n_r23": 1.0,
    "median": 0.01, "percentile_16": -0.03, "percentile_84": 0.05,
    "f_grad_median": 1.9, "f_grad_16": 1.3, "f_grad_84": 2.3,
    "r_n2_n2o2": 0.425, "r_2x0.8": -0.004, "r_3x0.6": 0.159,
    "mean_r_n2_n2o2": 0.20, "mean_r_2x0.8": 0.01, "mean_r_3x0.6": 0.10,
    "mzr_asymptote": 9.00, "mzr_log_turnover_mass": 10.87, "mzr_slope": 0.32,
})  # fmt: skip
"""As the paper prints them, gradients in dex/kpc; but correlations of the points themselves are
those of its Table 1 and, for other annuli, of its public tables."""

MEANING: Mapping[str, str] = MappingProxyType({
    "n_n2": "galaxies with a gradient by N2",
    "n_n2_3_bins": "galaxies with N2 in three annuli",
    "n_n2_2_bins": "galaxies with N2 in two annuli",
    "n_n2_fewer": "galaxies with N2 in less than two",
    "n_n2o2": "galaxies with a gradient by N2O2",
    "n_r23": "galaxies with a gradient by R23",
    "median": "median of the gradients by N2 (dex/kpc)",
    "percentile_16": "16th percentile of the same",
    "percentile_84": "84th percentile of the same",
    "width": "half of 84th less 16th percentile",
    "f_grad_median": "median of f_grad",
    "f_grad_16": "16th percentile of f_grad",
    "f_grad_84": "84th percentile of f_grad",
    "r_n2_n2o2": "Pearson r, N2 against N2O2",
    "r_2x0.8": 'Pearson r, 3 x 0.5" against 2 x 0.8", N2 and N2O2',
    "r_3x0.6": 'Pearson r, 3 x 0.5" against 3 x 0.6", N2',
    "mean_r_n2_n2o2": "the first of them, mean with errors drawn again",
    "mean_r_2x0.8": "the second, likewise",
    "mean_r_3x0.6": "the third, likewise",
    "mzr_asymptote": "mass-metallicity relation by N2: asymptote",
    "mzr_log_turnover_mass": "its turnover mass (log10, solar)",
    "mzr_slope": "its slope",
    "mzr_at_9.5": "the relation at log mass 9.5",
    "mzr_at_10.2": "the relation at log mass 10.2",
    "mzr_at_11": "the relation at log mass 11",
})  # fmt: skip
"""What each statistic is; those that the paper does not print are ours."""


@dataclass(frozen=True)
class SurveyTable:
    """Gradients of the galaxies of a survey, in one binning.

    Parameters
    ----------
    gradient : mapping of str to array, shape (n_galaxies,)
        By diagnostic, dex/kpc; NaN where there is none.
    gradient_err : mapping of str to array, same shape
        Standard errors.
    """

    gradient: Mapping[str, Array]
    gradient_err: Mapping[str, Array]

    @classmethod
    def published(cls) -> "SurveyTable":
        """Return Table 1 of Li et al. (2025), in the order of Table A1."""
        rows = [
            {name: (value, error) for name, value, error in entry.gradients}
            for entry in kurvs_catalogue().values()
        ]
        missing = (np.nan, np.nan)
        both = {
            name: np.array([row.get(name, missing) for row in rows])
            for name in GRADIENT_DIAGNOSTICS
        }
        return cls(
            {name: pair[:, 0] for name, pair in both.items()},
            {name: pair[:, 1] for name, pair in both.items()},
        )

    @classmethod
    def of_twin(cls, numbers: xr.Dataset) -> "SurveyTable":
        """Take the gradients of a twin from its numbers of one definition and scheme."""
        names = [str(name) for name in numbers["diagnostic"].to_numpy()]
        return cls(
            {name: numbers["gradient"].sel(diagnostic=name).to_numpy() for name in names},
            {name: numbers["gradient_err"].sel(diagnostic=name).to_numpy() for name in names},
        )

    def statistics(self) -> dict[str, float]:
        """Return number, distribution and correlation of the gradients."""
        n2 = self.gradient["n2"]
        low, middle, high = percentiles(n2)
        counts = {f"n_{name}": float(np.isfinite(v).sum()) for name, v in self.gradient.items()}
        return counts | {
            "median": middle,
            "percentile_16": low,
            "percentile_84": high,
            "width": 0.5 * (high - low),
        }

    def columns(self, *diagnostics: str) -> tuple[Array, Array]:
        """Return gradients and errors by some diagnostics, one after the other."""
        return (
            np.concatenate([self.gradient[name] for name in diagnostics]),
            np.concatenate([self.gradient_err[name] for name in diagnostics]),
        )


def twin_statistics(numbers: xr.Dataset) -> dict[str, float]:
    """Return every statistic of one twin, by the names of ``MEANING``; NaN for too few galaxies.

    Parameters
    ----------
    numbers : Dataset
        Of one definition, in the three schemes of the survey, along ``galaxy``; see
        :func:`experiments.survey.numbers.numbers_of`.
    """
    of_survey = numbers.isel(scheme=0)
    bins = of_survey["n_bins"].sel(diagnostic="n2").to_numpy()
    factors = percentiles(of_survey["f_grad"].sel(diagnostic="n2").to_numpy())
    tables = [
        SurveyTable.of_twin(numbers.sel(scheme=name)) for name in numbers["scheme"].to_numpy()
    ]
    pairs = {
        "n2_n2o2": (tables[0].columns("n2"), tables[0].columns("n2o2")),
        "2x0.8": (tables[0].columns("n2", "n2o2"), tables[1].columns("n2", "n2o2")),
        "3x0.6": (tables[0].columns("n2"), tables[2].columns("n2")),
    }
    found = tables[0].statistics() | {
        "n_n2_3_bins": float((bins == 3).sum()),
        "n_n2_2_bins": float((bins == 2).sum()),
        "n_n2_fewer": float((bins < 2).sum()),
        **dict(zip(("f_grad_16", "f_grad_median", "f_grad_84"), factors, strict=True)),
    }
    for name, (first, second) in pairs.items():
        found[f"r_{name}"] = float(pearson(first[0], second[0]))
        found[f"mean_r_{name}"] = drawn_pearson(first, second)[0]
    return found | _mass_metallicity(numbers)


def _mass_metallicity(numbers: xr.Dataset) -> dict[str, float]:
    """Return the relation by N2 that is fitted to the integrated abundances."""
    names = ("mzr_asymptote", "mzr_log_turnover_mass", "mzr_slope")
    masses = {"mzr_at_9.5": 9.5, "mzr_at_10.2": 10.2, "mzr_at_11": 11.0}
    catalogue = kurvs_catalogue()
    mass = [catalogue[int(number)].log_stellar_mass for number in numbers["galaxy"].to_numpy()]
    n2 = numbers.sel(diagnostic="n2")
    try:
        relation = fit_mass_metallicity(
            mass, n2["abundance"].to_numpy(), log_stellar_mass_err=LOG_MASS_ERR,
            oxygen_abundance_err=n2["abundance_err"].to_numpy(),
        )  # fmt: skip
    except CoverageError:
        return dict.fromkeys((*names, *masses), np.nan)
    parameters = (relation.asymptote, relation.log_turnover_mass, relation.slope)
    at = {name: float(relation(mass)) for name, mass in masses.items()}
    return dict(zip(names, parameters, strict=True)) | at


def percentiles(values: Array) -> tuple[float, float, float]:
    """Return the 16th, 50th and 84th percentile of what is finite; NaN if nothing is."""
    known = values[np.isfinite(values)]
    if known.size == 0:
        return (float("nan"),) * 3
    low, middle, high = np.percentile(known, [16.0, 50.0, 84.0])
    return float(low), float(middle), float(high)


def drawn_pearson(first: tuple[Array, Array], second: tuple[Array, Array]) -> tuple[float, float]:
    """Return mean and scatter of the correlation after errors are drawn, as the survey does.

    The values hold their errors already: drawn again, they count twice, and the correlation comes
    out nearer to 0 than that of the points.
    """
    both = np.isfinite(first + second).all(axis=0)
    if both.sum() < FEWEST_PAIRS:
        return float("nan"), float("nan")
    random = np.random.default_rng(0)
    drawn = [
        value[both] + error[both] * random.standard_normal((ERROR_DRAWS, int(both.sum())))
        for value, error in (first, second)
    ]
    correlations = pearson(*drawn)
    return float(np.mean(correlations)), float(np.std(correlations))
