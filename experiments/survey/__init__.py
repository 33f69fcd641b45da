"""Twins of the survey, measured, tabulated and drawn as the paper was."""
