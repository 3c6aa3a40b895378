"""Hooks that Metacontroller calls to keep Azure container registry pull Secrets fresh.

`hooks.core` is pure: values and *now* in, values out. Everything else here is the shell around it:
it reads the environment, the clock and files, and talks to Azure. The import rules that keep it so
are contracts in `pyproject.toml`, checked by `make test`.
"""
