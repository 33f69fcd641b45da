"""Simulate KMOS cubes of disk galaxies whose metallicity gradient is known."""
