"""From tables of extracted spectra to line fluxes, stacks and figures."""
