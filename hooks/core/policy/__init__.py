"""Permissions of a binding, by the settings and the annotations of its Namespace."""
