"""Twins of the survey, measured, tabulated and drawn as in the paper."""
