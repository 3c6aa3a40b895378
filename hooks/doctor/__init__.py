"""Says of a binding's manifest, without a cluster, what is wrong with it or what would come of it.

`python -m hooks.doctor --help`. With `--live` it gets a token from where it runs, and shows none.
"""
