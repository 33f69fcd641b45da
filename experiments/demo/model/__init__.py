"""A state of the sliders to arrays."""
