"""Curves that part star-forming galaxies from active nuclei in diagnostic diagrams.

All are in log([O III]5007/H-beta), against log([N II]6584/H-alpha) or the logarithm of stellar
mass, and fall to the right: what is above or to the right of a curve is beyond it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

MOST_MASSIVE = 13.0
"""log10 of solar masses, where the curves of mass have fallen below any galaxy."""


@dataclass(frozen=True)
class Demarcation:
    """One curve.

    Parameters
    ----------
    curve : callable
        From abscissa to ordinate; -inf to the right of its asymptote.
    source : str
        The publication.
    """

    curve: Callable[[Array], Array]
    source: str

    def beyond(self, abscissa: ArrayLike, log_oiii_hbeta: ArrayLike) -> NDArray[np.bool_]:
        """Return whether points lie above or to the right of the curve.

        Parameters
        ----------
        abscissa, log_oiii_hbeta : array_like
            Logarithms, +-inf where a line is missing altogether; NaN is beyond nothing.
        """
        limit = self.curve(np.asarray(abscissa, dtype=float))
        ordinate = np.asarray(log_oiii_hbeta, dtype=float)
        right = (limit == -np.inf) & ~np.isnan(ordinate)
        return np.asarray((ordinate > limit) | right)


def _hyperbola(
    numerator: float, asymptote: float | Array, top: float | Array
) -> Callable[[Array], Array]:
    def curve(abscissa: Array) -> Array:
        left = abscissa < asymptote
        distance = np.where(left, abscissa - asymptote, -1.0)
        limit = np.where(left, numerator / distance + top, -np.inf)
        return np.where(np.isnan(abscissa), np.nan, limit)

    return curve


def _juneau14(joint: float, cubic: tuple[float, ...]) -> Callable[[Array], Array]:
    """Return the hyperbola that all share, and the cubic that follows it from a mass on."""
    shared = _hyperbola(0.375, 10.5, 1.14)

    def curve(log_stellar_mass: Array) -> Array:
        # Masses may be infinite where they are not known.
        mass = np.clip(log_stellar_mass, joint, MOST_MASSIVE)
        beyond = np.polynomial.polynomial.polyval(mass, np.array(cubic))
        return np.where(log_stellar_mass <= joint, shared(log_stellar_mass), beyond)

    return curve


KAUFFMANN03 = Demarcation(_hyperbola(0.61, 0.05, 1.30), "Kauffmann et al. 2003, eq. 1")
"""Empirical, where star-forming galaxies of the SDSS end."""

KEWLEY01 = Demarcation(_hyperbola(0.61, 0.47, 1.19), "Kewley et al. 2001, eq. 5")
"""Theoretical, the most extreme star formation."""


def kewley13(redshift: ArrayLike) -> Demarcation:
    """Return the curve of a redshift, up to about 3.5 (Kewley et al. 2013).

    The formula as later papers quote it; the paper's own equation was not at hand. It comes
    to within 0.1 dex of Kewley et al. (2001) at z = 2.4, as the paper's figures do.

    Parameters
    ----------
    redshift : array_like
        Of the galaxies, of a shape that broadcasts with their lines'.
    """
    z = np.asarray(redshift, dtype=float)
    return Demarcation(_hyperbola(0.61, 0.02 + 0.1833 * z, 1.20 + 0.03 * z), "Kewley et al. 2013")


JUNEAU14_LOWER = Demarcation(
    _juneau14(9.6, (352.066, -93.8249, 8.32651, -0.246416)), "Juneau et al. 2014, lower curve"
)
JUNEAU14_UPPER = Demarcation(
    _juneau14(10.0, (410.24, -109.333, 9.71731, -0.288244)), "Juneau et al. 2014, upper curve"
)
"""Mass and excitation of local galaxies (Juneau et al. 2014): star-forming below the lower,
active above the upper curve. Coefficients as two public codes have them: they meet at the joints to
0.02 dex. Galaxies at z ~ 1.5 lie above local ones of their mass (Li et al. 2025, Fig. 2), so that
some of those beyond the curves only form stars."""
