"""The TOML file that describes one mock."""
