"""The ``kurvs`` command."""
