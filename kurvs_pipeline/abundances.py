"""Strong-line oxygen abundances: one sourced table of calibrations.

The published relations contradict one another, so an abundance only means something
together with its diagnostic: a mock carries the intrinsic value of each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kurvs_pipeline.lines import DOUBLET_RATIO
from kurvs_pipeline.polynomial_calibrations import (
    BIAN18_R23,
    CURTI20_N2,
    CURTI20_O32,
    CURTI20_R23,
    MAIOLINO08_N2,
    MAIOLINO08_R23,
)

Array = NDArray[np.float64]

DEFAULT_LOG_U = -2.5
"""Ionization parameter of the survey's stacked spectrum (Li et al. 2025, Section 3.2)."""


@dataclass(frozen=True)
class Diagnostic:
    """One calibration, from dust-free line fluxes to 12 + log(O/H).

    Parameters
    ----------
    name : str
        As in the output tables.
    lines : tuple of str
        The lines that it needs.
    log_ratio : callable
        From a mapping of line to flux to the logarithm of the line ratio.
    oxygen_abundance : callable
        From that logarithm to 12 + log(O/H).
    valid_range : tuple of float
        12 + log(O/H) for which the relation is used.
    source : str
        The publication.
    """

    name: str
    lines: tuple[str, ...]
    log_ratio: Callable[[Mapping[str, Array]], Array]
    oxygen_abundance: Callable[[Array], Array]
    valid_range: tuple[float, float]
    source: str

    def from_fluxes(self, fluxes: Mapping[str, Array]) -> Array:
        """Return 12 + log(O/H); NaN where a line is not positive."""
        with np.errstate(invalid="ignore", divide="ignore"):
            abundance = self.oxygen_abundance(self.log_ratio(fluxes))
        return np.where(np.isfinite(abundance), abundance, np.nan)


def _log_n2(flux: Mapping[str, Array]) -> Array:
    return np.log10(np.asarray(flux["nii_6584"]) / np.asarray(flux["halpha"]))


def _log_o3n2(flux: Mapping[str, Array]) -> Array:
    return np.log10(np.asarray(flux["oiii_5007"]) / np.asarray(flux["hbeta"])) - _log_n2(flux)


def _log_n2o2(flux: Mapping[str, Array]) -> Array:
    return np.log10(np.asarray(flux["nii_6584"]) / _oii(flux))


def _oii(flux: Mapping[str, Array]) -> Array:
    return np.asarray(flux["oii_3726"]) + np.asarray(flux["oii_3729"])


def _both_oiii(flux: Mapping[str, Array]) -> Array:
    # By the ratio that atomic physics fixes: the brighter line is measured better.
    return np.asarray(flux["oiii_5007"]) * (1.0 + 1.0 / DOUBLET_RATIO)


def _log_r23(flux: Mapping[str, Array]) -> Array:
    return np.log10((_oii(flux) + _both_oiii(flux)) / np.asarray(flux["hbeta"]))


def _log_o32(flux: Mapping[str, Array]) -> Array:
    return np.log10(_both_oiii(flux) / _oii(flux))


def _log_o32_of_5007(flux: Mapping[str, Array]) -> Array:
    return np.log10(np.asarray(flux["oiii_5007"]) / _oii(flux))


def _dopita_y(flux: Mapping[str, Array]) -> Array:
    sii = np.asarray(flux["sii_6716"]) + np.asarray(flux["sii_6731"])
    return np.log10(np.asarray(flux["nii_6584"]) / sii) + 0.264 * _log_n2(flux)


def kewley19_n2o2(log_n2o2: Array, log_u: float = DEFAULT_LOG_U) -> Array:
    """Return 12 + log(O/H) of Kewley et al. (2019) for log P/k = 5."""
    x, y = np.asarray(log_n2o2, dtype=float), log_u
    return np.asarray(
        9.4772 + 1.1797 * x + 0.5085 * y + 0.6879 * x * y + 0.2807 * x**2 + 0.1612 * y**2
        + 0.1187 * x * y**2 + 0.1200 * x**2 * y + 0.2293 * x**3 + 0.0164 * y**3
    )  # fmt: skip


def dopita16_n2s2(y: Array) -> Array:
    """Return 12 + log(O/H) of Dopita et al. (2016); y = log([NII]/[SII]) + 0.264 log([NII]/Ha)."""
    return np.asarray(8.77 + y + 0.45 * (np.asarray(y) + 0.3) ** 5)


def _linear(zero_point: float, slope: float) -> Callable[[Array], Array]:
    return lambda log_ratio: np.asarray(zero_point + slope * log_ratio)


_N2_LINES = ("nii_6584", "halpha")
_O3N2_LINES = ("oiii_5007", "hbeta", "nii_6584", "halpha")
_O32_LINES = ("oiii_5007", "oii_3726", "oii_3729")
_R23_LINES = (*_O32_LINES, "hbeta")

DIAGNOSTICS: dict[str, Diagnostic] = {
    diagnostic.name: diagnostic
    for diagnostic in (
        Diagnostic(
            "n2", _N2_LINES, _log_n2, _linear(8.98, 0.63), (8.0, 9.3),
            "Bian et al. 2018 as applied by Li et al. 2025",
        ),
        Diagnostic(
            "n2_analogues", _N2_LINES, _log_n2, _linear(8.82, 0.49), (7.8, 8.4),
            "Bian et al. 2018, analogues of z ~ 2 galaxies",
        ),
        Diagnostic(
            "n2_marino13", _N2_LINES, _log_n2, _linear(8.743, 0.462), (8.0, 8.65),
            "Marino et al. 2013",
        ),
        Diagnostic(
            "n2_curti20", _N2_LINES, _log_n2, CURTI20_N2.below_turnover, (7.6, 8.85),
            "Curti et al. 2020",
        ),
        Diagnostic(
            "n2_maiolino08", _N2_LINES, _log_n2, MAIOLINO08_N2.below_turnover, (7.0, 9.2),
            "Maiolino et al. 2008",
        ),
        Diagnostic(
            "o3n2", _O3N2_LINES, _log_o3n2, _linear(9.05, -0.47), (8.0, 9.3),
            "Bian et al. 2018 as applied by Li et al. 2025",
        ),
        Diagnostic(
            "o3n2_analogues", _O3N2_LINES, _log_o3n2, _linear(8.97, -0.39), (7.8, 8.4),
            "Bian et al. 2018, analogues of z ~ 2 galaxies",
        ),
        Diagnostic(
            "o3n2_marino13", _O3N2_LINES, _log_o3n2, _linear(8.533, -0.214), (8.17, 8.77),
            "Marino et al. 2013",
        ),
        Diagnostic(
            "r23", _R23_LINES, _log_r23, MAIOLINO08_R23.above_turnover, (8.0, 9.2),
            "Maiolino et al. 2008, the metal-rich side",
        ),
        Diagnostic(
            "r23_lower", _R23_LINES, _log_r23, MAIOLINO08_R23.below_turnover, (7.0, 8.0),
            "Maiolino et al. 2008, the metal-poor side",
        ),
        Diagnostic(
            "r23_analogues", _R23_LINES, _log_r23, BIAN18_R23.above_turnover, (7.9, 8.4),
            "Bian et al. 2018, analogues of z ~ 2 galaxies, the metal-rich side",
        ),
        Diagnostic(
            "r23_curti20", _R23_LINES, _log_r23, CURTI20_R23.above_turnover, (8.1, 8.9),
            "Curti et al. 2020, the metal-rich side",
        ),
        Diagnostic(
            "o32", _O32_LINES, _log_o32, _linear(8.54, -0.59), (7.8, 8.4),
            "Bian et al. 2018, analogues of z ~ 2 galaxies",
        ),
        Diagnostic(
            "o32_curti20", _O32_LINES, _log_o32_of_5007, CURTI20_O32.above_turnover, (7.6, 8.9),
            "Curti et al. 2020",
        ),
        Diagnostic(
            "n2o2", ("nii_6584", "oii_3726", "oii_3729"), _log_n2o2, kewley19_n2o2, (8.3, 9.23),
            "Kewley et al. 2019, log P/k = 5",
        ),
        Diagnostic(
            "n2s2", ("nii_6584", "halpha", "sii_6716", "sii_6731"), _dopita_y, dopita16_n2s2,
            (7.7, 9.05), "Dopita et al. 2016",
        ),
    )
}  # fmt: skip
