"""Strong-line oxygen abundances: one table of calibrations with their sources.

The published relations contradict one another, so an abundance only means something
together with its diagnostic, and a mock carries the intrinsic value of each.
:func:`calibrations` is the table of them all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from astropy.table import Table

from kurvs_pipeline.abundances import polynomials as published
from kurvs_pipeline.abundances.polynomials import PolynomialCalibration, sum_as_text
from kurvs_pipeline.abundances.ratios import (
    N2,
    N2O2,
    N2S2,
    O3N2,
    O32,
    O32_BOTH,
    OIII_NII,
    R2,
    R3,
    R3_BOTH,
    R23,
    LineRatio,
)
from kurvs_pipeline.arrays import Array, BoolArray

Range = tuple[float, float]

DEFAULT_LOG_U = -2.5
"""Ionization parameter of the survey's stacked spectrum (Li et al. 2025, Section 3.2)."""

UNKNOWN_SCATTER = float("nan")

TYPICAL_LOG_N2 = -0.75
"""log([N II]/H-alpha) of the survey's galaxies."""


@dataclass(frozen=True)
class Diagnostic:
    """One calibration, from dust-free line fluxes to 12 + log(O/H).

    Parameters
    ----------
    name : str
        Name in the output tables.
    ratio : LineRatio
        Line ratio that the calibration uses.
    oxygen_abundance : callable
        Function from the logarithm of the ratio to 12 + log(O/H).
    relation : str
        The calibration as a formula.
    valid_range : tuple of float
        Range of 12 + log(O/H) in which the relation is used.
    source : str
        Publication of the relation.
    scatter_dex : float
        Scatter of galaxies or H II regions about the relation, in abundance; NaN if unknown.
    branch : str
        ``upper`` or ``lower`` for one side of a two-valued relation, empty for others.
    note : str
        Caveats, such as what could not be checked.
    turnover : (float, float), optional
        12 + log(O/H) where a two-valued relation turns, and the largest logarithm of the ratio.
    """

    name: str
    ratio: LineRatio
    oxygen_abundance: Callable[[Array], Array]
    relation: str
    valid_range: Range
    source: str
    scatter_dex: float = UNKNOWN_SCATTER
    branch: str = ""
    note: str = ""
    turnover: tuple[float, float] | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """Lines of the ratio."""
        return self.ratio.lines

    @property
    def needs_attenuation(self) -> bool:
        """Whether dust changes the ratio."""
        return self.ratio.needs_attenuation

    def log_ratio(self, fluxes: Mapping[str, Array]) -> Array:
        """Return the logarithm of the ratio; not finite where a line flux is not positive.

        Parameters
        ----------
        fluxes : mapping of str to array, any one shape
            Dust-free line fluxes, in one unit.
        """
        return self.ratio.of(fluxes)

    def abundance_per_log_ratio(self) -> float:
        """Return d[12 + log(O/H)] / d[log ratio], which converts errors and gradients.

        Only for ratios of [N II] and H-alpha: it is taken about the survey's typical log N2.
        """
        beside = self.oxygen_abundance(TYPICAL_LOG_N2 + np.array([-0.05, 0.05]))
        return float(beside[1] - beside[0]) / 0.1

    def from_fluxes(self, fluxes: Mapping[str, Array]) -> Array:
        """Return 12 + log(O/H); NaN where a line flux is not positive.

        Parameters
        ----------
        fluxes : mapping of str to array, any one shape
            Dust-free line fluxes, in one unit.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            abundance = self.oxygen_abundance(self.log_ratio(fluxes))
        return np.where(np.isfinite(abundance), abundance, np.nan)

    def nearest_from_fluxes(self, fluxes: Mapping[str, Array]) -> Array:
        """Return the 12 + log(O/H) with the nearest ratio: the turnover for ratios beyond it.

        Parameters
        ----------
        fluxes : mapping of str to array, any one shape
            Dust-free line fluxes, in one unit.
        """
        if self.turnover is None:
            return self.from_fluxes(fluxes)
        log_ratio = self.log_ratio(fluxes)
        with np.errstate(invalid="ignore"):
            # Not a number where a line is not positive, also if that makes the ratio infinite.
            reached = np.where(np.isfinite(log_ratio), log_ratio, np.nan)
            return self.oxygen_abundance(np.minimum(reached, self.turnover[1]))

    def is_beyond_turnover(self, fluxes: Mapping[str, Array]) -> BoolArray:
        """Return where the ratio is larger than the relation gives at any abundance.

        Parameters
        ----------
        fluxes : mapping of str to array, any one shape
            Dust-free line fluxes, in one unit.
        """
        if self.turnover is None:
            return np.zeros(np.shape(fluxes[self.lines[0]]), dtype=bool)
        with np.errstate(invalid="ignore"):
            return np.asarray(self.log_ratio(fluxes) > self.turnover[1])


def kewley19_n2o2(log_n2o2: Array, log_u: float | Array = DEFAULT_LOG_U) -> Array:
    """Return 12 + log(O/H) of Kewley et al. (2019) for log P/k = 5.

    The ratio is [N II]6584 / [O II]3727,3729; the ionization parameter is by default that of the
    survey's stack, -2.5.
    """
    x, y = np.asarray(log_n2o2, dtype=float), log_u
    return np.asarray(
        9.4772 + 1.1797 * x + 0.5085 * y + 0.6879 * x * y + 0.2807 * x**2 + 0.1612 * y**2
        + 0.1187 * x * y**2 + 0.1200 * x**2 * y + 0.2293 * x**2 * x + 0.0164 * y**2 * y
    )  # fmt: skip


def dopita16_n2s2(y: Array) -> Array:
    """Return 12 + log(O/H) by y = log([NII]/[SII]) + 0.264 log([NII]/Ha) (Dopita et al. 2016)."""
    return np.asarray(8.77 + y + 0.45 * (np.asarray(y) + 0.3) ** 5)


def _linear(
    name: str, ratio: LineRatio, zero_point: float, slope: float, valid_range: Range, source: str,
    *, scatter_dex: float = UNKNOWN_SCATTER, note: str = "",
) -> Diagnostic:  # fmt: skip
    """Return a diagnostic that is a line in the logarithm of the ratio."""
    text = sum_as_text([(zero_point, ""), (slope, f" {ratio.symbol}")])
    return Diagnostic(
        name, ratio, lambda log_ratio: np.asarray(zero_point + slope * log_ratio),
        f"12 + log(O/H) = {text}", valid_range, source, scatter_dex, note=note,
    )  # fmt: skip


def _side(
    name: str, ratio: LineRatio, polynomial: PolynomialCalibration, source: str,
    *, rising: bool, two_valued: bool = True, scatter_dex: float = UNKNOWN_SCATTER,
    note: str = "",
) -> Diagnostic:  # fmt: skip
    """Return one side of a polynomial, on which the ratio rises or falls with abundance."""
    first, last = polynomial.valid_range
    branch = ("lower" if rising else "upper") if two_valued else ""
    return Diagnostic(
        name, ratio, polynomial.below_turnover if rising else polynomial.above_turnover,
        polynomial.as_text(ratio.symbol),
        (first, polynomial.turnover) if rising else (polynomial.turnover, last),
        source, scatter_dex, branch, note,
        (polynomial.turnover, polynomial.largest_log_ratio) if two_valued else None,
    )  # fmt: skip


_SURVEY = "Bian et al. 2018 as applied by Li et al. 2025"
_BIAN18 = "Bian et al. 2018, analogues of z ~ 2 galaxies"
_MARINO13_N2, _MARINO13_O3N2 = "Marino et al. 2013, eq. 4", "Marino et al. 2013, eq. 2"
_CURTI20 = "Curti et al. 2020, Table 2"
_MAIOLINO08 = "Maiolino et al. 2008, Table 4"
_SANDERS24 = "Sanders et al. 2024"
_CATALDI25 = "Cataldi et al. 2025"

_FROM_CODE = "coefficients as public code has them; closure checked, not the paper's own table"
_SURVEY_NOTE = "slope and zero point of the survey, not those published for z ~ 2 analogues"

DIAGNOSTICS: dict[str, Diagnostic] = {
    diagnostic.name: diagnostic
    for diagnostic in (
        _linear("n2", N2, 8.98, 0.63, (8.0, 9.3), _SURVEY, note=_SURVEY_NOTE),
        _linear("n2_analogues", N2, 8.82, 0.49, (7.8, 8.4), _BIAN18, note=_FROM_CODE),
        _linear("n2_marino13", N2, 8.743, 0.462, (8.0, 8.65), _MARINO13_N2, scatter_dex=0.16),
        _side("n2_curti20", N2, published.CURTI20_N2, _CURTI20, rising=True, two_valued=False,
              scatter_dex=0.10, note=_FROM_CODE),
        _side("n2_maiolino08", N2, published.MAIOLINO08_N2, _MAIOLINO08, rising=True,
              two_valued=False, note=_FROM_CODE),
        _linear("o3n2", O3N2, 9.05, -0.47, (8.0, 9.3), _SURVEY, note=_SURVEY_NOTE),
        _linear("o3n2_analogues", O3N2, 8.97, -0.39, (7.8, 8.4), _BIAN18, note=_FROM_CODE),
        _linear("o3n2_marino13", O3N2, 8.533, -0.214, (8.17, 8.77), _MARINO13_O3N2,
                scatter_dex=0.18),
        _side("o3n2_curti20", O3N2, published.CURTI20_O3N2, _CURTI20, rising=False,
              two_valued=False, scatter_dex=0.09, note=_FROM_CODE),
        _side("oiii_nii_maiolino08", OIII_NII, published.MAIOLINO08_OIII_NII, _MAIOLINO08,
              rising=False, two_valued=False,
              note="often quoted as O3N2, which it is not: H-alpha and H-beta are not in it"),
        _side("r23", R23, published.MAIOLINO08_R23, _MAIOLINO08, rising=False, note=_FROM_CODE),
        _side("r23_lower", R23, published.MAIOLINO08_R23, _MAIOLINO08, rising=True,
              note=_FROM_CODE),
        _side("r23_analogues", R23, published.BIAN18_R23, _BIAN18, rising=False, note=_FROM_CODE),
        _side("r23_curti20", R23, published.CURTI20_R23, _CURTI20, rising=False,
              scatter_dex=0.12, note=_FROM_CODE),
        _side("r23_curti20_lower", R23, published.CURTI20_R23, _CURTI20, rising=True,
              scatter_dex=0.12, note=_FROM_CODE),
        _side("r23_sanders24", R23, published.SANDERS24_R23, _SANDERS24, rising=False,
              note="constant 1.017 by closure; also quoted as 1.1017"),
        _side("r23_sanders24_lower", R23, published.SANDERS24_R23, _SANDERS24, rising=True,
              note="constant 1.017 by closure; also quoted as 1.1017"),
        _side("r23_cataldi25", R23, published.CATALDI25_R23, _CATALDI25, rising=False,
              note=_FROM_CODE),
        _side("r23_cataldi25_lower", R23, published.CATALDI25_R23, _CATALDI25, rising=True,
              note=_FROM_CODE),
        _side("r3_analogues", R3_BOTH, published.BIAN18_R3, _BIAN18, rising=False,
              note=_FROM_CODE),
        _side("r3_curti20", R3, published.CURTI20_R3, _CURTI20, rising=False,
              scatter_dex=0.07, note=_FROM_CODE),
        _side("r3_curti20_lower", R3, published.CURTI20_R3, _CURTI20, rising=True,
              scatter_dex=0.07, note=_FROM_CODE),
        _side("r3_sanders24", R3, published.SANDERS24_R3, _SANDERS24, rising=False,
              note=_FROM_CODE),
        _side("r3_sanders24_lower", R3, published.SANDERS24_R3, _SANDERS24, rising=True,
              note=_FROM_CODE),
        _side("r3_cataldi25", R3, published.CATALDI25_R3, _CATALDI25, rising=False,
              note=_FROM_CODE),
        _side("r3_cataldi25_lower", R3, published.CATALDI25_R3, _CATALDI25, rising=True,
              note=_FROM_CODE),
        _side("r2_curti20", R2, published.CURTI20_R2, _CURTI20, rising=False,
              scatter_dex=0.10, note=_FROM_CODE),
        _side("r2_curti20_lower", R2, published.CURTI20_R2, _CURTI20, rising=True,
              scatter_dex=0.10, note=_FROM_CODE),
        _side("r2_sanders24", R2, published.SANDERS24_R2, _SANDERS24, rising=True,
              two_valued=False, note=_FROM_CODE),
        _side("r2_cataldi25", R2, published.CATALDI25_R2, _CATALDI25, rising=True,
              two_valued=False, note=_FROM_CODE),
        _linear("o32", O32_BOTH, 8.54, -0.59, (7.8, 8.4), _BIAN18, note=_FROM_CODE),
        Diagnostic(
            "o32_survey", O32, lambda log_ratio: 9.54 - 0.59 * 4.0 / 3.0 * log_ratio,
            "12 + log(O/H) = 9.54 - 0.59 (4/3) O32", (8.0, 9.3), _SURVEY,
            note="for reproduction only: a dex above the published relation, and the 4/3 of "
            "[O III]4959 on the logarithm",
        ),
        _side("o32_curti20", O32, published.CURTI20_O32, _CURTI20, rising=False,
              two_valued=False, scatter_dex=0.14, note=_FROM_CODE),
        _side("o32_sanders24", O32, published.SANDERS24_O32, _SANDERS24, rising=False,
              two_valued=False, note=_FROM_CODE),
        _side("o32_cataldi25", O32, published.CATALDI25_O32, _CATALDI25, rising=False,
              two_valued=False, note=_FROM_CODE),
        Diagnostic(
            "n2o2", N2O2, kewley19_n2o2,
            "12 + log(O/H) = cubic in N2O2 and log U (log U = -2.5, log P/k = 5)", (8.3, 9.23),
            "Kewley et al. 2019, Table 2", note="coefficients as two public codes have them",
        ),
        Diagnostic(
            "n2s2", N2S2, dopita16_n2s2, "12 + log(O/H) = 8.77 + y + 0.45 (y + 0.3)^5",
            (7.7, 9.05), "Dopita et al. 2016, eqs 1 and 2",
        ),
    )
}  # fmt: skip
"""Every calibration by name.

``o32_survey`` gives the O32 abundances in the survey's tables of integrated galaxies, five of
five to 0.006 dex from its public fluxes, with 4/3 on the logarithm; without, or with 4/3 on the
ratio, it does not. For this the attenuation of the stack, 0.38, must be taken as E(B-V), which is
A_V = 1.22 mag, and not as the A_V that the text says; then N2O2 of ten galaxies and R23 of three
come out to 0.006 dex too. With A_V = 0.38, N2O2 is 0.09 dex higher than in the tables.
"""


def calibrations() -> Table:
    """Return the table of all calibrations, one row each.

    Returns
    -------
    Table
        ``diagnostic, ratio, lines, relation, lowest, highest, branch, calibration_scatter, source,
        note``. ``lowest`` and ``highest`` limit the 12 + log(O/H) where the relation is used; the
        scatter is in dex of abundance, NaN where it is not known.
    """
    known = DIAGNOSTICS.values()
    table = Table({
        "diagnostic": [d.name for d in known],
        "ratio": [f"{d.ratio.symbol} = {d.ratio.definition}" for d in known],
        "lines": [" ".join(d.lines) for d in known],
        "relation": [d.relation for d in known],
        "lowest": [round(d.valid_range[0], 2) for d in known],
        "highest": [round(d.valid_range[1], 2) for d in known],
        "branch": [d.branch for d in known],
        "calibration_scatter": [d.scatter_dex for d in known],
        "source": [d.source for d in known],
        "note": [d.note for d in known],
    })  # fmt: skip
    for name in ("lowest", "highest", "calibration_scatter"):
        table[name].unit = "dex"
    return table
