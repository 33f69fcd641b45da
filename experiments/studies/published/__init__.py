"""The survey's own spectra beside its tables."""
