"""What lights up the gas: star formation or an active nucleus, and how sure that is.

The survey knows its active nuclei from elsewhere; lines say whether others look like it. Lines
of a diagram are neighbours, and are used as they are observed, behind the dust.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import QTable
from numpy.typing import ArrayLike, NDArray

from kurvs_pipeline.demarcations import (
    JUNEAU14_LOWER,
    JUNEAU14_UPPER,
    KAUFFMANN03,
    KEWLEY01,
    Demarcation,
    kewley13,
)
from kurvs_pipeline.joint_fluxes import N_DRAWS, JointFluxes
from kurvs_pipeline.line_quantities import interval, value_and_limit
from kurvs_pipeline.line_ratios import N2, R3, LineRatio

Array = NDArray[np.float64]
Names = NDArray[np.str_]

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
class _Axis:
    """A coordinate of all apertures.

    Parameters
    ----------
    value : array, shape (n_apertures,)
        Or its limit.
    limit : str array, shape (n_apertures,)
        Empty, ``upper``, ``lower``, or ``none`` where nothing is known.
    drawn : array, shape (n_draws, n_apertures)
        +-inf where a line of a ratio is drawn below zero, NaN where both are.
    """

    value: Array
    limit: Names
    drawn: Array

    @property
    def lowest(self) -> Array:
        """What the limit allows."""
        return np.where(np.isin(self.limit, ("", "lower")), self.value, -np.inf)

    @property
    def highest(self) -> Array:
        """What the limit allows."""
        return np.where(np.isin(self.limit, ("", "upper")), self.value, np.inf)

    def columns(self, name: str) -> dict[str, u.Quantity | Names]:
        """Return value, errors and limit."""
        low, high = interval(np.where(np.isfinite(self.drawn), self.drawn, np.nan))
        measured = np.where(self.limit == "", self.value, np.nan)
        return {
            name: self.value * u.dex,
            f"{name}_err_low": (measured - low) * u.dex,
            f"{name}_err_high": (high - measured) * u.dex,
            f"{name}_limit": self.limit,
        }


def bpt_table(
    fluxes: JointFluxes,
    apertures: Sequence[str],
    random: np.random.Generator,
    *,
    redshift: ArrayLike,
) -> QTable:
    """Return the place of every aperture in the diagram of Baldwin, Phillips & Terlevich (1981).

    Parameters
    ----------
    fluxes : JointFluxes
        Of the apertures, behind dust.
    apertures : sequence of str
        Their names.
    random : Generator
        Of the draws.
    redshift : float or array_like, shape (n_apertures,)
        Of the galaxy, or of each where rows are whole galaxies.

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
        the lines, which are NaN where a line was not measured. ``class_at_redshift`` and
        ``p_agn_at_redshift``: the same by the one curve of Kewley et al. (2013). The classes
        are of the values, however far they are from a curve: the fractions tell.
    """
    drawn = fluxes.draws(random, N_DRAWS)
    nii, oiii = (_ratio_axis(ratio, fluxes, drawn) for ratio in (N2, R3))
    local, p_local = _classes((nii, oiii), (KAUFFMANN03, KEWLEY01), BPT_CLASSES)
    at_z, p_at_z = _classes((nii, oiii), (kewley13(redshift),), ("star_forming", "agn"))
    return QTable({
        "aperture": list(apertures),
        **nii.columns("log_nii_halpha"),
        **oiii.columns("log_oiii_hbeta"),
        "class_local": local,
        **{f"p_{name}": p_local[name] for name in BPT_CLASSES},
        "class_at_redshift": at_z,
        "p_agn_at_redshift": p_at_z["agn"],
    })  # fmt: skip


def mass_excitation_table(
    fluxes: JointFluxes,
    apertures: Sequence[str],
    random: np.random.Generator,
    *,
    log_stellar_mass: ArrayLike,
    log_stellar_mass_err: ArrayLike = 0.2,
) -> QTable:
    """Return the place of every aperture in the diagram of mass and excitation.

    Parameters
    ----------
    fluxes : JointFluxes
        Of the apertures, behind dust; that of the whole galaxy is what the diagram is for.
    apertures : sequence of str
        Their names.
    random : Generator
        Of the draws.
    log_stellar_mass : float or array_like, shape (n_apertures,)
        log10 of solar masses, of the galaxy, or of each where rows are whole galaxies; NaN if
        unknown.
    log_stellar_mass_err : float or array_like, shape (n_apertures,)
        Its standard error; 0.2 in Table A1 of Li et al. (2025).

    Returns
    -------
    QTable
        ``aperture, log_oiii_hbeta`` with its errors and limit as in :func:`bpt_table`;
        ``class_mass_excitation``: ``star_forming`` below the lower curve of Juneau et al.
        (2014), ``agn`` beyond the upper, ``intermediate`` between, ``unknown`` where limits do
        not decide; and ``p_star_forming, p_intermediate, p_agn``.

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
        "aperture": list(apertures),
        **oiii.columns("log_oiii_hbeta"),
        "class_mass_excitation": classes,
        **{f"p_{name}": p[name] for name in MASS_CLASSES},
    })  # fmt: skip


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
    axes: tuple[_Axis, _Axis], curves: Sequence[Demarcation], names: Sequence[str]
) -> tuple[Names, dict[str, Array]]:
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


def _number_beyond(curves: Sequence[Demarcation], x: Array, y: Array) -> NDArray[np.int_]:
    return np.asarray(np.sum([curve.beyond(x, y) for curve in curves], axis=0))
