"""From a cube to co-added spectra with the noise that they have."""
