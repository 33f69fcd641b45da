"""What is kept of a measured galaxy, to disk and back."""

from kurvs_pipeline.results.reading import read_result_table, read_results
from kurvs_pipeline.results.writing import write_results

__all__ = ["read_result_table", "read_results", "write_results"]
