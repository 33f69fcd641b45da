"""Mean spectra of many galaxies."""
