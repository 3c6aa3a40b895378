"""Writes the templates of charts/acrpull from the manifests: `make chart`."""
