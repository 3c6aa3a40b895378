"""Many bindings for many minutes, with faults: `make soak`.

The in-memory Metacontroller calls the real service over HTTP, in real time; see `plan.Plan`.
"""
