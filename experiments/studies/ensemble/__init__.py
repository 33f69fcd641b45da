"""Many twins of the survey, with three intrinsic distributions of gradients."""
