"""Hook bodies from and to JSON."""
