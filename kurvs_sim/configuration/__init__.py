"""The TOML file that describes one mock."""

from kurvs_sim.configuration.file import dump_mock, load_mock, mock_schema, parse_mock

__all__ = ["dump_mock", "load_mock", "mock_schema", "parse_mock"]
