"""Published relations from line ratios to 12 + log(O/H): common ground with the simulator."""
