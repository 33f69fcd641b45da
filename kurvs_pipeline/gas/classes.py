"""Classes of apertures in diagnostic diagrams: star-forming, composite or active nucleus.

The ordinate is log([O III]5007/H-beta), the abscissa log([N II]6584/H-alpha) or the logarithm of
stellar mass. Demarcation curves fall to the right: what lies above or to the right of a curve is
beyond it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import QTable
from numpy.typing import ArrayLike, NDArray

from kurvs_pipeline.abundances.ratios import N2, R3, LineRatio
from kurvs_pipeline.arrays import Array, BoolArray, StrArray
from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.fluxes.joint import N_DRAWS, JointFluxes
from kurvs_pipeline.gas.quantities import interval, value_and_limit

MOST_MASSIVE = 13.0
"""log10 of solar masses, where the curves of mass have fallen below any galaxy."""

PLAUSIBLE_LOG_MASS = (4.0, 14.0)
"""log10 of solar masses; a value outside was not given as a logarithm."""

BPT_CLASSES = ("star_forming", "composite", "agn")
MASS_CLASSES = ("star_forming", "intermediate", "agn")

SURVEY_AGN = {
    11: "infrared colours",
    12: "infrared colours and very broad H-alpha",
}
"""Active nuclei by number in the survey (Li et al. 2025, Section 3, after Puglisi et al. 2023).

The survey uses no X-rays and no line ratio to find them. Its Table 1 marks the gradient of
number 12 as invalid; number 11 has no reliable lines in YJ and H.
"""


@dataclass(frozen=True)
class _Demarcation:
    """A curve from abscissa to ordinate, -inf to the right of its asymptote, and its source."""

    curve: Callable[[Array], Array]
    source: str

    def beyond(self, abscissa: ArrayLike, log_oiii_hbeta: ArrayLike) -> BoolArray:
        """Return whether points lie beyond the curve; +-inf stands for a missing line."""
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


KAUFFMANN03 = _Demarcation(_hyperbola(0.61, 0.05, 1.30), "Kauffmann et al. 2003, eq. 1")
"""Empirical, where star-forming galaxies of the SDSS end."""

KEWLEY01 = _Demarcation(_hyperbola(0.61, 0.47, 1.19), "Kewley et al. 2001, eq. 5")
"""Theoretical, the most extreme star formation."""


def kewley13(redshift: ArrayLike) -> _Demarcation:
    """Return the curve at a redshift, up to about 3.5 (Kewley et al. 2013).

    The formula is taken from later papers and three public codes, which agree; the paper's own
    equation was not at hand. It comes to
    within 0.1 dex of Kewley et al. (2001) at z = 2.4, as the paper's figures do.
    """
    z = np.asarray(redshift, dtype=float)
    return _Demarcation(_hyperbola(0.61, 0.02 + 0.1833 * z, 1.20 + 0.03 * z), "Kewley et al. 2013")


def _juneau14(joint: float, cubic: tuple[float, ...]) -> Callable[[Array], Array]:
    """Return the hyperbola that both curves share, then a cubic from the mass ``joint`` on."""
    shared = _hyperbola(0.375, 10.5, 1.14)

    def curve(log_stellar_mass: Array) -> Array:
        # Masses may be infinite where they are not known.
        mass = np.clip(log_stellar_mass, joint, MOST_MASSIVE)
        beyond = np.polynomial.polynomial.polyval(mass, np.array(cubic))
        return np.where(log_stellar_mass <= joint, shared(log_stellar_mass), beyond)

    return curve


JUNEAU14_LOWER = _Demarcation(
    _juneau14(9.6, (352.066, -93.8249, 8.32651, -0.246416)), "Juneau et al. 2014, lower curve"
)
JUNEAU14_UPPER = _Demarcation(
    _juneau14(10.0, (410.24, -109.333, 9.71731, -0.288244)), "Juneau et al. 2014, upper curve"
)
"""Mass and excitation of local galaxies (Juneau et al. 2014): star-forming below the lower,
active above the upper curve. Coefficients as two public codes have them: they meet at the joints to
0.02 dex. Galaxies at z ~ 1.5 lie above local ones of their mass (Li et al. 2025, Fig. 2), so that
some of those beyond the curves only form stars."""


@dataclass(frozen=True)
class StellarMass:
    """Stellar mass of a galaxy.

    Parameters
    ----------
    log_solar : float
        Log10 of solar masses; NaN where it is not known.
    err : float
        Standard error in dex, >= 0; 0.2 in Table A1 of Li et al. (2025).

    Raises
    ------
    MetadataError
        If the mass is not a plausible logarithm, or the error is negative.
    """

    log_solar: float = math.nan
    err: float = 0.2

    def __post_init__(self) -> None:
        low, high = PLAUSIBLE_LOG_MASS
        if not math.isnan(self.log_solar) and not low <= self.log_solar <= high:
            raise MetadataError(
                f"log stellar mass is {self.log_solar:g}; expected the logarithm of solar masses, "
                "about 8 to 12: correct --log-stellar-mass"
            )
        if not 0.0 <= self.err < math.inf:
            raise MetadataError(
                f"error of log stellar mass is {self.err:g}; expected dex >= 0: correct "
                "--log-stellar-mass-err"
            )


UNKNOWN_MASS = StellarMass()

LOCAL_REDSHIFT = 0.3
"""Redshift up to which the curves of mass and excitation are those of galaxies like these."""


def assumptions_on_mass_excitation(mass: StellarMass, redshift: float) -> tuple[str, ...]:
    """Say that the curves of mass and excitation are local where the galaxy is not.

    Parameters
    ----------
    mass : StellarMass
        Mass of the galaxy; without one it has no class.
    redshift : float
        Redshift of the galaxy.
    """
    if math.isnan(mass.log_solar) or redshift <= LOCAL_REDSHIFT:
        return ()
    note = (
        "class_mass_excitation is by the curves of local galaxies (Juneau et al. 2014), which are "
        f"not shifted: at z = {redshift:.3g} galaxies that only form stars lie beyond them, so "
        "that p_agn alone is no sign of an active nucleus"
    )
    return (note,)


def bpt_table(
    fluxes: JointFluxes,
    random: np.random.Generator,
    *,
    redshift: ArrayLike,
) -> QTable:
    """Return the place of every aperture in the diagram of Baldwin, Phillips & Terlevich (1981).

    Parameters
    ----------
    redshift : float or array_like, shape (n_apertures,)
        Redshift of the galaxy, or of each row where rows are whole galaxies.

    Returns
    -------
    QTable
        ``aperture``; ``log_nii_halpha`` and ``log_oiii_hbeta``, each with ``_err_low``,
        ``_err_high`` and ``_limit``: ``upper`` or ``lower`` where one of its lines is at its
        4-sigma limit, ``none`` where nothing is known.

        ``class_local``: ``star_forming`` below the curves of Kauffmann et al. (2003) and Kewley
        et al. (2001), ``agn`` beyond both, ``composite`` between, ``unknown`` where limits do
        not decide; and
        ``p_star_forming, p_composite, p_agn``, the fractions of draws from the covariance of
        the lines, NaN where a line was not measured. ``class_at_redshift`` and
        ``p_agn_at_redshift``: the same by the one curve of Kewley et al. (2013). Classes are those
        of the values, however far from a curve: see the fractions. ``curves_local`` and
        ``curve_at_redshift`` name the curves.
    """
    drawn = fluxes.draws(random, N_DRAWS)
    nii, oiii = (_ratio_axis(ratio, fluxes, drawn) for ratio in (N2, R3))
    local, p_local = _classes((nii, oiii), (KAUFFMANN03, KEWLEY01), BPT_CLASSES)
    at_z, p_at_z = _classes((nii, oiii), (kewley13(redshift),), ("star_forming", "agn"))
    return QTable({
        "aperture": list(fluxes.apertures),
        **nii.columns("log_nii_halpha"),
        **oiii.columns("log_oiii_hbeta"),
        "class_local": local,
        **{f"p_{name}": p_local[name] for name in BPT_CLASSES},
        "class_at_redshift": at_z,
        "p_agn_at_redshift": p_at_z["agn"],
        "curves_local": [f"{KAUFFMANN03.source}; {KEWLEY01.source}"] * len(local),
        "curve_at_redshift": [
            f"Kewley et al. 2013 at z = {z:.3g}"
            for z in np.broadcast_to(np.asarray(redshift, dtype=float), local.shape)
        ],
    })  # fmt: skip


def mass_excitation_table(
    fluxes: JointFluxes,
    random: np.random.Generator,
    *,
    log_stellar_mass: ArrayLike,
    log_stellar_mass_err: ArrayLike = 0.2,
) -> QTable:
    """Return the place of every aperture in the diagram of mass and excitation.

    Parameters
    ----------
    fluxes : JointFluxes
        Line fluxes of all apertures, behind dust; the diagram is meant for the whole galaxy.
    log_stellar_mass : float or array_like, shape (n_apertures,)
        log10 of solar masses, of the galaxy, or of each row where rows are whole galaxies; NaN if
        unknown.
    log_stellar_mass_err : float or array_like, shape (n_apertures,)
        Standard error, dex; 0.2 in Table A1 of Li et al. (2025).

    Returns
    -------
    QTable
        ``aperture, log_oiii_hbeta`` with its errors and limit as in :func:`bpt_table`;
        ``class_mass_excitation``: ``star_forming`` below the lower curve of Juneau et al.
        (2014), ``agn`` beyond the upper, ``intermediate`` between, ``unknown`` where limits do
        not decide; ``p_star_forming, p_intermediate, p_agn``; and ``curves``, which are those of
        local galaxies at any redshift.

    Notes
    -----
    The curves are those of local galaxies, above which galaxies at z ~ 1.5 lie (Li et al. 2025,
    Fig. 2): of the survey's six with both lines detected four are beyond the lower curve and two
    beyond the upper, none of them known as active. The class alone does not make an active
    nucleus. For curves at higher masses give the mass less their shift.
    """
    drawn = fluxes.draws(random, N_DRAWS)
    mass = _mass_axis(log_stellar_mass, log_stellar_mass_err, len(fluxes.flux), random)
    oiii = _ratio_axis(R3, fluxes, drawn)
    classes, p = _classes((mass, oiii), (JUNEAU14_LOWER, JUNEAU14_UPPER), MASS_CLASSES)
    return QTable({
        "aperture": list(fluxes.apertures),
        **oiii.columns("log_oiii_hbeta"),
        "class_mass_excitation": classes,
        **{f"p_{name}": p[name] for name in MASS_CLASSES},
        "curves": ["Juneau et al. 2014, local galaxies, not shifted"] * len(classes),
    })  # fmt: skip


@dataclass(frozen=True)
class _Axis:
    """A coordinate of all apertures: values or limits, kinds of limit, and draws."""

    value: Array
    limit: StrArray
    drawn: Array

    @property
    def lowest(self) -> Array:
        return np.where(np.isin(self.limit, ("", "lower")), self.value, -np.inf)

    @property
    def highest(self) -> Array:
        return np.where(np.isin(self.limit, ("", "upper")), self.value, np.inf)

    def columns(self, name: str) -> dict[str, u.Quantity | StrArray]:
        low, high = interval(np.where(np.isfinite(self.drawn), self.drawn, np.nan))
        measured = np.where(self.limit == "", self.value, np.nan)
        return {
            name: self.value * u.dex,
            f"{name}_err_low": (measured - low) * u.dex,
            f"{name}_err_high": (high - measured) * u.dex,
            f"{name}_limit": self.limit,
        }


def _ratio_axis(ratio: LineRatio, fluxes: JointFluxes, drawn: dict[str, Array]) -> _Axis:
    value, limit = value_and_limit(ratio, fluxes, np.zeros(len(fluxes.flux)))
    unmeasured = np.full((N_DRAWS, len(fluxes.flux)), np.nan)
    numerator, denominator = (drawn.get(line, unmeasured) for line in ratio.lines)
    above, below = numerator > 0.0, denominator > 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        logarithm = np.log10(numerator / denominator)
    # One line drawn below zero puts the ratio beyond any number, on a known side.
    log_ratio = np.select(
        [above & below, above & (denominator <= 0.0), below & (numerator <= 0.0)],
        [logarithm, np.inf, -np.inf],
        np.nan,
    )
    return _Axis(value, np.where(np.isfinite(value), limit, "none"), log_ratio)


def _mass_axis(
    log_mass: ArrayLike, error: ArrayLike, number: int, random: np.random.Generator
) -> _Axis:
    value, sigma = (
        np.broadcast_to(np.asarray(v, dtype=float), (number,)) for v in (log_mass, error)
    )
    drawn = value + sigma * random.standard_normal((N_DRAWS, number))
    return _Axis(value, np.where(np.isfinite(value), "", "none"), drawn)


def _classes(
    axes: tuple[_Axis, _Axis], curves: Sequence[_Demarcation], names: Sequence[str]
) -> tuple[StrArray, dict[str, Array]]:
    """Return the class of every aperture, and the fraction of draws in each class."""
    abscissa, ordinate = axes
    # Curves fall to the right: the corners of what limits allow have the fewest and the most.
    fewest = _number_beyond(curves, abscissa.lowest, ordinate.lowest)
    most = _number_beyond(curves, abscissa.highest, ordinate.highest)
    classes = np.where(fewest == most, np.array(names)[fewest], "unknown")
    known = ~np.isnan(abscissa.drawn) & ~np.isnan(ordinate.drawn)
    drawn = _number_beyond(curves, abscissa.drawn, ordinate.drawn)
    n_known = known.sum(axis=0)
    fractions = {
        name: ((drawn == place) & known).sum(axis=0) / np.where(n_known > 0, n_known, np.nan)
        for place, name in enumerate(names)
    }
    return classes, fractions


def _number_beyond(curves: Sequence[_Demarcation], x: Array, y: Array) -> NDArray[np.int_]:
    return np.asarray(np.sum([curve.beyond(x, y) for curve in curves], axis=0))
