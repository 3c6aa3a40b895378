"""The status of a binding."""
