"""Gradients of the same mocks measured in several binnings."""
