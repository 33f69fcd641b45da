"""Bias and scatter of gradients with each effect of the simulator switched on or off alone."""
