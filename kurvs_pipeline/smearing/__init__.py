"""How much of each ring of a disk lands in each aperture, and what that does to a slope."""
