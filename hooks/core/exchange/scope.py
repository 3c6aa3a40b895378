"""Compares the requested scope with the scope granted in a token.

Grammar: https://distribution.github.io/distribution/spec/auth/scope/
"""

from collections.abc import Iterator
from typing import Any


def missing(scope: str, access: Any) -> tuple[str, ...]:  # noqa: ANN401  any JSON value
    """Return the actions in *scope* that *access* does not grant, e.g. "push on app".

    *scope* is valid: `type:name:action,action`, several separated by spaces.
    *access* is the claim of a token, e.g. `[{"type": "repository", "name": "app", "actions":
    ["pull"]}]`. https://github.com/Azure/acr/blob/81b818e/docs/AAD-OAuth.md

    A granted `*` includes every action. A requested `*` is satisfied by any granted action, because
    a registry may replace `*` by the granted actions.
    """
    granted = set(_granted(access))
    every = {(kind, name) for kind, name, action in granted if action == "*"}
    granted |= {(kind, name, "*") for kind, name, _ in granted}
    return tuple(
        f"{action} on {name}"
        for kind, name, action in _asked(scope)
        if (kind, name, action) not in granted and (kind, name) not in every
    )


def _asked(scope: str) -> Iterator[tuple[str, str, str]]:
    for part in scope.split():
        kind, _, rest = part.partition(":")
        name, _, actions = rest.rpartition(":")
        for action in dict.fromkeys(actions.split(",")):
            yield kind, name, action


def _granted(access: Any) -> Iterator[tuple[str, str, str]]:  # noqa: ANN401  any JSON value
    for entry in access if isinstance(access, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("actions"), list):
            kind, name = entry.get("type"), entry.get("name")
            if isinstance(kind, str) and isinstance(name, str):
                for action in entry["actions"]:
                    if isinstance(action, str):
                        yield kind, name, action
