"""What a fit would find, without drawing noise."""
