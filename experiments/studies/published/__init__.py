"""The survey's own spectra, measured again and compared with its tables."""
