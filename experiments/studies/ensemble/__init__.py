"""Many twins with three intrinsic distributions."""
