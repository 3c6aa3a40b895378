"""Environment variables and files to values, read once at the start."""
