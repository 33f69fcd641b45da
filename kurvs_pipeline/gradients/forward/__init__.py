"""The disk that explains the fluxes of all annuli through the seeing."""
