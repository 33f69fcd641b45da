"""Strong-line oxygen abundances: one sourced table of calibrations.

The published relations contradict one another, so an abundance only means something
together with its diagnostic: a mock carries the intrinsic value of each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import polynomial
from numpy.typing import NDArray

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
    oii = np.asarray(flux["oii_3726"]) + np.asarray(flux["oii_3729"])
    return np.log10(np.asarray(flux["nii_6584"]) / oii)


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


SOLAR = 8.69
"""12 + log(O/H) of the Sun (Asplund et al. 2009), which the polynomials are centred on."""

CURTI20_RANGE = (7.6, 8.9)
CURTI20_POLYNOMIALS: dict[str, tuple[float, ...]] = {
    "n2": (-0.489, 1.513, -2.554, -5.293, -2.867),
    "r3": (-0.277, -3.549, -3.593, -0.981),
    "r2": (0.435, -1.362, -5.655, -4.851, -0.478, 0.736),
    "r23": (0.527, -1.569, -1.652, -0.421),
}
"""Curti et al. (2020), Table 2: [N II]6584/H-alpha; [O III]5007, [O II] and [O II] + both [O III]
over H-beta."""


def curti20_log_ratio(ratio: str, oxygen_abundance: Array) -> Array:
    """Return the logarithm of a line ratio by Curti et al. (2020).

    Parameters
    ----------
    ratio : str
        A key of ``CURTI20_POLYNOMIALS``.
    oxygen_abundance : array
        12 + log(O/H).

    Returns
    -------
    array
        NaN beyond 7.6 to 8.9, where the relations were fitted.
    """
    abundance = np.asarray(oxygen_abundance, dtype=float)
    first, last = CURTI20_RANGE
    inside = (abundance >= first) & (abundance <= last)
    values = polynomial.polyval(abundance - SOLAR, CURTI20_POLYNOMIALS[ratio])
    return np.where(inside, values, np.nan)


CURTI20_N2_RANGE = (7.6, 8.85)
"""Beyond, [N II]/H-alpha falls again."""


def curti20_n2(log_n2: Array) -> Array:
    """Return 12 + log(O/H) of Curti et al. (2020); NaN for ratios beyond its rising part."""
    abundance = np.linspace(*CURTI20_N2_RANGE, 1251)
    rising = curti20_log_ratio("n2", abundance)
    return np.asarray(np.interp(log_n2, rising, abundance, left=np.nan, right=np.nan))


def _linear(zero_point: float, slope: float) -> Callable[[Array], Array]:
    return lambda log_ratio: np.asarray(zero_point + slope * log_ratio)


_N2_LINES = ("nii_6584", "halpha")
_O3N2_LINES = ("oiii_5007", "hbeta", "nii_6584", "halpha")

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
            "n2_curti20", _N2_LINES, _log_n2, curti20_n2, CURTI20_N2_RANGE, "Curti et al. 2020",
        ),
        Diagnostic(
            "o3n2", _O3N2_LINES, _log_o3n2, _linear(9.05, -0.47), (8.0, 9.3),
            "Bian et al. 2018 as applied by Li et al. 2025",
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
