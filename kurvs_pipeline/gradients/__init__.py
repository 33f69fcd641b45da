"""Gradients through the annuli, by every estimator."""
