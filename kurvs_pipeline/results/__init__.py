"""What is kept of a measured galaxy, to disk and back."""
