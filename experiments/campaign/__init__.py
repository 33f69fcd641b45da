"""Many tasks on any number of workers, in one store."""
