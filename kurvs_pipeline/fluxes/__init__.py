"""Line fluxes of every aperture in every band, and their covariance."""
