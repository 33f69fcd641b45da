"""From a cube to co-added spectra with the noise that they have."""

from kurvs_pipeline.spectra.calibration import CalibratedBand, calibrate
from kurvs_pipeline.spectra.coaddition import ApertureSpectra, coadd
from kurvs_pipeline.spectra.cubes import CalibratedCubes
from kurvs_pipeline.spectra.noise import SpatialCorrelation, measure_correlation

__all__ = [
    "ApertureSpectra", "CalibratedBand", "CalibratedCubes", "SpatialCorrelation", "calibrate",
    "coadd", "measure_correlation",
]  # fmt: skip
