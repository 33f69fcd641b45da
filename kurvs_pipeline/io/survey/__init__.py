"""The layout of the reduced cubes of KURVS."""
