"""The decisions, with no I/O, clock, randomness, environment or logging."""
