"""Attenuation of each aperture: from its own Balmer lines, from an assumption, or a limit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import QTable, Row

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array, StrArray
from kurvs_pipeline.binning import INTEGRATED, Aperture
from kurvs_pipeline.dust import CASE_B_HALPHA_HBETA, R_V, attenuation_curve
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.lines import DETECTION_SNR, REST_WAVELENGTH_UM
from kurvs_pipeline.representation import short_repr

STACKED_INTEGRATED = (0.38, 0.15)
"""A_V and its error of the stack of all galaxies (Li et al. 2025, Section 3.2)."""

STACKED_RADIUS_ARCSEC = (0.25, 0.75, 1.25)
STACKED_ANNULI = ((0.62, 0.16), (0.40, 0.20), (0.00, 0.20))
"""A_V and its error of stacked annuli of 0-0.5, 0.5-1.0 and 1.0-1.5 arcsec (Section 4)."""

SURVEY_REDSHIFTS = (1.0, 2.0)
"""Redshifts between which what is known of the survey's galaxies is assumed of others."""

HBETA_LIMIT_SIGMA = 2.0
"""Distance of an upper limit on H-beta from its flux: a limit of 4 sigma alone is often exceeded by
lines that noise has just taken below it."""

NEGATIVE_HBETA = "negative_hbeta"
"""Source, and flag of abundances, where H-beta is more negative than noise makes it."""


NO_ATTENUATION = "none"
"""Source where H-beta does not give A_V and nothing is assumed for it."""


@takes_quantities
@dataclass(frozen=True)
class AssumedAttenuation:
    """Attenuation of apertures whose own Balmer lines do not give it.

    Parameters
    ----------
    a_v, a_v_err : float
        A_V of the whole galaxy and its standard error, mag, >= 0.
    of_annuli : tuple of (float, float)
        The same of annuli about :data:`STACKED_RADIUS_ARCSEC`, between which it is interpolated;
        by default that of the whole galaxy.
    source : str
        Where it is from, as in :class:`Attenuation`.

    Raises
    ------
    ConfigurationError
        If a value is negative or not finite.
    """

    a_v: float
    a_v_err: float
    of_annuli: tuple[tuple[float, float], ...] = ()
    source: str = "stated"

    def __post_init__(self) -> None:
        for value in (self.a_v, self.a_v_err):
            if not 0.0 <= value < math.inf:
                raise ConfigurationError(
                    f"attenuation is {self.a_v:g} with an error of {self.a_v_err:g}; expected A_V "
                    "and its standard error in mag, finite and >= 0, such as --attenuation 0.4 0.2"
                )

    def of_aperture(self, aperture: Aperture) -> tuple[float, float]:
        """Return A_V and its standard error, mag.

        Parameters
        ----------
        aperture : Aperture
            The whole galaxy, or an annulus.
        """
        if aperture.name == INTEGRATED or not self.of_annuli:
            return self.a_v, self.a_v_err
        values, errors = zip(*self.of_annuli, strict=True)
        at = aperture.middle_arcsec
        return (float(np.interp(at, STACKED_RADIUS_ARCSEC, values)),
                float(np.interp(at, STACKED_RADIUS_ARCSEC, errors)))  # fmt: skip


SURVEY_STACK = AssumedAttenuation(*STACKED_INTEGRATED, STACKED_ANNULI, "stack")
"""That of the survey's stacked galaxies."""


@dataclass(frozen=True, eq=False)
class Attenuation:
    """Attenuation of the gas of every aperture, in V.

    Parameters
    ----------
    a_v, a_v_err : array, shape (n_apertures,)
        Attenuation and its standard error, mag; NaN where there is only a lower limit, where
        H-beta is more negative than noise makes it, and where nothing is known or assumed.
    source : str array, shape (n_apertures,)
        ``balmer`` for the aperture's own H-alpha and H-beta, ``stack`` for that of stacked
        galaxies, ``stated`` for one that was given, ``lower_limit`` where H-beta is too faint for
        these, ``negative_hbeta`` where it is more negative than noise makes it, ``none`` where
        H-beta does not give it and nothing is assumed.
    lower_limit : array, shape (n_apertures,), optional
        Lower limit, mag; NaN for other sources.
    """

    __repr__ = short_repr

    a_v: Array
    a_v_err: Array
    source: StrArray
    lower_limit: Array | None = None

    def draws(self, random: np.random.Generator, fluxes: dict[str, Array], number: int) -> Array:
        """Draw A_V together with the lines.

        Parameters
        ----------
        random : Generator
            Random generator for the stack's attenuation.
        fluxes : dict of str to array, shape (number, n_apertures)
            Drawn line fluxes, which carry the error of the Balmer decrement.
        number : int
            Number of draws.

        Returns
        -------
        array, shape (number, n_apertures)
            mag; NaN where a drawn line is not positive, and where there is only a limit. Below
            zero where noise takes it there.
        """
        stacked = self.a_v + self.a_v_err * random.standard_normal((number, self.a_v.size))
        own = self.source == "balmer"
        if not own.any():
            return stacked
        return np.where(own, balmer_a_v(fluxes["halpha"], fluxes["hbeta"]), stacked)

    def table(self, apertures: Sequence[str]) -> QTable:
        """Return the table ``aperture, a_v, a_v_err, source, lower_limit``.

        Parameters
        ----------
        apertures : sequence of str
            Names of the apertures, in the order of the values.
        """
        none = np.full(len(self.a_v), np.nan)
        return QTable({
            "aperture": list(apertures),
            "a_v": self.a_v * u.mag,
            "a_v_err": self.a_v_err * u.mag,
            "source": self.source,
            "lower_limit": (none if self.lower_limit is None else self.lower_limit) * u.mag,
        })  # fmt: skip


def a_v_in_words(row: Row) -> str:
    """Write a row of :meth:`Attenuation.table`: with its error, as a limit, or ``unknown``."""
    if row["source"] == "lower_limit":
        return f"> {row['lower_limit'].value:.2f}"
    if not np.isfinite(row["a_v"].value):
        return "unknown"
    return f"{row['a_v'].value:.2f}±{row['a_v_err'].value:.2f}"


def balmer_a_v(halpha: Array, hbeta: Array) -> Array:
    """Return A_V of the Balmer decrement, mag (Li et al. 2025, eq. 1).

    Fluxes are those behind the dust, in one unit. A_V is negative below the ratio of case B, 2.86,
    and NaN where a flux is not positive.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        reddening = np.log10(halpha / hbeta / CASE_B_HALPHA_HBETA)
    a_v = _mag_per_dex() * reddening
    return np.where((halpha > 0.0) & (hbeta > 0.0), a_v, np.nan)


def _mag_per_dex() -> float:
    """Return A_V per logarithm of the Balmer decrement."""
    hbeta, halpha = (
        float(attenuation_curve(REST_WAVELENGTH_UM[name])) for name in ("hbeta", "halpha")
    )
    return R_V / (0.4 * (hbeta - halpha))


def attenuation_of(
    fluxes: JointFluxes,
    apertures: Sequence[Aperture],
    assumed: AssumedAttenuation | None = SURVEY_STACK,
) -> Attenuation:
    """Return the attenuation of every aperture, or its lower limit.

    It is that of :func:`survey_attenuation_of`, except where H-beta is not detected. Where H-beta
    is so faint that it needs more dust than what is assumed with its error, there is only a lower
    limit: that of H-beta at 4 sigma, or at 2 sigma above its flux where that is more. Where H-beta
    is below -4 sigma, a fault of the cube or of its continuum was measured and not a line: there is
    neither attenuation nor limit.

    Parameters
    ----------
    fluxes : JointFluxes
        Line fluxes of the apertures.
    apertures : sequence of Aperture
        The same apertures.
    assumed : AssumedAttenuation, optional
        Attenuation where the Balmer lines do not give it; None for nothing, so that it is not known
        there, or has a lower limit.
    """
    found = _own_or(assumed, fluxes, apertures)
    least_a_v = _least_a_v(fluxes)
    negative = fluxes.of_line("hbeta") < -DETECTION_SNR * fluxes.error_of("hbeta")
    refuted = least_a_v > np.nan_to_num(found.a_v + found.a_v_err)
    limited = ~negative & (found.source != "balmer") & refuted
    unknown = negative | limited
    return Attenuation(
        a_v=np.where(unknown, np.nan, found.a_v),
        a_v_err=np.where(unknown, np.nan, found.a_v_err),
        source=np.select([negative, limited], [NEGATIVE_HBETA, "lower_limit"], found.source),
        lower_limit=np.where(limited, least_a_v, np.nan),
    )


def survey_attenuation_of(fluxes: JointFluxes, apertures: Sequence[Aperture]) -> Attenuation:
    """Return the attenuation of every aperture (Li et al. 2025, Sections 3.2 and 4).

    It comes from the aperture's own lines where H-alpha and H-beta are detected and their ratio is
    above 2.86, and from the stack elsewhere, however faint H-beta is: for annuli from that of the
    stacked annuli, interpolated linearly between their middles.
    """
    return _own_or(SURVEY_STACK, fluxes, apertures)


def _own_or(
    assumed: AssumedAttenuation | None, fluxes: JointFluxes, apertures: Sequence[Aperture]
) -> Attenuation:
    """Return the attenuation by an aperture's own lines, or what is assumed instead."""
    nothing, source = (math.nan, math.nan), assumed.source if assumed else NO_ATTENUATION
    otherwise = np.array([assumed.of_aperture(a) if assumed else nothing for a in apertures])
    halpha, hbeta = fluxes.of_line("halpha"), fluxes.of_line("hbeta")
    own_a_v = balmer_a_v(halpha, hbeta)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.hypot(fluxes.error_of("halpha") / halpha, fluxes.error_of("hbeta") / hbeta)
    own = fluxes.detected("halpha") & fluxes.detected("hbeta") & (own_a_v > 0.0)
    return Attenuation(
        a_v=np.where(own, own_a_v, otherwise[:, 0]),
        a_v_err=np.where(own, _mag_per_dex() * relative / np.log(10.0), otherwise[:, 1]),
        source=np.where(own, "balmer", source),
    )


def _least_a_v(fluxes: JointFluxes) -> Array:
    """Return the A_V that an undetected H-beta needs at least; NaN where it needs none."""
    hbeta, error = fluxes.of_line("hbeta"), fluxes.error_of("hbeta")
    ceiling = np.maximum(DETECTION_SNR * error, hbeta + HBETA_LIMIT_SIGMA * error)
    missing = fluxes.detected("halpha") & ~fluxes.detected("hbeta")
    return np.where(missing, balmer_a_v(fluxes.of_line("halpha"), ceiling), np.nan)


def assumed_at(
    redshift: float, stated: AssumedAttenuation | None = None
) -> AssumedAttenuation | None:
    """Return what is assumed where H-beta gives no attenuation; None for nothing.

    Parameters
    ----------
    redshift : float
        Redshift of the galaxy.
    stated : AssumedAttenuation, optional
        What was asked for; by default that of the survey's stack, within its redshifts.
    """
    first, last = SURVEY_REDSHIFTS
    return stated or (SURVEY_STACK if first < redshift < last else None)


def assumptions_on_dust(
    attenuation: Attenuation, apertures: Sequence[str], redshift: float
) -> tuple[str, ...]:
    """Say where A_V is not the aperture's own, and what it is instead.

    Parameters
    ----------
    attenuation : Attenuation
        Attenuation of the apertures.
    apertures : sequence of str
        Their names.
    redshift : float
        Redshift of the galaxy.
    """
    first, last = SURVEY_REDSHIFTS
    texts = {
        SURVEY_STACK.source: "is that of the survey's stacked galaxies at z ~ 1.5 (Li et al. 2025),"
        " as H-beta does not give it; state --attenuation A_V ERR where more is known",
        "stated": "is the one stated, as H-beta does not give it",
        NO_ATTENUATION: "is not known, as H-beta does not give it and that of the survey's stacked "
        f"galaxies, at {first:g} < z < {last:g}, is not assumed at z = {redshift:.3g}: abundances "
        "that need it are left out; state --attenuation A_V ERR, or --stack-attenuation",
    }  # fmt: skip
    names = np.array(apertures)
    return tuple(
        f"A_V of {', '.join(names[attenuation.source == source])} {text}"
        for source, text in texts.items() if np.any(attenuation.source == source)
    )  # fmt: skip
