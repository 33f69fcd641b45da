"""How long a galaxy must be observed."""
