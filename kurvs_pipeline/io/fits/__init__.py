"""One FITS cube, whatever its header calls things."""
