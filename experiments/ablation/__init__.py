"""Each effect switched on and off alone."""
