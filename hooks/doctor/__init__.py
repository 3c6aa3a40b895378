"""A linter for binding manifests, which needs no cluster: `python -m hooks.doctor --help`."""
