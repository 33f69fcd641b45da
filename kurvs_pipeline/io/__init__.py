"""Read and write cubes; every layout has a module of its own."""

from kurvs_pipeline.io.fits.cube import read_cube
from kurvs_pipeline.io.fits.options import CubeOptions
from kurvs_pipeline.io.fits.writing import write_eso, write_flux_err
from kurvs_pipeline.io.images import StarImage, read_star, read_velocity_map
from kurvs_pipeline.io.native import read_native, write_native
from kurvs_pipeline.io.reading import LAYOUTS, Layout, read_observation
from kurvs_pipeline.io.survey.reading import read_survey
from kurvs_pipeline.io.survey.writing import write_survey
from kurvs_pipeline.io.tables import ExtractedSpectrum, read_spectra_table

__all__ = [
    "LAYOUTS", "CubeOptions", "ExtractedSpectrum", "Layout", "StarImage", "read_cube",
    "read_native", "read_observation", "read_spectra_table", "read_star", "read_survey",
    "read_velocity_map", "write_eso", "write_flux_err", "write_native",
    "write_survey",
]  # fmt: skip
