"""How a property of a galaxy changes with radius."""
