"""Time and memory of the service: `make bench`. Linux only."""
