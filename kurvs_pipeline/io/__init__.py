"""Read and write cubes; every layout has a module of its own."""
