"""Line fluxes of 1-D spectra that come in tables."""

from kurvs_pipeline.extracted.catalogue import Catalogue
from kurvs_pipeline.extracted.fluxes import SpectraFits, fit_spectra, read_redshifts
from kurvs_pipeline.extracted.spectrum import FittedSpectrum

__all__ = ["Catalogue", "FittedSpectrum", "SpectraFits", "fit_spectra", "read_redshifts"]
