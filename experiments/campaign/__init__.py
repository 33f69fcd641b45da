"""Campaigns: many tasks on any number of workers, with their results in one store."""
