"""Galaxies from their cubes to tables and figures."""
