"""The pipeline up to its line fluxes, for experiments that ask for nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass

import xarray as xr
from astropy.table import QTable

from kurvs_pipeline.arrays import Array
from kurvs_pipeline.binning import Aperture
from kurvs_pipeline.fluxes.band_fit import BandFit
from kurvs_pipeline.fluxes.table import flux_table
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_pipeline.pipeline import Pipeline


@dataclass(frozen=True)
class MeasuredLines:
    """Line fluxes of a galaxy, with what they were measured on.

    Parameters
    ----------
    metadata : ObservationMetadata
        With the redshift that was found.
    apertures : tuple of Aperture
        The integrated one first.
    weights : array, shape (n_apertures, n_y, n_x)
        Fraction of each spaxel in each.
    fits : mapping of str to BandFit
        By band.
    fluxes : QTable
        Of every line in every aperture.
    """

    metadata: ObservationMetadata
    apertures: tuple[Aperture, ...]
    weights: Array
    fits: Mapping[str, BandFit]
    fluxes: QTable


def measure_lines(mock: xr.DataTree) -> MeasuredLines:
    """Measure the line fluxes alone, as the pipeline does.

    Parameters
    ----------
    mock : DataTree
        An Observation.

    Returns
    -------
    MeasuredLines
        Fits and fluxes of the integrated aperture and the annuli.
    """
    pipeline = Pipeline()
    cubes, frame, placed = pipeline.locate(mock)
    fits = pipeline.fit_lines(cubes, frame, placed)
    fluxes = flux_table(fits, placed.names, placed.coverage)
    return MeasuredLines(frame.metadata, placed.apertures, placed.weights, fits, fluxes)
