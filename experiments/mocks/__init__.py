"""Making mocks: of a file, of a set of effects, or as line fluxes alone."""
