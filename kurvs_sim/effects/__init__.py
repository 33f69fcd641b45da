"""What bends a measurement beyond seeing and white noise, each switched on alone."""
