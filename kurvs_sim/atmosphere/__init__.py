"""Airglow, transmission and seeing."""
