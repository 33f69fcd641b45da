"""Measure metallicity gradients from KMOS cubes, real or simulated."""

from importlib.metadata import version

__version__ = version("kurvs")
