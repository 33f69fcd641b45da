"""From the cubes of galaxies to tables and figures."""
