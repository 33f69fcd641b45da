"""F_grad: what it depends on, and the published curves."""
