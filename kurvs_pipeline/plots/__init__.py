"""Figures of one measured galaxy, or of many."""

from kurvs_pipeline.plots.maps import plot_halpha_map, plot_velocity_map
from kurvs_pipeline.plots.profile import TrueProfile, plot_radial_profile
from kurvs_pipeline.plots.profiles_page import profiles_figure
from kurvs_pipeline.plots.spectra_page import spectra_figure
from kurvs_pipeline.plots.spectrum import plot_spectrum
from kurvs_pipeline.plots.summary_page import summary

__all__ = [
    "TrueProfile", "plot_halpha_map", "plot_radial_profile", "plot_spectrum", "plot_velocity_map",
    "profiles_figure", "spectra_figure", "summary",
]  # fmt: skip
