"""Injection and recovery of gradients."""
