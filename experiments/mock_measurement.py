"""One observation measured in several binnings, sharing all that does not depend on them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import xarray as xr
from astropy.table import QTable

from kurvs_pipeline.binning import Aperture, BinningScheme
from kurvs_pipeline.calibrated_cubes import CalibratedCubes
from kurvs_pipeline.errors import CoverageError
from kurvs_pipeline.galaxy_frame import GalaxyFrame
from kurvs_pipeline.gas_properties import GasProperties
from kurvs_pipeline.measure import Pipeline, gradients_of
from kurvs_pipeline.placed_apertures import PlacedApertures
from kurvs_pipeline.stellar_mass import UNKNOWN_MASS

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
        As of :class:`~kurvs_pipeline.galaxy_measurement.GalaxyMeasurement`.
    """

    annuli: tuple[Aperture, ...]
    kpc_per_arcsec: float
    abundances: QTable
    gradients: QTable


def measure_in_schemes(
    observation: xr.DataTree, schemes: Sequence[BinningScheme]
) -> tuple[SchemeMeasurement, ...]:
    """Measure one observation in several binnings.

    Noise, velocity map and redshift are those of the survey's binning in all of them, so that
    binnings differ by their annuli alone.

    Parameters
    ----------
    observation : DataTree
        Mock or real.
    schemes : sequence of BinningScheme
        The binnings. Outer annuli that the field does not hold are left out.

    Returns
    -------
    tuple of SchemeMeasurement
        In their order.
    """
    cubes = CalibratedCubes.of(observation, SURVEY_SCHEME)
    found = GalaxyFrame.of(cubes)
    integrated = PlacedApertures.of(found, SURVEY_SCHEME, cubes.halpha.valid_spaxels).weights[0]
    frame = found.about_systemic(cubes, integrated)
    return tuple(_measured(cubes, frame, scheme) for scheme in schemes)


def _measured(
    cubes: CalibratedCubes, frame: GalaxyFrame, scheme: BinningScheme
) -> SchemeMeasurement:
    apertures = _inside_field(cubes, frame, scheme)
    gas = GasProperties.of(
        Pipeline(scheme).fit_lines(cubes, frame, apertures), apertures.apertures,
        redshift=frame.metadata.redshift, stellar_mass=UNKNOWN_MASS, seed=0,
    )  # fmt: skip
    annuli = apertures.apertures[1:]
    scale = apertures.radius_kpc(frame.metadata.redshift)[0] / annuli[0].middle_arcsec
    return SchemeMeasurement(annuli, scale, gas.abundances, gradients_of(gas, frame, apertures))


def _inside_field(
    cubes: CalibratedCubes, frame: GalaxyFrame, scheme: BinningScheme
) -> PlacedApertures:
    """Place the annuli of a scheme, less the outer ones that the field does not hold."""
    while True:
        try:
            return PlacedApertures.of(frame, scheme, cubes.halpha.valid_spaxels)
        except CoverageError:
            if len(scheme.edges) == 2:
                raise
            scheme = replace(scheme, edges=scheme.edges[:-1])
