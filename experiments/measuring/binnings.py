"""One observation measured in several binnings, sharing all that does not depend on them."""

from dataclasses import dataclass, replace
from typing import Self

import xarray as xr
from astropy.table import QTable

from kurvs_pipeline.binning import Aperture, BinningScheme
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.errors import CoverageError
from kurvs_pipeline.gas.classes import UNKNOWN_MASS
from kurvs_pipeline.gas.properties import GasProperties
from kurvs_pipeline.kinematics.apertures import PlacedApertures
from kurvs_pipeline.kinematics.frame import GalaxyFrame
from kurvs_pipeline.pipeline import Pipeline, gradients_of
from kurvs_pipeline.spectra.cubes import CalibratedCubes

SURVEY_SCHEME = BinningScheme()
"""Whose outer edge is that of the galaxy, for all binnings alike."""


@dataclass(frozen=True)
class SchemeMeasurement:
    """What one binning makes of a galaxy.

    Parameters
    ----------
    annuli : tuple of Aperture
        Outwards.
    kpc_per_arcsec : float
        Scale at the measured redshift.
    abundances, gradients : QTable
        As of :class:`~kurvs_pipeline.measured_galaxy.GalaxyMeasurement`.
    """

    annuli: tuple[Aperture, ...]
    kpc_per_arcsec: float
    abundances: QTable
    gradients: QTable


@dataclass(frozen=True)
class SharedMeasurement:
    """What all binnings of a galaxy share: noise, position, velocities and redshift.

    Parameters
    ----------
    cubes : CalibratedCubes
        With the noise measured outside the survey's annuli.
    frame : GalaxyFrame
        About the redshift of the integrated aperture.
    """

    cubes: CalibratedCubes
    frame: GalaxyFrame

    @classmethod
    def of(cls, observation: xr.DataTree) -> Self:
        """Measure what does not depend on annuli.

        Parameters
        ----------
        observation : DataTree
            Mock or real.
        """
        cubes, frame, _ = Pipeline(SURVEY_SCHEME).locate(observation)
        return cls(cubes, frame)

    @property
    def in_halpha_band(self) -> Self:
        """The same with the band of H-alpha alone, which is all that [N II]/H-alpha needs."""
        name, band = next(iter(self.cubes.bands.items()))
        return replace(self, cubes=replace(self.cubes, bands={name: band}))

    def measure(self, scheme: BinningScheme) -> SchemeMeasurement:
        """Measure the annuli of one binning.

        Parameters
        ----------
        scheme : BinningScheme
            Outer annuli that the field does not hold are left out.

        Returns
        -------
        SchemeMeasurement
            Abundances and gradients of the annuli inside the field.
        """
        apertures = self._inside_field(scheme)
        redshift = self.frame.metadata.redshift
        gas = GasProperties.of(
            Pipeline(scheme).fit_lines(self.cubes, self.frame, apertures), apertures.apertures,
            redshift=redshift, stellar_mass=UNKNOWN_MASS, seed=0,
        )  # fmt: skip
        return SchemeMeasurement(
            apertures.apertures[1:], kpc_per_arcsec(redshift), gas.abundances,
            gradients_of(gas, self.frame, apertures),
        )  # fmt: skip

    def _inside_field(self, scheme: BinningScheme) -> PlacedApertures:
        while True:
            try:
                return PlacedApertures.of(self.frame, scheme, self.cubes.halpha.valid_spaxels)
            except CoverageError:
                if len(scheme.edges) == 2:
                    raise
                scheme = replace(scheme, edges=scheme.edges[:-1])
