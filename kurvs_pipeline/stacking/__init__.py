"""Mean spectra of many galaxies."""

from kurvs_pipeline.stacking.lines import StackedLines, measure_stack
from kurvs_pipeline.stacking.members import read_stellar_masses
from kurvs_pipeline.stacking.rest_spectra import (
    RestSpectrum,
    rest_spectra_of_galaxy,
    rest_spectra_of_tables,
)
from kurvs_pipeline.stacking.stack import Stack, StackedBand, stack_spectra

__all__ = [
    "RestSpectrum", "Stack", "StackedBand", "StackedLines", "measure_stack", "read_stellar_masses",
    "rest_spectra_of_galaxy", "rest_spectra_of_tables", "stack_spectra",
]  # fmt: skip
