"""Experiments that compare what was simulated with what was measured."""
