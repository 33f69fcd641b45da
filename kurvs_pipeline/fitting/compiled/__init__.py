"""The search of :mod:`~kurvs_pipeline.fitting.plain`, compiled by numba."""

from kurvs_pipeline.fitting.compiled.descent import descend, project
from kurvs_pipeline.fitting.compiled.start import choose_start

__all__ = ["BLOCK_SIZE", "choose_start", "descend", "project"]

BLOCK_SIZE = 1000
"""Spectra of a batch: one follows the other, so that only Python needs amortising."""
