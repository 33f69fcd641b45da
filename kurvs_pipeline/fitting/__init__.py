"""Lines and flat continua fitted to many spectra at once."""
