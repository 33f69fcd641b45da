"""From the state of the gas to every line."""
