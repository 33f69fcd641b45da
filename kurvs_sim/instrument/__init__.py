"""Spaxels, photons, electrons and the noise that they make."""
