"""Arrays to widgets and figures."""
