"""Mock observations: from a file, with a set of effects, or as line fluxes alone."""
