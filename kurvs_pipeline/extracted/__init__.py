"""Line fluxes of 1-D spectra that come in tables."""
