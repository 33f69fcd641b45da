"""What every account of a measured galaxy holds: tables, apertures and maps."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from astropy.table import QTable

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.binning import Aperture
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.fitting.coverage import LINE_FLAGS
from kurvs_pipeline.fitting.outcome import join_flags
from kurvs_pipeline.kinematics.velocity_map import KinematicMaps
from kurvs_pipeline.observation import ObservationMetadata


@dataclass(frozen=True, kw_only=True)
class GalaxyMeasurement:
    """Tables, apertures and maps of one galaxy.

    Parameters
    ----------
    metadata : ObservationMetadata
        What was given, with the redshift as measured.
    redshift_err : float
        NaN where H-alpha was not detected, or the redshift is in doubt: it is then the one given.
    fluxes, attenuation, abundances, ionization, classes, mass_excitation, gradients : QTable
        See :func:`~kurvs_pipeline.fluxes.table.flux_table`,
        :meth:`~kurvs_pipeline.gas.attenuation.Attenuation.table`,
        :func:`~kurvs_pipeline.gas.abundances.abundance_table`,
        :func:`~kurvs_pipeline.gas.ionization.ionization_table`,
        :func:`~kurvs_pipeline.gas.classes.bpt_table`,
        :func:`~kurvs_pipeline.gas.classes.mass_excitation_table` (of the integrated aperture,
        with the mass given) and
        :func:`~kurvs_pipeline.gradients.table.gradient_table`. Where the redshift is in doubt,
        those without flags hold nothing (:func:`~kurvs_pipeline.measured_galaxy.without_numbers`).
    apertures : tuple of Aperture
        The integrated ellipse, then the annuli outwards.
    coverage : tuple of float
        Fraction of each aperture's area on spaxels with data.
    weights : array, shape (n_apertures, n_y, n_x)
        Fraction of each spaxel in each aperture.
    x_arcsec, y_arcsec : array, shapes (n_x,), (n_y,)
        Spaxel centres from the centre of the galaxy, to the West and to the North.
    maps : KinematicMaps
        Velocities relative to the measured redshift.
    noise_scale : mapping of str to float
        Factor by which each band's stated noise was multiplied.
    assumptions : tuple of str
        What files left open, and what was assumed for it.
    """

    metadata: ObservationMetadata
    redshift_err: float
    fluxes: QTable
    attenuation: QTable
    abundances: QTable
    ionization: QTable
    classes: QTable
    mass_excitation: QTable
    gradients: QTable
    apertures: tuple[Aperture, ...]
    coverage: tuple[float, ...]
    weights: Array
    x_arcsec: Array
    y_arcsec: Array
    maps: KinematicMaps
    noise_scale: Mapping[str, float]
    assumptions: tuple[str, ...] = ()

    @property
    def annuli(self) -> tuple[Aperture, ...]:
        """The apertures of the gradient, outwards."""
        return tuple(a for a in self.apertures if a.name != "integrated")

    @property
    def kpc_per_arcsec(self) -> float:
        """Scale at the measured redshift."""
        return kpc_per_arcsec(self.metadata.redshift)

    def snr(self, aperture: str, line: str) -> float:
        """Return a line's flux over its error; NaN where it was not covered.

        Parameters
        ----------
        aperture, line : str
            Names, as in ``fluxes``.
        """
        return self._of_line("snr", aperture, line)

    def upper_limit(self, aperture: str, line: str) -> float:
        """Return a line's 4-sigma limit in the unit of ``fluxes``; NaN for a detected line.

        Parameters
        ----------
        aperture, line : str
            Names, as in ``fluxes``.
        """
        return self._of_line("upper_limit", aperture, line)

    def is_doubtful(self, aperture: str, line: str) -> bool:
        """Return whether a line is flagged by itself, cut or out of the ratio of its doublet.

        Parameters
        ----------
        aperture, line : str
            Names, as in ``fluxes``.
        """
        rows = (self.fluxes["aperture"] == aperture) & (self.fluxes["line"] == line)
        flags = {flag for text in self.fluxes["flag"][rows] for flag in str(text).split("+")}
        return not flags.isdisjoint(LINE_FLAGS)

    def _of_line(self, column: str, aperture: str, line: str) -> float:
        rows = (self.fluxes["aperture"] == aperture) & (self.fluxes["line"] == line)
        return float(self.fluxes[column].value[rows][0]) if rows.any() else math.nan


DOUBTFUL_REDSHIFT = "doubtful_redshift"
"""Flag of such a galaxy."""

IN_PLACE: dict[str, str | bool] = {
    "class_local": "unknown",
    "class_at_redshift": "unknown",
    "class_mass_excitation": "unknown",
    "limit": "none",
    "log_nii_halpha_limit": "none",
    "log_oiii_hbeta_limit": "none",
    "source": DOUBTFUL_REDSHIFT,
    "extrapolated": False,
}
"""What stands in columns that hold no numbers."""


def with_doubt(table: QTable) -> QTable:
    """Put the doubt before the other flags.

    Parameters
    ----------
    table : QTable
        With ``flag``, empty where there is none.

    Returns
    -------
    QTable
    """
    flagged = table.copy()
    flagged["flag"] = join_flags(DOUBTFUL_REDSHIFT, table["flag"])
    return flagged


def without_numbers(table: QTable) -> QTable:
    """Take out of a table what it says by the names of lines.

    Parameters
    ----------
    table : QTable
        Attenuation, ionization or classes.

    Returns
    -------
    QTable
        Numbers are NaN, but for the stellar mass, which is not from lines; classes ``unknown``,
        limits ``none``, nothing is extrapolated, and the source of an attenuation is the doubt.
    """
    emptied = table.copy()
    for name in table.colnames:
        if table[name].dtype.kind == "f" and not name.startswith("log_stellar_mass"):
            emptied[name] = np.nan * table[name]
        elif name in IN_PLACE:
            emptied[name] = np.full(len(table), IN_PLACE[name])
    return emptied
