"""Recovery of known gradients from mocks."""
