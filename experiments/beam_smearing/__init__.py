"""The beam-smearing correction f_grad: what it depends on, and the published curves."""
