"""From the arrays of a state to widgets and figures."""
