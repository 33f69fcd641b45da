"""How long to observe."""
