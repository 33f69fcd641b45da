"""Calibrations that give a line ratio as a polynomial of the abundance, and their inverses."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.polynomial import polynomial
from numpy.typing import ArrayLike

from kurvs_pipeline.arrays import Array

SOLAR = 8.69
"""12 + log(O/H) of the Sun (Asplund et al. 2009), on which many of them are centred."""

_TABLE_STEP = 1e-3


def sum_as_text(terms: Iterable[tuple[float, str]]) -> str:
    """Return a sum as text: ``1.2 + 3 x - 0.5 x^2`` of (1.2, ""), (3, " x"), (-0.5, " x^2")."""
    text = "".join(
        f" {'-' if factor < 0.0 else '+'} {abs(factor):.10g}{power}" for factor, power in terms
    )
    return f"-{text[3:]}" if text[1] == "-" else text[3:]


@dataclass(frozen=True)
class PolynomialCalibration:
    """log10(ratio) = sum of c_k x^k with x = 12 + log(O/H) - centre.

    Parameters
    ----------
    coefficients : tuple of float
        Coefficients c_0, c_1, ...
    valid_range : tuple of float
        Range of 12 + log(O/H) in which the relation was fitted.
    centre : float
        12 + log(O/H) at which x is 0; by default solar.
    """

    coefficients: tuple[float, ...]
    valid_range: tuple[float, float]
    centre: float = SOLAR

    def log_ratio(self, oxygen_abundance: ArrayLike) -> Array:
        """Return the logarithm of the ratio; NaN beyond the valid range.

        Parameters
        ----------
        oxygen_abundance : array_like
            12 + log(O/H).
        """
        abundance = np.asarray(oxygen_abundance, dtype=float)
        first, last = self.valid_range
        inside = (abundance >= first) & (abundance <= last)
        values = polynomial.polyval(abundance - self.centre, np.array(self.coefficients))
        return np.where(inside, values, np.nan)

    def as_text(self, symbol: str) -> str:
        """Return the relation as a formula.

        Parameters
        ----------
        symbol : str
            Symbol of the ratio.
        """
        powers = ("", " x", *(f" x^{power}" for power in range(2, len(self.coefficients))))
        shift = f" - {self.centre:g}" if self.centre else ""
        polynomial_text = sum_as_text(zip(self.coefficients, powers, strict=False))
        return f"{symbol} = {polynomial_text}; x = 12 + log(O/H){shift}"

    @cached_property
    def _table(self) -> tuple[Array, Array]:
        """Abundances over the valid range, and the logarithm of the ratio at each."""
        first, last = self.valid_range
        abundance = np.linspace(first, last, round((last - first) / _TABLE_STEP) + 1)
        return abundance, self.log_ratio(abundance)

    @cached_property
    def turnover(self) -> float:
        """12 + log(O/H) of the largest ratio; an end of the range if the ratio is monotonic."""
        abundance, log_ratio = self._table
        return float(abundance[np.argmax(log_ratio)])

    @cached_property
    def largest_log_ratio(self) -> float:
        """Largest logarithm of the ratio, at the turnover."""
        return float(np.max(self._table[1]))

    def below_turnover(self, log_ratio: ArrayLike) -> Array:
        """Return 12 + log(O/H) on the metal-poor side; NaN for ratios that are not reached.

        Parameters
        ----------
        log_ratio : array_like
            Logarithm of the ratio, which rises with abundance on this side.
        """
        return self._inverted(log_ratio, rising=True)

    def above_turnover(self, log_ratio: ArrayLike) -> Array:
        """Return 12 + log(O/H) on the metal-rich side; NaN for ratios that are not reached.

        Parameters
        ----------
        log_ratio : array_like
            Logarithm of the ratio, which falls with abundance on this side.
        """
        return self._inverted(log_ratio, rising=False)

    def _inverted(self, log_ratio: ArrayLike, *, rising: bool) -> Array:
        """Invert one side by its table; NaN for ratios that it does not reach."""
        abundance, known = self._table
        top = int(np.argmax(known))
        side = slice(None, top + 1) if rising else slice(None, top - 1 if top else None, -1)
        return np.asarray(
            np.interp(
                np.asarray(log_ratio, dtype=float),
                known[side],
                abundance[side],
                left=np.nan,
                right=np.nan,
            )
        )


MAIOLINO08_R23 = PolynomialCalibration((0.7462, -0.7149, -0.9401, -0.6154, -0.2524), (7.0, 9.2))
MAIOLINO08_N2 = PolynomialCalibration((-0.7732, 1.2357, -0.2811, -0.7201, -0.3330), (7.0, 9.2))
MAIOLINO08_OIII_NII = PolynomialCalibration((0.4520, -2.6096, -0.7170, 0.1347), (7.0, 9.2))
"""Maiolino et al. (2008), Table 4: R23, [N II]6584/H-alpha and [O III]5007/[N II]6584.

The last is often quoted as O3N2. It is not: at solar abundance [O III]5007/H-beta over
[N II]/H-alpha of the other relations of that table is 0.93, its ratio to H-beta and H-alpha
taken out 0.47, and the polynomial gives 0.45.
"""

CURTI20_N2 = PolynomialCalibration((-0.489, 1.513, -2.554, -5.293, -2.867), (7.6, 8.9))
CURTI20_O3N2 = PolynomialCalibration((0.281, -4.765, -2.268), (7.6, 8.9))
CURTI20_R3 = PolynomialCalibration((-0.277, -3.549, -3.593, -0.981), (7.6, 8.9))
CURTI20_R2 = PolynomialCalibration((0.435, -1.362, -5.655, -4.851, -0.478, 0.736), (7.6, 8.9))
CURTI20_R23 = PolynomialCalibration((0.527, -1.569, -1.652, -0.421), (7.6, 8.9))
CURTI20_O32 = PolynomialCalibration((-0.691, -2.944, -1.308), (7.6, 8.9))
"""Curti et al. (2020), Table 2: [N II]6584/H-alpha, O3N2, [O III]5007/H-beta, [O II]/H-beta, R23
and [O III]5007/[O II]."""

BIAN18_R23 = PolynomialCalibration((138.0430, -54.8284, 7.2954, -0.32293), (7.8, 8.4), centre=0.0)
BIAN18_R3 = PolynomialCalibration((43.9836, -21.6211, 3.4277, -0.1747), (7.8, 8.4), centre=0.0)
"""Bian et al. (2018), analogues of z ~ 2 galaxies: R23 and [O III]4959,5007/H-beta."""

SANDERS24_R3 = PolynomialCalibration((0.834, -0.072, -0.453), (7.4, 8.3), centre=8.0)
SANDERS24_R2 = PolynomialCalibration((0.067, 1.069), (7.4, 8.3), centre=8.0)
SANDERS24_R23 = PolynomialCalibration((1.017, 0.026, -0.331), (7.4, 8.3), centre=8.0)
SANDERS24_O32 = PolynomialCalibration((0.723, -1.153), (7.4, 8.3), centre=8.0)
SANDERS24_NE3O2 = PolynomialCalibration((-0.386, -0.998), (7.4, 8.3), centre=8.0)
"""Sanders et al. (2024), z = 2 to 9: [O III]5007/H-beta, [O II]/H-beta, R23, [O III]5007/[O II]
and [Ne III]3869/[O II].

The constant of R23 goes about as 1.017 and as 1.1017. At 8.0 its parts, R2 and R3 with the
third that 4959 adds, make 1.011: it is 1.017, and 1.1017 would be a fifth too much light.
"""

CATALDI25_R3 = PolynomialCalibration((-3.587, -4.475, 1.345, -0.08951), (7.0, 8.4), centre=0.0)
CATALDI25_R2 = PolynomialCalibration((-6.481, 0.8163), (7.0, 8.4), centre=0.0)
CATALDI25_R23 = PolynomialCalibration((-2.555, -3.192, 0.9630, -0.06351), (7.0, 8.4), centre=0.0)
CATALDI25_O32 = PolynomialCalibration((0.01124, 0.03072, 0.1251, -0.01470), (7.0, 8.4), centre=0.0)
"""Cataldi et al. (2025), z = 2 to 3 and above: [O III]5007/H-beta, [O II]/H-beta, R23 with 4959,
and [O III]5007/[O II]."""
