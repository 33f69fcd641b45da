"""Attenuation of each aperture: from its own Balmer lines, or that of stacked galaxies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import QTable
from numpy.typing import NDArray

from kurvs_pipeline.binning import Aperture
from kurvs_pipeline.dust import CASE_B_HALPHA_HBETA, R_V, attenuation_curve
from kurvs_pipeline.joint_fluxes import JointFluxes
from kurvs_pipeline.lines import REST_WAVELENGTH_UM

Array = NDArray[np.float64]

STACKED_INTEGRATED = (0.38, 0.15)
"""A_V and its error of the stack of all galaxies (Li et al. 2025, Section 3.2)."""

STACKED_RADIUS_ARCSEC = (0.25, 0.75, 1.25)
STACKED_ANNULI = ((0.62, 0.16), (0.40, 0.20), (0.00, 0.20))
"""The same of the stacked annuli of 0 to 0.5, 1.0 and 1.5 arcsec (Section 4)."""


@dataclass(frozen=True)
class Attenuation:
    """Attenuation of the gas in V of every aperture.

    Parameters
    ----------
    a_v, a_v_err : array, shape (n_apertures,)
        mag.
    source : str array, shape (n_apertures,)
        ``balmer`` for the aperture's own H-alpha and H-beta, ``stack`` for that of stacked
        galaxies.
    """

    a_v: Array
    a_v_err: Array
    source: NDArray[np.str_]

    def draws(self, random: np.random.Generator, fluxes: dict[str, Array], number: int) -> Array:
        """Draw A_V together with the lines.

        Parameters
        ----------
        random : Generator
            Of the draws.
        fluxes : dict of str to array, shape (number, n_apertures)
            Drawn lines, which carry the Balmer decrement's error.
        number : int
            How many.

        Returns
        -------
        array, shape (number, n_apertures)
            mag; NaN where a drawn line is not positive. Below zero where noise takes it there.
        """
        stacked = self.a_v + self.a_v_err * random.standard_normal((number, self.a_v.size))
        own = self.source == "balmer"
        if not own.any():
            return stacked
        return np.where(own, balmer_a_v(fluxes["halpha"], fluxes["hbeta"]), stacked)

    def table(self, apertures: Sequence[Aperture]) -> QTable:
        """Return ``aperture, a_v, a_v_err, source``.

        Parameters
        ----------
        apertures : sequence of Aperture
            In the order of the values.
        """
        return QTable({
            "aperture": [aperture.name for aperture in apertures],
            "a_v": self.a_v * u.mag,
            "a_v_err": self.a_v_err * u.mag,
            "source": self.source,
        })  # fmt: skip


def balmer_a_v(halpha: Array, hbeta: Array) -> Array:
    """Return A_V of the Balmer decrement (Li et al. 2025, eq. 1).

    Parameters
    ----------
    halpha, hbeta : array, any one shape
        Fluxes behind the dust, in the same unit.

    Returns
    -------
    array, the same shape
        mag; negative below the ratio of case B, 2.86, and NaN where a flux is not positive.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        reddening = np.log10(halpha / hbeta / CASE_B_HALPHA_HBETA)
    a_v = _mag_per_dex() * reddening
    return np.where((halpha > 0.0) & (hbeta > 0.0), a_v, np.nan)


def _mag_per_dex() -> float:
    """A_V per logarithm of the Balmer decrement."""
    hbeta, halpha = (
        float(attenuation_curve(REST_WAVELENGTH_UM[name])) for name in ("hbeta", "halpha")
    )
    return R_V / (0.4 * (hbeta - halpha))


def attenuation_of(fluxes: JointFluxes, apertures: Sequence[Aperture]) -> Attenuation:
    """Return the attenuation of every aperture (Li et al. 2025, Sections 3.2 and 4).

    Parameters
    ----------
    fluxes : JointFluxes
        Of the apertures.
    apertures : sequence of Aperture
        Annuli without a decrement of their own take that of the stacked annuli, by straight
        lines between their middles.

    Returns
    -------
    Attenuation
        Of the aperture's own lines where H-alpha and H-beta are detected and their ratio is
        above 2.86.
    """
    stacked = np.array([_stacked(aperture) for aperture in apertures])
    halpha, hbeta = fluxes.of_line("halpha"), fluxes.of_line("hbeta")
    own_a_v = balmer_a_v(halpha, hbeta)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.hypot(fluxes.error_of("halpha") / halpha, fluxes.error_of("hbeta") / hbeta)
    own = fluxes.detected("halpha") & fluxes.detected("hbeta") & (own_a_v > 0.0)
    return Attenuation(
        a_v=np.where(own, own_a_v, stacked[:, 0]),
        a_v_err=np.where(own, _mag_per_dex() * relative / np.log(10.0), stacked[:, 1]),
        source=np.where(own, "balmer", "stack"),
    )


def _stacked(aperture: Aperture) -> tuple[float, float]:
    if aperture.name == "integrated":
        return STACKED_INTEGRATED
    values, errors = zip(*STACKED_ANNULI, strict=True)
    at = aperture.middle_arcsec
    return (float(np.interp(at, STACKED_RADIUS_ARCSEC, values)),
            float(np.interp(at, STACKED_RADIUS_ARCSEC, errors)))  # fmt: skip
