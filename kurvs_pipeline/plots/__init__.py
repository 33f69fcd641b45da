"""Figures of one measured galaxy, or of many."""
