"""Parses environment variables and files into settings, once at the start."""
