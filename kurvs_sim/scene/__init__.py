"""The galaxy on an oversampled sky, behind the seeing."""
