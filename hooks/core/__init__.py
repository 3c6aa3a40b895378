"""Decides the desired state, without I/O, clock, randomness, environment or logging."""
