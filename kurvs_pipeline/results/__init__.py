"""What is kept of a measured galaxy, to disk and back."""

from kurvs_pipeline.results.galaxy import GalaxyResults, results_of
from kurvs_pipeline.results.reading import read_result_table, read_results
from kurvs_pipeline.results.writing import write_results

__all__ = ["GalaxyResults", "read_result_table", "read_results", "results_of", "write_results"]
