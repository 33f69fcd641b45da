"""One run of a command: its folder, its record, its processes and what the terminal shows."""
