"""A linter for binding manifests. Needs no cluster: `python -m hooks.doctor --help`."""
