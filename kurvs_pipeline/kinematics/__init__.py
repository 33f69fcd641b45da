"""Where the galaxy is, how its gas moves, and its apertures."""
