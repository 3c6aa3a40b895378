"""The scope of an ACR token: `repository:<name>:<action>[,<action>...]`.

Knows the text and the claim; not who may have it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# https://distribution.github.io/distribution/spec/auth/scope/ without wildcards in the name, as
# Azure/acr@81b818e:docs/AAD-OAuth.md; the only registry scope there is registry:catalog:*
_SCOPE = re.compile(
    r"(?P<type>repository|registry):(?P<name>[a-z0-9][a-z0-9._/-]*):(?P<actions>[a-z_*]+(,[a-z_*]+)*)"
)


@dataclass(frozen=True)
class Scope:
    """Actions on one repository, such as `pull`, or on the catalog."""

    type: str
    name: str
    actions: tuple[str, ...]

    def __str__(self) -> str:
        """As in a challenge."""
        return f"{self.type}:{self.name}:{','.join(self.actions)}"

    def claim(self) -> dict[str, Any]:
        """An entry of the claim `access`: keys `type`, `name` and `actions`."""
        return {"type": self.type, "name": self.name, "actions": list(self.actions)}

    def within(self, access: Iterable[dict[str, Any]]) -> "Scope":
        """This scope with those of its actions that the claim *access* covers."""
        covered = {
            action
            for entry in access
            if (entry["type"], entry["name"]) == (self.type, self.name)
            for action in entry["actions"]
        }
        return self.only(covered)

    def only(self, actions: Iterable[str]) -> "Scope":
        """This scope with those of its actions that are among *actions*."""
        kept = set(actions)
        return Scope(self.type, self.name, tuple(a for a in self.actions if a in kept))


def parse_scopes(values: Iterable[str]) -> list[Scope]:
    """Read the values of the field `scope`, each one scope or several between spaces.

    Raises:
        ValueError: One of them is not a scope, e.g. has a wildcard for a repository.
    """
    scopes = []
    for text in " ".join(values).split():
        match = _SCOPE.fullmatch(text)
        if match is None:
            raise ValueError(f"scope {text!r}: expected e.g. repository:alice:pull")
        scopes.append(Scope(match["type"], match["name"], tuple(match["actions"].split(","))))
    return scopes
