"""The 43 galaxies of KURVS."""
