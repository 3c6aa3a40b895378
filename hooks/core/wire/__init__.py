"""Converts the bodies of hooks from and to JSON."""
