"""Dust, abundances, ionization and source of the light, from line fluxes."""
